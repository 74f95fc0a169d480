"""The ledger: every verdict is computed anew, and what the pages show is what comes out."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from turned import SYNTHETIC, UNDECIDED, at

from memgen.app.cli import main
from memgen.errors import BadInput
from memgen.experiments.transition import Choice
from theory.ledger import claims
from theory.ledger.pages import markdown
from theory.ledger.verdicts import (
    criteria,
    linear,
    network,
    training,
    transition,
)

ROOT = Path(__file__).resolve().parents[1]
# The paper's own claims, the questions of its five reviewers, and claims of other theories.
IDS = "C1 C2 C3 C4 C5 C6 C7 C8 R1.1 R1.2 R1.3 R2.1 R2.2 R2.3 R3.1 R3.2 R4.1".split()
IDS += "R5.1 R5.2 R5.3 R5.4 R5.5 R5.6 R5.7 R5.8 T1 T2 T3 T4 T5".split()
SETTLED = {
    "C1": "holds with a correction",
    "C2": "holds with a correction",
    "C3": "fails",
    "C4": "holds with a correction",
    "C5": "holds with a correction",
    "C6": "fails",
    "C7": "holds with a correction",
    "C8": "holds with a correction",
    "R1.1": "undecided",
    "R1.2": "holds with a correction",
    "R1.3": "fails",
    "R2.2": "holds with a correction",
    "R2.1": "holds with a correction",
    "R3.1": "holds with a correction",
    "R3.2": "holds with a correction",
    "R2.3": "holds with a correction",
    "R4.1": "holds with a correction",
    "R5.1": "holds with a correction",
    "R5.2": "fails",
    "R5.3": "holds with a correction",
    "R5.4": "holds with a correction",
    "R5.5": "holds with a correction",
    "R5.6": "holds",
    "R5.7": "holds with a correction",
    "R5.8": "commentary",
    "T1": "holds with a correction",
    "T2": "holds with a correction",
    "T3": "holds",
    "T4": "holds with a correction",
    "T5": "fails",
}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return claims.rows()


def test_every_claim_is_there_once(rows: list[dict]) -> None:
    assert sorted(row["id"] for row in rows) == sorted(IDS) and len(claims.CLAIMS) == len(IDS)
    assert all(row["statement"].endswith((".", "?")) and row["source"] for row in rows)


def test_verdicts_are_recomputed(rows: list[dict]) -> None:
    assert {row["id"]: row["verdict"] for row in rows if row["verdict"] != "pending"} == SETTLED


def test_reasons_carry_the_numbers_that_decide(rows: list[dict]) -> None:
    for row in rows:
        if row["verdict"] == "pending":
            assert not row["numbers"] and not row["criteria"]
        else:
            assert row["numbers"] and any(c.isdigit() for c in row["reason"]) and "nan" not in row["reason"]
            assert all(isinstance(value, int | float) for value in row["numbers"].values())


def test_what_the_paper_got_right_is_said_first(rows: list[dict]) -> None:
    settled = [row for row in rows if row["verdict"] != "pending"]
    assert rows[: len(settled)] == settled
    order = [(row["id"][0], claims.VERDICTS.index(row["verdict"])) for row in settled[:-1]]
    assert "commentary" not in {row["verdict"] for row in settled[:-1]}
    assert order == sorted(order) and order[0][0] == "C" and settled[0]["verdict"].startswith("holds")


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_can_hold_and_fail(claim: claims.Claim) -> None:
    """Whatever verdict a claim declares, there is evidence that gives it; commentary and pending declare none."""
    given = SYNTHETIC.get(claim.id, {})
    declared = [criterion.verdict for criterion in claim.question.criteria] if claim.question else []
    assert given.keys() - {UNDECIDED} == set(declared) and len(set(declared)) == len(declared)
    assert not declared or {"holds", "fails"} <= set(declared)
    for verdict, evidence in given.items():
        assert claim.question is not None and claim.question.verdict(evidence) == verdict
        short, reason = claim.question.say(evidence)
        assert 0 < len(short.split()) <= 10 and not re.search(r"nan|inf\b", short + reason), short + reason


def test_other_evidence_gives_another_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the source on: other noise, other distances, other probabilities."""
    monkeypatch.setattr(linear, "_RHO", 0.1)
    assert linear.kl_is_monotone.rule().verdict == "fails"
    distances, curve = transition._distances, transition._curve

    def sloped(choice: Choice, d: int, by: float) -> pd.DataFrame:
        table = distances(choice, d)
        return table.assign(**{name: by * table.index.to_numpy() for name in table.columns})

    monkeypatch.setattr(transition, "_distances", lambda choice, d: sloped(choice, d, 0.01))
    assert transition.original_distance_falls.rule().verdict == "fails"
    monkeypatch.setattr(transition, "_distances", lambda choice, d: sloped(choice, d, -1))
    assert transition.original_distance_falls.rule().verdict == "holds" == transition.circular.rule().verdict

    def at_d(choice: Choice, d: int) -> pd.DataFrame:
        found = curve(choice, d)
        return found.set_index(found.index / {16: 1.75, 100: 3.5}[d])

    monkeypatch.setattr(transition, "_curve", at_d)
    found = transition.sharp_at_d.evidence()
    assert transition.sharp_at_d.verdict(found) == "holds with a correction"  # no sharper for d = 100
    assert transition.sharp_at_d.verdict(found._replace(rise_many=at(1.001))) == "holds"


def test_only_what_no_result_can_turn_is_commentary() -> None:
    found = [claim.id for claim in claims.CLAIMS if claim.question and not claim.question.criteria]
    assert found == ["R5.8"]


def _pretended(table: pd.DataFrame, generator: str) -> pd.DataFrame:
    """The rows, had the network been this generator."""
    known = table[table["generator"] == "network"]
    known = known[known["tau"].notna()]
    jitter = 1e-3 * np.random.default_rng(0).standard_normal(len(known))  # or an interval would have no width
    memorized = float(generator == "copier")
    known = known.assign(value=np.where(known["measure"] == "a", memorized, known["value"]) + jitter)
    others = table[table["generator"] != "network"]
    played = others[others["generator"] == generator].assign(generator="network")
    return pd.concat([others, known, played], ignore_index=True)


def test_copiers_and_ideal_samplers_get_different_verdicts() -> None:
    """A copier at every n, an ideal sampler at every n, and a copier that becomes one as n grows."""
    stored, longer = network._table(), network.longer_runs()

    def verdict(of_size: Callable[[int], str]) -> str:
        played = [_pretended(rows, of_size(n)) for n, rows in stored.groupby("n")]
        runs = [run._replace(rows=_pretended(run.rows, of_size(run.n))) for run in longer]
        found = network.fig4(pd.concat(played, ignore_index=True), runs)
        return network.transition.verdict(found)

    assert verdict(lambda n: "copier") == "fails"
    assert verdict(lambda n: "ideal") == "undecided"
    assert verdict(lambda n: "copier" if n < 100 else "ideal") == "holds"
    for generator in ("copier", "ideal"):
        table = _pretended(stored, generator)
        assert network.probability.verdict(network.published_in(table)) == "holds"  # on the script's scales
        assert network.distances.verdict(network.distances_in(table)) == "undecided"  # for they do not fall
        assert network.quality.verdict(network.quality_in(table)) == "fails"
    above = (stored["measure"] == "published") & (stored["points"] == "truth") & (stored["generator"] == "network")
    table = stored.assign(value=stored["value"] + 9 * above * (stored["n"] > 500))
    assert network.distances.verdict(network.distances_in(table)) == "fails"


def test_equal_efforts_are_compared_and_no_others() -> None:
    """About as many steps a training point, or epochs, within a tenth; the extremes in n of each group."""
    rows = network._table()[network._table()["n"] == 50]
    runs = [network.Run(n, steps, rows) for n, steps in ((50, 1000), (100, 2000), (200, 4000), (50, 4000), (200, 2000))]
    found = network.equal_efforts(runs, lambda run: run.per_point)
    assert [(x.few, x.many, x.steps_few, x.steps_many) for x in found] == [(50, 200, 1000, 4000)]
    found = network.equal_efforts(runs, lambda run: run.epochs)  # a batch of 45 and of 90 points, two batches of 180
    pairs = [(x.few, x.many, x.steps_few, x.steps_many) for x in found]
    assert pairs == [(50, 200, 1000, 2000), (100, 200, 2000, 4000)]
    assert all(run.rows["n"].eq(run.n).all() for run in network.longer_runs())


def test_crossings_hold_the_coarseness_of_the_grid() -> None:
    n, p = np.array([10, 20, 40, 80]), np.array([0.0, 0.3, 0.7, 0.9])
    curve = pd.DataFrame({"p": p, "low": p - 0.1, "high": p + 0.1}, index=n)
    assert transition._crossing(curve, 10) == pytest.approx((np.sqrt(8), 2, 4))
    assert transition._crossing(curve[:2], 10) == (np.inf, 2, np.inf)
    close = curve.assign(high=p + 0.3, low=p - 0.3)  # at 20 and 40 it might be either
    assert transition._crossing(close, 10)[1:] == (1, 8)


def test_widths_are_compared_at_equal_steps_and_where_courses_are_flat() -> None:
    table, _ = training.load("training")
    table = table[(table["d"] == 16) & (table["tau"] == 0.3) & (table["points"] == "train") & (table["measure"] == "a")]
    found = training.milestones(training.load("training")[0].query("d == 16"), 0.1)
    same = found.assign(
        memorized=found["memorized"].groupby([found["n"], found["tau"], found["replica"]]).transform("min")
    )
    level = table["value"].groupby([table["n"], table["step"], table["replica"]]).transform("max")
    equal = training.measured(table.assign(value=level), same, 20_000)
    assert equal.pace.value == 1 and equal.level == pytest.approx((0, 0, 0))
    half = level.where(table["step"] != 10_000, level / 2)
    assert training.measured(table.assign(value=half), same, 20_000).rise_few.above(0.4)


def test_a_perfect_generator_is_not_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = criteria._runs().query("d == 16")
    played = runs[runs["measure"].str.endswith("_null")].assign(measure=lambda rows: rows["measure"].str[:-5])
    perfect = pd.concat([runs[~runs["measure"].isin(played["measure"].unique())], played], ignore_index=True)
    for rows, verdict in ((runs, "holds with a correction"), (perfect, "fails")):
        monkeypatch.setattr(criteria, "_runs", lambda rows=rows: rows)
        assert criteria.quantified_in_practice.rule().verdict == verdict


def test_verdicts_are_short_and_link_to_their_chapters(rows: list[dict]) -> None:
    for row in rows:
        assert len(row["short"].split()) <= 10 and bool(row["short"]) == (row["verdict"] != "pending"), row["short"]
        assert row["verdict"] == "pending" or (ROOT / "notebooks" / f"{row['chapter']}.ipynb").is_file()


def test_the_page_shows_what_comes_out(rows: list[dict]) -> None:
    text = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    shown = text.split("<!-- claims:start -->\n")[1].split("<!-- claims:end -->")[0]
    assert shown == markdown(rows)


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--json", "R5.8", "C3"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in shown] == ["C3", "R5.8"]
    expected = {"id", "statement", "source", "chapter", "verdict", "short", "reason", "numbers", "criteria"}
    assert set(shown[0]) == expected
    assert shown[0]["criteria"].keys() >= {"holds", "fails"} and shown[1]["verdict"] == "commentary"
    assert main(["claims", "C7"]) == 0
    out = capsys.readouterr().out
    assert "C7    holds with a correction" in out and "The rule: it holds if it falls" in " ".join(out.split())
    assert main(["claims", "C99"]) == 2
    assert "'C99'" in capsys.readouterr().err
    with pytest.raises(BadInput, match="known: C1"):
        claims.rows(["c3"])
