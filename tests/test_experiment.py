"""The linear experiment: parameters, grid, rows that depend on nothing but their key, laws with known moments."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from memgen import devices
from memgen.app.cli import main
from memgen.experiments import linear
from memgen.laws.data import Digits, Gaussian, isotropic, power_law
from memgen.laws.process import noise_variance, noised
from memgen.runs import store
from memgen.runs.sweep import sweep
from memgen.statistics import mean, threshold
from memgen.streams import stream
from theory import ou

_CELLS = [linear.Cell("ratio", 5, n, 1.0, 6, 0) for n in (3, 12)] + [linear.Cell("digits", 64, 80, 1.0, 2, 0)]


@pytest.mark.parametrize(
    "values", [{"foo": 1}, {"d": 1}, {"tau_digits": np.nan}, {"rhos": (1.5,)}, {"replicas": "many"}, {"rhos": ()}]
)
def test_bad_parameters_are_named(values: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        linear.Params(**values)


@pytest.mark.parametrize("preset", ["smoke", "standard", "paper"])
def test_grid_is_never_empty_and_has_two_points(preset: str) -> None:
    cells = linear.grid(linear.Params(preset=preset))
    assert len(cells) == len(set(cells)) > 50
    assert all(cell.n >= 2 for cell in cells)


def test_rows_do_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = sweep(linear.cell, _CELLS)
    with ThreadPoolExecutor(2) as pool:
        pd.testing.assert_frame_equal(rows, sweep(linear.cell, _CELLS, pool))
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        pd.testing.assert_frame_equal(rows, sweep(linear.cell, _CELLS, pool), rtol=1e-12)
    monkeypatch.setattr(devices, "NUMBERS", 1)
    pd.testing.assert_frame_equal(rows, sweep(linear.cell, _CELLS), rtol=1e-9)


def test_an_empty_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="no cells"):
        sweep(linear.cell, [])


def test_a_key_that_numpy_or_an_address_would_change_is_refused() -> None:
    for part in (np.int64(3), np.bool_(True), object(), np.zeros(2)):
        with pytest.raises(TypeError, match="not JSON serializable"):
            stream("a", part)


def test_streams_are_keyed() -> None:
    draw = stream(0, "a", 1.5).random(4)
    assert np.array_equal(draw, stream(0, "a", 1.5).random(4))
    assert not np.array_equal(draw, stream(0, "a", 1.25).random(4))


@pytest.mark.parametrize("law", [isotropic(3, 2.0, 1.0), power_law(4), Digits(), Digits(2), Digits(1, 1.0)], ids=repr)
def test_laws_have_the_moments_they_state(law: Gaussian | Digits) -> None:
    draws = law.sample(4000, stream("test", repr(law)))
    d = len(law.mean)
    centred = draws - law.mean
    z = [mean(draws[:, j]).z(law.mean[j]) for j in range(d)]
    pairs = [(i, j) for i in range(0, d, 7) for j in range(i, d, 11)]
    z += [mean(centred[:, i] * centred[:, j]).z(law.covariance[i, j]) for i, j in pairs]
    limit = threshold(len(z))
    assert np.max(np.abs(z)) < limit
    assert abs(mean(centred[:, 0] ** 2).z(2 * law.covariance[0, 0])) > limit  # the test can fail


def test_both_packages_mean_the_same_noise() -> None:
    for t, lam in ((0.0, 1.0), (1e-9, 2.0), (2.0, 0.3)):
        assert noise_variance(t, lam) == pytest.approx(float(ou.noise_variance(t, lam)), rel=1e-14)


@pytest.mark.parametrize(
    "call", [lambda: isotropic(0), lambda: isotropic(2, -1.0), lambda: Gaussian((1.0, np.nan)), lambda: power_law(0)]
)
def test_impossible_laws_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"d must be at least 1|positive and finite"):
        call()


def test_negative_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="tau"):
        noised(np.zeros(3), -1.0, np.random.default_rng())
    with pytest.raises(ValueError, match="t = -1"):
        noise_variance(-1.0)


def test_a_sweep_gives_the_same_rows_by_the_command_line(tmp_path: Path) -> None:
    words = ["sweep", "linear", "--preset", "smoke", "--out", str(tmp_path), "--workers", "1"]
    assert main([*words, "-p", "d", "4", "-p", "replicas", "12", "-p", "rhos", "[0.5]"]) == 0
    table, made_by = store.read(tmp_path / "linear" / "smoke.parquet")
    params = linear.Params(preset="smoke", d=4, replicas=12, rhos=(0.5,)).resolved()
    assert made_by["parameters"] == params.model_dump(mode="json") and made_by["version"] == linear.VERSION
    again = store.Store(tmp_path / "again.parquet", "linear", linear.VERSION, made_by["parameters"], "in process")
    rows = sweep(linear.cell, linear.grid(params)[:20], store=again)
    pd.testing.assert_frame_equal(rows, table.head(len(rows)), check_exact=True)


class Point(NamedTuple):
    k: int


def threads(point: Point) -> pd.DataFrame:
    return pd.DataFrame({"threads": [torch.get_num_threads()]})


def test_stored_cells_run_on_one_thread(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert sweep(threads, [Point(0)]).threads.tolist() == [3]
        kept = store.Store(tmp_path / "threads.parquet", "threads", 1, {}, "")
        assert sweep(threads, [Point(0)], store=kept).threads.tolist() == [1]
    finally:
        torch.set_num_threads(before)


def test_stored_results_say_how_they_were_made() -> None:
    table, made_by = store.load("linear")
    assert made_by["command"].startswith("memgen sweep linear") and made_by["parameters"]["preset"] == "paper"
    cell = linear.Cell("digits", 64, round(4.75 * 64), 1.0, 2, made_by["parameters"]["seed"])
    both = linear.cell(cell).merge(table, on=["study", "d", "n", "tau", "replica", "measure"])
    assert len(both) == 14
    assert both.value_x.to_numpy() == pytest.approx(both.value_y.to_numpy(), rel=1e-9)
