"""Rules of other tools by hand, the experiment that plants copies, and what is drawn of it."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from memgen.experiments import audit as experiment
from memgen.figures import audit as figures
from memgen.measures import nearest, tools
from memgen.measures.copies import DataCopying
from memgen.statistics import proportion
from memgen.streams import stream
from theory.checks.report import Report


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    params = experiment.Params(preset="smoke", laws=("gaussian",), train=100, generated=60, replicas=6)
    return pd.concat([experiment.cell(at) for at in experiment.grid(params)])


# -- rules -------------------------------------------------------------------------------------------------------------


def test_rules_by_hand() -> None:
    first, second = np.array([0.0, 1.0, 1.0, 0.0]), np.array([1.0, 3.0, 3.1, 0.0])
    assert tools.third_rule(first, second) == (0.5, True)
    assert tools.third_rule(second, second) == (0.0, False)
    assert tools.authenticity_rule(first, np.full(4, 0.5)) == (50.0, False)
    assert tools.authenticity_rule(first, second) == (0.0, True)
    assert tools.copying_rule(DataCopying(-2.9, 0.5, 5)) == (-2.9, False)
    assert tools.copying_test(DataCopying(-2.9, 0.5, 5)) == (-5.8, True)
    assert tools.overfitting_protection(first, second) == (0.5, True)
    assert tools.overfitting_protection(second, first) == (1.0, False)


@pytest.mark.parametrize(("closer", "alarm"), [(58, False), (59, True)])
def test_the_share_is_judged_by_the_binomial_law(closer: int, alarm: bool) -> None:
    """Of 100, 59 or more are closer with the chance 0.044, and 58 or more with 0.067."""
    to_train = np.where(np.arange(100) < closer, 0.0, 2.0)
    assert tools.closest_record_rule(to_train, np.ones(100)) == (closer / 100, alarm)


def test_equally_close_points_count_half() -> None:
    assert tools.closest_record_rule(np.ones(100), np.ones(100)) == (0.5, False)
    assert tools.overfitting_protection(np.ones(100), np.ones(100)).statistic == 1


def test_mifid_divides_by_the_same_factor_as_torchmetrics() -> None:
    from torchmetrics.image.mifid import _compute_cosine_distance

    x = stream("test", "mifid").standard_normal((60, 5))
    near = x + 0.1 * stream("test", "mifid", "noise").standard_normal(x.shape)
    for generated in (near, near[:20]):
        unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, generated)]
        statistic, alarm = tools.cosine_penalty((1 - np.abs(unit[0] @ unit[1].T)).min(1))
        theirs = float(_compute_cosine_distance(torch.from_numpy(x), torch.from_numpy(generated)))
        assert (statistic if alarm else 1.0) == pytest.approx(theirs, rel=1e-12)


def test_a_copier_gets_no_penalty_from_mifid() -> None:
    """Who returns the training set has the Fréchet distance 0, and so 0, the best value; half of it: the factor 1."""
    from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance

    x = torch.from_numpy(stream("test", "copier").standard_normal((400, 32)))
    scores = []
    for generated in (x, x[:200].repeat(2, 1)):
        metric = MemorizationInformedFrechetInceptionDistance(torch.nn.Identity())
        metric.update(x, real=True)
        metric.update(generated, real=False)
        scores.append(float(metric.compute()))
    fresh = torch.from_numpy(stream("test", "copier", "fresh").standard_normal((400, 32)))
    metric = MemorizationInformedFrechetInceptionDistance(torch.nn.Identity())
    metric.update(x, real=True)
    metric.update(fresh, real=False)
    assert scores[0] == 0 and 0 < scores[1] < float(metric.compute())  # less is better


# -- the experiment ----------------------------------------------------------------------------------------------------


def test_what_is_known_is_what_a_search_finds() -> None:
    x = stream("test", "known").standard_normal((1200, 6)).astype(np.float32)
    known = experiment.Known(x)
    new = x[:25] + np.float32(0.1)
    few, many, mixed = x[:30], x[200:900], np.concatenate([new, x[1000:1100]])
    cases = [(few, many, 3, False), (many, few, 30, False), (mixed, many, 5, False), (many, mixed, 4, False)]
    cases += [(few, few, 2, True), (mixed, mixed, 8, True), (many, many, 33, False), (new, few, 1, False)]
    for points, reference, k, own in cases:
        found, real = known(points, reference, k, own), nearest(points, reference, k, own)
        assert np.array_equal(found[0], real[0]) and np.array_equal(found[1], real[1])


def test_rows_say_what_each_tool_found(rows: pd.DataFrame) -> None:
    sizes = rows.groupby(["share", "noise"]).size()
    assert len(sizes) == 1 + len(experiment.SHARES) * len(experiment.NOISES["gaussian"])
    assert set(tools.SIDES) | {"audit", "audit: near copies", "audit: C_T"} < set(rows.tool)
    assert set(figures.RULES) == set(tools.SIDES) | {"audit"}
    assert np.isfinite(rows.statistic).all() and rows.alarm.dtype == bool
    most = rows[(rows.share == max(experiment.SHARES)) & (rows.noise == min(experiment.NOISES["gaussian"]))]
    third = most[most.tool == "⅓ rule"]
    assert third.alarm.all() and third.statistic.item() == pytest.approx(0.1)  # each of the copies, and no other
    assert most[most.tool == "audit"].alarm.all()


def test_readings_are_those_of_the_measures(rows: pd.DataFrame) -> None:
    """By hand for one replica with copies, from the points alone."""
    params = experiment.Params(preset="smoke", laws=("gaussian",), train=100, generated=60, replicas=6)
    split = experiment._Split(experiment.grid(params)[0], 0)
    generated = np.concatenate([split.copies(0.4)[:3], split.fresh[3:]])
    from memgen.measures import Neighbours

    near = Neighbours(generated, split.train, split.holdout)
    seen = rows[(rows.replica == 0) & (rows.share == 0.05) & (rows.noise == 0.4)].set_index("tool").statistic
    assert seen["⅓ rule"] == np.mean(near.ratios() < 1 / 3)
    assert seen["AuthPct"] == near.authenticity()
    assert seen["DCR share"] == near.closest_record_share()
    assert seen["C_T"] == pytest.approx(
        near.data_copying(experiment.CELLS).score, abs=0.1
    )  # means in another precision


def test_a_replica_does_not_depend_on_its_block() -> None:
    at = experiment.Cell("gaussian", 100, 60, 2, 4, 0, 0, 0)
    alone = experiment.cell(at._replace(start=3))
    both = experiment.cell(at)
    pd.testing.assert_frame_equal(alone, both[both.replica == 3].reset_index(drop=True))


# -- figures -----------------------------------------------------------------------------------------------------------


def _made() -> pd.DataFrame:
    """Each tool raises a number of alarms that is known: statistics 0, 1, …, 99 for a perfect generator."""
    made = []
    for tool in figures.RULES:
        side = figures._side(tool)
        for replica in range(100):
            made.append((0.0, 0.0, replica, tool, side * float(replica), replica < 3))
            made.append((0.05, 0.2, replica, tool, side * (replica + 40.0), replica < 90))
            made.append((0.005, 0.2, replica, tool, side * float(replica), replica < 5))
    return pd.DataFrame(made, columns=["share", "noise", "replica", "tool", "statistic", "alarm"])


def test_thresholds_pass_five_percent() -> None:
    made = _made()
    cuts = figures.cuts(made)
    for tool, cut in cuts.items():
        null = made[(made.tool == tool) & (made.share == 0)].statistic
        assert (figures._side(str(tool)) * null > figures._side(str(tool)) * cut).sum() == 5
    found = figures.power(made, calibrated=True).set_index(["tool", "share"])
    assert found.loc[("C_T", 0.05), "power"] == 0.45
    assert found.loc[("audit", 0.05), "power"] == 0.9  # by its own rule
    own = figures.power(made, calibrated=False).set_index(["tool", "share"])
    assert own.loc[("C_T", 0.05), ["power", "low", "high"]].tolist() == list(proportion(90, 100))
    assert "| C_T | below −3 | 0.030 (0.010–0.085) |" in figures.false_alarms(made)
    assert "0.900" in figures.table(made, (0.05,), (0.2,))


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_figure_shows_every_tool_at_every_noise(calibrated: bool, rows: pd.DataFrame) -> None:
    fig = figures.curves(rows, calibrated)
    assert len(fig.axes) == len(experiment.NOISES["gaussian"])
    shown = set(figures.RULES) - ({"C_T, its deviation"} if calibrated else set())
    found = figures.power(rows, calibrated).set_index(["tool", "noise", "share"]).power
    for axes, noise in zip(fig.axes, experiment.NOISES["gaussian"], strict=True):
        drawn = {c.get_label(): c[0] for c in axes.containers}
        assert set(drawn) == shown
        styles = {(line.get_linestyle(), line.get_marker()) for line in drawn.values()}
        assert len(styles) == len(shown)  # distinct without colour
        for tool, line in drawn.items():
            assert line.get_ydata().tolist() == [found[tool, noise, share] for share in experiment.SHARES]


GOOD = {("audit", 0.0, 0.0): 4, ("audit", 0.005, 0.05): 100, ("⅓ rule", 0.005, 0.05): 100, ("audit", 0.05, 0.2): 99}


def _stated(changed: dict[tuple[str, float, float], int]) -> dict[str, bool]:
    """What the statements say of a hundred replicas of each kind, with so many alarms."""
    places = [(0.0, 0.0), (0.005, 0.05), (0.05, 0.05), (0.05, 0.2)]
    made = []
    for tool in figures.RULES:
        side = figures._side(tool)
        for place in places:
            alarms = (GOOD | changed).get((tool, *place), 0)
            beyond = 100 if place[0] else -1  # a statistic that its calibrated threshold is passed by, or is not
            made += [
                (*place, k, tool, side * float(beyond + k if k < alarms else k / 2), k < alarms) for k in range(100)
            ]
    report = Report("?", "", "")
    figures.state(report, pd.DataFrame(made, columns=["share", "noise", "replica", "tool", "statistic", "alarm"]))
    return dict(report._exact)


@pytest.mark.parametrize(
    "changed, broken",
    [
        ({("audit", 0.0, 0.0): 6}, [0]),
        ({("audit", 0.005, 0.05): 80}, [1]),
        ({("C_T", 0.05, 0.2): 97}, [2, 3]),
        ({("C_T", 0.05, 0.05): 20}, [3]),
    ],
)
def test_each_promise_can_be_broken(changed: dict[tuple[str, float, float], int], broken: list[int]) -> None:
    assert all(_stated({}).values())
    assert [k for k, held in enumerate(_stated(changed).values()) if not held] == broken
