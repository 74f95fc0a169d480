"""The network experiment: parameters, rows that belong to their key, what a copier and an ideal sampler measure."""

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from memgen.denoisers import training
from memgen.denoisers.training import Training
from memgen.experiments import network as experiment
from memgen.laws import schedules
from memgen.runs import store
from memgen.runs.sweep import sweep
from memgen.statistics import mean, threshold

_SMALL = experiment.Params(preset="smoke", sizes=(30,), replicas=2, epochs=2)
_FIRST, _SECOND = experiment.grid(_SMALL)


def _cheap(patch: pytest.MonkeyPatch) -> None:
    """A tenth of the sampler's 200 steps, with as much noise in all; fewer probes, and fewer points of the true law."""
    levels = schedules.linear(20, 1e-3, 0.2)
    patch.setattr(experiment.schedule, "linear", lambda: levels)
    patch.setattr(experiment, "_PROBES", 32)
    patch.setattr(experiment, "TRUTH", 200)


@pytest.fixture(autouse=True)
def _cheaper(monkeypatch: pytest.MonkeyPatch) -> None:
    _cheap(monkeypatch)


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    """The rows of the first network, in float32."""
    with pytest.MonkeyPatch.context() as patch:
        _cheap(patch)
        return experiment.cell(_FIRST)


@pytest.mark.parametrize(
    "values",
    [{"sizes": (5,)}, {"width": 12}, {"replicas": 0}, {"device": "gpu"}, {"precision": "float16"}, {"samples": 10}],
)
def test_bad_parameters_are_named(values: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        experiment.Params(**values)


def test_a_network_measures_the_same_alone_and_in_company(alone: pd.DataFrame) -> None:
    together = experiment.cell(_SECOND._replace(first=0, replicas=2))
    keys = ["n", "replica", "generator", "points", "tau", "measure"]
    both = alone.merge(together, on=keys)
    assert len(both) == len(alone) == len(together) / 2 and set(both.replica) == {0}
    assert both.value_x.to_numpy() == pytest.approx(both.value_y.to_numpy(), rel=2e-3, abs=1e-3)
    assert not alone.duplicated(keys).any() and np.isfinite(alone.value).all()


def test_in_bfloat16_a_network_comes_out_the_same_but_for_rounding(alone: pd.DataFrame) -> None:
    both = alone, experiment.cell(_FIRST._replace(precision="bfloat16"))
    precise, rounded = (table[table.generator == "network"] for table in both)
    for measure in ("error", "variance"):  # of training, and of sampling
        exact, other = (table[table.measure == measure].value.to_numpy() for table in (precise, rounded))
        assert 1e-5 < np.abs(other / exact - 1).max() < 0.05, measure


def test_networks_are_probed_independently(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or an interval over networks would not hold what they share."""
    seen: list[torch.Tensor] = []
    plain = experiment.fractions

    def noted(denoised: torch.Tensor, population: torch.Tensor, empirical: torch.Tensor) -> object:
        seen.extend(population)
        return plain(denoised, population, empirical)

    monkeypatch.setattr(experiment, "fractions", noted)
    monkeypatch.setattr(experiment, "_PROBES", 256)
    monkeypatch.setattr(experiment, "ddim", lambda model, start, *_, **__: start)
    for n in (30, 40):
        experiment.cell(_FIRST._replace(n=n, epochs=1, replicas=2))
    assert len(seen) == 2 * 2 * 2 * experiment.PROBED
    highest = torch.stack(seen[:4] + seen[24:28])  # by size, points and replica: nearly noise alone
    flat = highest.flatten(1)
    correlation = torch.corrcoef(flat).fill_diagonal_(0)
    assert flat.shape == (8, 256 * 64) and correlation.abs().max() < 6 / flat.shape[1] ** 0.5


def test_of_a_finished_group_nothing_is_kept_while_the_next_one_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref] = []
    plain = experiment.in_groups

    def watched(start: Callable[[slice], Training], *rest: int) -> Iterator[Training]:
        def begin(members: slice) -> Training:
            assert not any(training() is not None for training in held)
            training = start(members)
            held.append(weakref.ref(training))
            return training

        return plain(begin, *rest)

    at = _FIRST._replace(epochs=1)
    experiment.cell(at)  # what torch imports at the first call holds on to its callers
    monkeypatch.setattr(experiment, "in_groups", watched)
    gc.disable()  # a cycle would be found some time, but not in time
    try:
        experiment.cell(at._replace(replicas=3))
    finally:
        gc.enable()
    assert len(held) == 3


def test_a_cell_that_was_interrupted_goes_on_to_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = _SMALL.model_copy(update={"epochs": 6, "replicas": 1})
    grid, resolved = experiment.grid(params), params.resolved().model_dump(mode="json")
    straight = experiment.cell(grid[0])
    path = tmp_path / "network" / "toy.parquet"
    to = store.Store(path, "network", experiment.VERSION, resolved, "memgen sweep network")
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    plain, begun = Training.run, []

    def run(one: Training, steps: int) -> torch.Tensor:
        begun.append(one.step)
        if begun == [0, 1, 2, 3]:
            raise KeyboardInterrupt
        return plain(one, steps)

    monkeypatch.setattr(Training, "run", run)
    with pytest.raises(KeyboardInterrupt):
        sweep(experiment.cell, grid, store=to)
    (unfinished,) = to.shards.iterdir()
    (saved,) = unfinished.iterdir()
    assert unfinished.name.endswith(".unfinished") and saved.name == "0-1.safetensors"
    table = sweep(experiment.cell, grid, store=to)
    assert begun == [0, 1, 2, 3, 3, 4, 5]
    pd.testing.assert_frame_equal(table, straight, check_exact=True)
    assert list(to.path.parent.iterdir()) == [to.path]

    (tmp_path / "0-1.safetensors").write_bytes(b"torn")
    capsys.readouterr()
    begun[:] = [None]
    pd.testing.assert_frame_equal(experiment.cell(grid[0], tmp_path), straight, check_exact=True)
    assert begun[1:] == [0, 1, 2, 3, 4, 5] and "0-1.safetensors: not a checkpoint" in capsys.readouterr().err


def test_the_paper_preset_is_the_scripts() -> None:
    params = experiment.Params(preset="paper").resolved()
    assert params.sizes == tuple(range(50, 1051, 100)) and params.width == 64 and params.epochs == 10
    assert len(experiment.grid(params)) == 110


def test_stored_generators_measure_what_they_are() -> None:
    """On one scale a copier is nearer to its training set, an ideal sampler is not; by the script both have Δ > 0."""
    table = store.load("network")[0]

    def gap(generator: str, measure: str, reference: str) -> np.ndarray:
        return experiment.difference(table, measure, reference, generator).to_numpy()

    limit = threshold(2)
    assert (
        abs(mean(gap("ideal", "marginal", "holdout")).z(0)) < limit < -mean(gap("copier", "marginal", "holdout")).z(0)
    )
    for generator in ("ideal", "copier"):
        assert gap(generator, "published", "truth").min() > 0
    flagged = table[table.measure == "flagged"].groupby("generator").value.mean()
    assert flagged["copier"] == 1 and flagged["ideal"] == flagged["network"] == 0
