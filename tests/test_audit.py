"""The audit: verdicts, nulls, power, and what it makes of odd input."""

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from memgen.audit import Audit, audit, power
from memgen.audit.decide import Null, decide, holm, labellings, weights
from memgen.audit.neighbours import Lists, closeness
from memgen.audit.records import prepare
from memgen.statistics import proportion
from memgen.streams import stream

D = 8


def law(count: int, *key: object) -> np.ndarray:
    return stream("audit test", *key).standard_normal((count, D))


def spoilt(train: np.ndarray, generated: np.ndarray, copies: int, noise: float) -> np.ndarray:
    away = stream("audit test", "noise").standard_normal((copies, D))
    return np.concatenate([train[:copies] + noise * away, generated[copies:]])


@pytest.fixture(scope="module", autouse=True)
def few_plantings() -> Iterator[None]:
    """A power in tenths is enough to see what depends on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(power, "PLANTINGS", 10)
        yield


@pytest.fixture(scope="module")
def sets() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return law(300, "train"), law(200, "generated"), law(300, "holdout")


@pytest.fixture(scope="module")
def clean(sets: tuple[np.ndarray, ...]) -> Audit:
    train, generated, holdout = sets
    return audit(train, generated, holdout)


def test_fresh_points_are_no_evidence_and_say_what_would_have_been_found(clean: Audit) -> None:
    assert clean.verdict == "no evidence"
    assert clean.power["near"] >= 0.8
    assert 0 < clean.detectable["near"] <= 0.05
    assert [test.name for test in clean.tests] == [
        "near copies",
        "closest record",
        "surest first",
        "membership",
        "membership in the law",
        "AuthPct",
        "C_T",
        "overlap",
    ]
    for test in clean.tests:
        assert test.low <= test.null <= test.high
        assert test.p <= test.adjusted <= 1
        assert set(test.power) == {"near", "loose"}


@pytest.mark.parametrize("with_holdout", [True, False])
def test_a_few_copies_are_found(sets: tuple[np.ndarray, ...], with_holdout: bool) -> None:
    train, generated, holdout = sets
    found = audit(train, spoilt(train, generated, 10, 0.05), holdout if with_holdout else None)
    assert found.verdict == "memorized"
    assert {(pair.generated, pair.train) for pair in found.pairs[:10]} == {(k, k) for k in range(10)}
    assert all(pair.fresh == 0 for pair in found.pairs[:10])


def test_a_generator_that_knows_the_training_set_as_a_whole_is_told_from_one_that_copies() -> None:
    train, holdout, noise = (stream("audit test", "wide", k).standard_normal((100, 32)) for k in range(3))
    generated = train.mean(0) + noise @ np.linalg.cholesky(np.cov(train.T))  # a Gaussian fitted to the training set
    found = audit(train, generated, holdout)
    assert found.verdict == "memorized"
    assert "though none is plainly a copy" in found.answer
    law_of_few = next(test for test in found.tests if test.name == "membership in the law")
    assert law_of_few.significant and "shows 0.8" in law_of_few.closed


def test_a_generator_of_other_points_is_not_accused(sets: tuple[np.ndarray, ...]) -> None:
    """Too narrow, nearer to all records than fresh points are: AuthPct and C_T as usually read would accuse it."""
    train, generated, holdout = sets
    narrow = audit(train, 0.3 * generated, holdout)
    assert narrow.verdict != "memorized"
    usual = next(test for test in narrow.tests if test.name == "C_T")
    assert usual.statistic < -3 and usual.p > 0.05


def test_a_generator_that_repeats_itself_has_one_voice(sets: tuple[np.ndarray, ...]) -> None:
    train, generated, holdout = sets
    again = generated[:20].repeat(10, 0) + 1e-3 * stream("audit test", "again").standard_normal((200, D))
    found = audit(train, again, holdout)
    assert "generated: 180 of 200 repeat others, or nearly so, and count once" in found.notes
    assert found.verdict != "memorized"


def test_false_alarms_are_as_rare_as_stated_and_copies_are_not_missed() -> None:
    alarms, found, times = 0, 0, 40
    for k in range(times):
        train, generated, holdout = (law(100, name, k)[:, :4] for name in ("t", "g", "h"))
        alarms += any(test.significant for test in decide(prepare(train, generated, holdout), k).tests)
        copied = np.concatenate([train[:15] + 0.02, generated[15:]])
        found += any(test.significant for test in decide(prepare(train, copied, holdout), k).tests)
    assert proportion(alarms, times, 0.999)[1] <= 0.05
    assert found == times


def test_labels_of_unequal_sets_have_their_null() -> None:
    found = audit(law(300, "t"), law(100, "g"), law(60, "h"))
    share = next(test for test in found.tests if test.name == "closest record")
    assert share.null == pytest.approx(300 / 360, abs=0.02)
    assert found.verdict != "memorized"


def test_duplicates_and_overlap_are_reported_and_do_not_hide_copies(sets: tuple[np.ndarray, ...]) -> None:
    train, generated, holdout = sets
    found = audit(np.tile(train, (2, 1)), spoilt(train, generated, 10, 0.05), np.concatenate([holdout, train[:7]]))
    assert found.verdict == "memorized"
    assert found.notes[:2] == (
        "train: 300 of 600 rows are exact duplicates and count once",
        "holdout: 7 rows are in the training set as well and are left out",
    )
    pasted = np.concatenate([train[:3], holdout[:2], generated[5:]])
    assert prepare(train, pasted, holdout).notes == (
        "generated: 3 rows are training rows, number for number",
        "generated: 2 rows are held-out rows, number for number",
    )
    only = audit(train, generated, train)
    assert only.sizes["holdout"] == 0
    assert "holdout: nothing is left of it; the audit goes on without one" in only.notes


def test_groups_are_exchanged_together(sets: tuple[np.ndarray, ...]) -> None:
    train, generated, holdout = sets
    groups = np.arange(300) // 3, 100 + np.arange(300) // 3
    records = prepare(train, generated, holdout, groups)
    for labels in labellings(records, 5, np.random.default_rng(0)):
        assert len(np.unique(labels.reshape(-1, 3).sum(1))) == 2  # none or all three of a group
        assert labels.sum() == 300
    relatives = prepare(train, generated, holdout, (groups[0], groups[1] - 1))
    assert "holdout: 3 rows of groups that the training set has too are left out" in relatives.notes


def test_a_holdout_of_another_law_is_not_compared_with(sets: tuple[np.ndarray, ...]) -> None:
    train, generated, holdout = sets
    found = audit(train, generated, holdout + 1.0)
    assert any("is not a draw of the training set's law" in note for note in found.notes)
    assert [test.name for test in found.tests] == ["near copies"]
    assert found.verdict == "no evidence"
    families = train.repeat(3, 0)[:300] + 0.1 * holdout
    named = np.arange(300) // 3, 1000 + np.arange(300)
    assert len(audit(families, generated, holdout).tests) == 1  # relatives within the training set look like that too
    assert len(audit(families, generated, holdout, groups=named).tests) == 8


@pytest.mark.parametrize("times", [0.8, 1.25])
def test_a_holdout_that_scatters_otherwise_is_not_compared_with(times: float) -> None:
    """In many dimensions its records are no nearer to each other, and their distance from the centre gives it away."""
    wide = [stream("audit test", name).standard_normal((300, 32)) for name in ("t", "g", "h")]
    assert not decide(prepare(*wide)).strange
    found = decide(prepare(wide[0], wide[1], times * wide[2]))
    assert found.strange and [test.name for test in found.tests] == ["near copies"]


def test_a_holdout_of_another_law_does_not_make_copies() -> None:
    """Its records stand alone beside any other, so that those in the bulk look close; 46 of 60 audits took them in."""
    alarms = 0
    for k in range(10):
        train, generated, holdout = (stream("audit test", name, k).standard_normal((300, 16)) for name in "tgh")
        alarms += decide(prepare(train, generated, holdout[:100] + 10)).tests[0].significant
    assert alarms <= 2


def _few_values(count: int, *key: object) -> np.ndarray:
    return (stream("audit test", "few", *key).random((count, 16)) < np.linspace(0.05, 0.5, 16)).astype(float)


@pytest.mark.parametrize("held", [0, 300])
def test_data_that_repeat_themselves_are_not_copies(held: int) -> None:
    alarms, found, times = 0, 0, 20
    for k in range(times):
        train, generated, holdout = (_few_values(300, name, k) for name in ("t", "g", "h"))
        fresh = holdout[:held] if held else None
        records = prepare(train, generated, fresh)
        assert records.equals and len(records.generated) < 300 - records.equals.generated + 1
        alarms += any(test.significant for test in decide(records, k).tests)
        copied = np.concatenate([train[:150], generated[150:]])
        decided = {test.name: test for test in decide(prepare(train, copied, fresh), k).tests}
        found += decided["verbatim"].significant
    assert proportion(alarms, times, 0.999)[1] <= 0.05
    assert found >= 0.9 * times


@pytest.mark.parametrize("columns, verdict", [(5, "undecidable"), (16, "memorized")])
def test_where_all_rows_are_training_rows_their_number_decides(columns: int, verdict: str) -> None:
    train, fresh, holdout = (_few_values(300, name, "all")[:, -columns:] for name in "tgh")
    found = audit(train, train if verdict == "memorized" else fresh, holdout)
    assert (found.verdict, [test.name for test in found.tests]) == (verdict, ["verbatim"])
    assert "number for number" in found.answer
    json.dumps(found.as_dict())


def test_other_units_are_no_evidence_of_anything(sets: tuple[np.ndarray, ...]) -> None:
    train, _, holdout = sets
    found = audit(100 * train, train, 100 * holdout)
    assert found.verdict == "undecidable" and "other units" in found.answer
    assert any("in another unit" in note for note in found.notes)


def test_small_sets_of_copies_alone_are_found() -> None:
    train = law(50, "small")
    assert audit(train, train + 0.01 * law(50, "blur")).verdict == "memorized"


def test_without_a_holdout_it_says_what_it_cannot_tell(sets: tuple[np.ndarray, ...]) -> None:
    train, generated, _ = sets
    found = audit(train, generated)
    assert [test.name for test in found.tests] == ["near copies"]
    assert any("Without a holdout" in line for line in found.cannot)


@pytest.mark.parametrize("n, m", [(1, 50), (5, 50), (50, 1), (50, 9)])
def test_too_few_points_are_undecidable(n: int, m: int) -> None:
    found = audit(law(n, "t"), law(m, "g"), law(50, "h"))
    assert (found.verdict, found.tests) == ("undecidable", ())
    assert "at least 10 of each" in found.answer


def test_a_handful_of_generated_points_is_undecidable_and_says_how_many_are_needed() -> None:
    found = audit(law(100, "t"), law(12, "g"), law(100, "h"), copies=0.1)
    assert found.verdict == "undecidable"
    assert "generated points" in found.answer


def test_the_report_is_plain_and_the_same_each_time(sets: tuple[np.ndarray, ...], clean: Audit) -> None:
    train, generated, holdout = sets
    text = json.dumps(clean.as_dict(), allow_nan=False)
    assert json.loads(text)["verdict"] == "no evidence"
    assert text == json.dumps(audit(train, generated, holdout).as_dict(), allow_nan=False)


def test_constant_columns_single_precision_and_scale_change_nothing(sets: tuple[np.ndarray, ...], clean: Audit) -> None:
    padded = [1e3 * np.concatenate([x, np.ones((len(x), 2))], 1) for x in sets]
    wide = audit(*padded)
    assert [t.p for t in wide.tests] == [t.p for t in clean.tests]
    assert audit(*(x.astype(np.float32) for x in sets)).verdict == clean.verdict


@pytest.mark.parametrize(
    "sets, options, message",
    [
        ((np.ones((20, 2)), np.ones((20, 3))), {}, "generated has 3 dimensions, train has 2"),
        ((np.ones((20, 2)), np.ones((20, 2)), np.ones((20, 4))), {}, "holdout has 4 dimensions, train has 2"),
        ((np.full((20, 2), np.nan), np.ones((20, 2))), {}, "train holds a value that is not finite, in row 0"),
        ((np.ones(20), np.ones((20, 2))), {}, "train must be (n, d) with n ≥ 1 and d ≥ 1, got shape (20,)"),
        ((np.ones((0, 2)), np.ones((20, 2))), {}, "train must be (n, d) with n ≥ 1 and d ≥ 1, got shape (0, 2)"),
        ((np.array([["a"]]), np.ones((20, 1))), {}, "train must be an array of real numbers, got <U1"),
        ((np.ones((20, 2)), np.ones((20, 2))), {"copies": 0}, "copies must be a share in (0, 0.5], got 0"),
        ((np.ones((9, 2)), np.ones((9, 2))), {"groups": ([1], [])}, "groups name 1 training rows, there are 9"),
    ],
)
def test_bad_input_is_named(sets: tuple[np.ndarray, ...], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as error:
        audit(*sets, **options)
    assert str(error.value) == message


def test_closeness_is_uniform_for_fresh_points_and_far_below_for_copies() -> None:
    first, second = np.array([0.0, 0.1, 1.0, 0.0]), np.array([1.0, 1.0, 1.0, 0.0])
    assert closeness(first, second, np.array([3.0, 2.0, 3.0, 3.0])).tolist() == [-np.inf, 2 * np.log(0.1), 0.0, 0.0]


def test_lists_know_the_two_nearest_of_each_labelling() -> None:
    lists = Lists(np.array([[1.0, 2.0, 3.0]]), np.array([[4, 0, 2]]))
    labels = np.zeros((3, 5), bool)
    labels[0, [4, 2]], labels[1, [0, 2]], labels[2, 2] = True, True, True
    first, second, which = lists.first_two(labels)
    assert (first[:, 0].tolist(), second[:, 0].tolist(), which[:, 0].tolist()) == ([1, 2, 3], [3, 3, 3], [4, 0, 2])


def test_the_dimension_of_a_flat_patch_is_its_own() -> None:
    x = stream("audit test", "flat").uniform(size=(2000, 2)) @ np.ones((2, 5))
    around = np.sort(np.linalg.norm(x[:200, None] - x[None], axis=2), axis=1)[:, 1:33]
    assert np.median(Lists(around, around.astype(int)).dimension()) == pytest.approx(1, abs=0.15)


def test_holm_and_the_bar_of_a_null() -> None:
    alike = {"a": 1.0, "b": 1.0, "c": 1.0}
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}, alike) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    heavy = holm({"a": 0.01, "b": 0.04, "c": 0.03}, alike | {"b": 2.0})
    assert heavy == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06})
    assert weights(["near copies", "C_T", "overlap"]) == {"near copies": 2.0, "C_T": 1.0, "overlap": 1.0}
    null = Null.of(np.arange(100.0)[:, None], 1)
    assert null.p(np.array([[98.0]])) == pytest.approx(0.03)  # 98 and 99 of the null reach it, and it itself
    assert null.scores(np.array([[97.0]])).max() == null.bar(0.03) < null.scores(np.array([[98.0]])).max()
    assert null.bar(0.001) == np.inf


def test_the_import_is_light() -> None:
    heavy = "('torch', 'sympy', 'sklearn', 'matplotlib', 'skdim')"
    code = f"import sys, memgen.audit; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
