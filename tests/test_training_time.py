"""The training experiment: rows that belong to their key, milestones, and what the stored networks must show."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from memgen.experiments import training as experiment
from memgen.figures.training import numbers
from memgen.runs import store
from memgen.statistics import mean, threshold

_CELL = experiment.Cell(d=4, n=12, hidden=16, steps=100, replicas=2, seed=0, device="cpu")
_KEYS = ["d", "n", "hidden", "replica", "step", "generator", "points", "tau", "measure"]


@pytest.mark.parametrize(
    "values",
    [{"dims": (0,)}, {"sizes": (1,)}, {"hidden": ()}, {"steps": 5}, {"replicas": 0}, {"sizes": (8, 8)}, {"epochs": 3}],
)
def test_bad_parameters_are_named(values: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        experiment.Params(**values)


def test_other_widths_are_run_in_the_first_dimension_only() -> None:
    cells = experiment.grid(experiment.Params(dims=(16, 32), sizes=(8, 9), hidden=(64, 32)))
    assert [(c.d, c.hidden, c.n) for c in cells] == [
        (16, 64, 8), (16, 64, 9), (16, 32, 8), (16, 32, 9), (32, 64, 8), (32, 64, 9),
    ]  # fmt: skip


def test_a_network_measures_the_same_alone_and_in_company() -> None:
    together, alone = experiment.cell(_CELL), experiment.cell(_CELL._replace(replicas=1))
    both = alone.merge(together, on=_KEYS)
    assert len(both) == len(alone) == len(together) / 2 and set(both.replica) == {0}
    assert both.value_x.to_numpy() == pytest.approx(both.value_y.to_numpy(), rel=2e-3, abs=1e-3)
    assert not alone.duplicated(_KEYS).any() and np.isfinite(alone.value).all()
    assert set(alone.step) == set(experiment.looked_at(100)) and set(alone.generator) == {"network", "ideal"}
    shorter = experiment.cell(_CELL._replace(replicas=1, steps=32))
    both = shorter[shorter.tau.notna()].merge(alone, on=_KEYS)  # a shorter training is the beginning of a longer one
    assert len(both) == shorter.tau.notna().sum() and (both.value_x == both.value_y).all()


def test_steps_looked_at_are_eight_a_decade() -> None:
    assert experiment.looked_at(20_000)[:6] == [0, 10, 13, 18, 24, 32] and experiment.looked_at(20_000)[-2:] == [
        17783,
        20000,
    ]
    assert experiment.looked_at(10) == [0, 10] and experiment.looked_at(1000)[-1] == 1000


def test_milestones_of_a_known_course() -> None:
    """a = step/100 at training points; at holdout points a² + b² falls from 4 to 1, then rises."""
    steps, course = (0, 10, 40, 90), {}
    course["train", "a"] = [step / 100 for step in steps]
    course["holdout", "a"] = [0.0, 0.0, 0.6, 0.0]
    course["holdout", "b_squared"] = [4.0, 2.0, 0.64, 3.0]
    for points in ("train", "holdout"):
        course[points, "separation"] = [0.5] * 4
    course["train", "b_squared"] = [7.0] * 4
    rows = [
        {"points": points, "measure": measure, "step": step, "value": value}
        for (points, measure), values in course.items()
        for step, value in zip(steps, values, strict=True)
    ]
    table = pd.DataFrame(rows).assign(d=2, n=3, hidden=4, weights=5, replica=0, tau=0.3, generator="network")
    found = experiment.milestones(table, 0.4).iloc[0]
    assert (found.best, found.least, found["last"]) == (40, 0.25, 0.9) and found.memorized == pytest.approx(40)
    between = (2.0 / 4 - 0.4) / (2.0 / 4 - 1.0 / 4)
    assert found.generalized == pytest.approx(np.exp((1 - between) * np.log(11) + between * np.log(41)) - 1)


def _course(tau: float, errors: list[float]) -> pd.DataFrame:
    """A network of 64 units with a = step/1000 at training points and these errors at holdout points, by step."""
    steps = (0, 10, 50, 100, 400)
    values = {("train", "a"): [step / 1000 for step in steps], ("holdout", "b_squared"): errors}
    zeros = [(points, m) for points in ("train", "holdout") for m in ("a", "b_squared") if (points, m) not in values]
    values |= dict.fromkeys(zeros, [0.0] * 5) | {(points, "separation"): [1.0] * 5 for points in ("train", "holdout")}
    rows = [(points, m, *pair) for (points, m), some in values.items() for pair in zip(steps, some, strict=True)]
    found = pd.DataFrame(rows, columns=["points", "measure", "step", "value"])
    return found.assign(d=16, n=64, hidden=64, weights=5, replica=0, tau=tau, generator="network")


def test_harm_is_the_error_at_the_onset_of_memory_over_the_least() -> None:
    planted = numbers.Stored.__new__(numbers.Stored)
    planted.table = pd.concat([_course(0.3, [3, 1, 2, 6, 9]), _course(1.0, [4, 2, 1, 3, 5])], ignore_index=True)
    planted.d = 16
    told = " ".join(" ".join(numbers.harm(planted)).split())
    assert "at 0.3 σ, when a = 1/10, fresh points' error is 6.0 to 6.0 times its least, which came 10 to 10" in told
    assert "at 1 σ, when a = 1/10, fresh points' error is 3.0 to 3.0 times its least, which came 2 to 2" in told


def test_an_exponent_says_between_which_local_ones_it_lies() -> None:
    sizes = (64, 128, 256, 512)
    rows = [(n, r, c * n**1.5 * np.exp(n / 256)) for n in sizes for r, c in enumerate((1.0, 2.0, 5.0))]
    found = numbers.slope(pd.DataFrame(rows, columns=["n", "replica", "memorized"]).assign(d=16))
    assert found.sizes == list(sizes) and found.local.shape == (3, 3)
    assert found.local[0] == pytest.approx(1.5 + np.array([64, 128, 256]) / 256 / np.log(2))
    assert found.ends() == "1.86 to 2.94" and 1.86 < found.found.min() <= found.found.max() < 2.94
    assert numbers.slope(pd.DataFrame(rows[:3], columns=["n", "replica", "memorized"]).assign(d=16)).sizes == []


# -- what is stored ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return store.load("training")[0]


def test_stored_trainings_cover_what_they_should(stored: pd.DataFrame) -> None:
    networks = stored[stored.generator == "network"]
    assert networks.groupby(["d", "n", "hidden"]).replica.nunique().min() >= 5
    sizes, steps = sorted(networks.n.unique()), sorted(networks.step.unique())
    assert {16, 64} <= set(networks.d) and sizes[-1] / sizes[0] >= 100 and steps[-1] / steps[1] >= 1000


def test_a_stored_network_gains_what_a_and_b_say(stored: pd.DataFrame) -> None:
    """training_gain from two steps of one network: the loss falls by ‖D_emp−D_pop‖² times the fall of (1−a)² + b²."""
    chosen = stored[(stored.points == "train") & (stored.hidden == 256) & stored.step.isin([0, 20_000])]
    for tau in (0.3, 1.0):  # below, D_emp returns the training point and the two are equal
        wide = chosen[chosen.tau == tau].pivot(index=["d", "n", "replica", "step"], columns="measure", values="value")
        wide["whole"] = wide.separation * ((1 - wide.a) ** 2 + wide.b_squared)
        wide["part"] = wide.separation * (1 - wide.a) ** 2
        first, last = (wide.xs(step, level="step") for step in (0, 20_000))
        fall = (first - last).div(first.separation, axis=0)
        assert len(fall) >= 100
        assert abs(mean((fall.loss - fall.whole).to_numpy()).z(0)) < threshold(2), tau
        assert abs(mean((fall.loss - fall.part).to_numpy()).z(0)) > threshold(2), tau  # b² left out


def test_stored_ideal_points_are_not_nearer_to_the_training_set(stored: pd.DataFrame) -> None:
    ideal = stored[stored.generator == "ideal"]
    wide = (
        ideal[ideal.points != ""]
        .drop_duplicates(["d", "n", "replica", "points", "measure"])
        .pivot(index=["d", "n", "replica"], columns=["measure", "points"], values="value")
    )
    for measure in ("wasserstein", "mmd2"):
        assert abs(mean((wide[measure, "train"] - wide[measure, "holdout"]).to_numpy()).z(0)) < threshold(2)
    copied = stored[
        (stored.generator == "network") & (stored.n == 32) & (stored.step == 20_000) & (stored.hidden == 256)
    ]
    apart = copied[copied.measure == "wasserstein"].pivot(index=["d", "replica"], columns="points", values="value")
    assert mean((apart["train"] - apart["holdout"]).to_numpy()).z(0) < -threshold(2)
