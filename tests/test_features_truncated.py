"""Kernel regressions of noised points, cut to a rank, and what rank they need to copy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.denoisers.kernels import Regressions, gram
from memgen.experiments.truncated import Cell, Params, cell, digits, grid, ranks
from memgen.figures import truncated as figures
from memgen.runs.store import load
from memgen.streams import stream
from theory.checks.report import Report

LEVELS = np.array([2.0, 0.3])
N, M, D = 4, 6, 5


@pytest.fixture(scope="module")
def fitted() -> tuple[np.ndarray, np.ndarray, Regressions]:
    rng = stream("truncated")
    x, noises = rng.standard_normal((N, D)), rng.standard_normal((2, N * M, D))
    return x, noises, Regressions("tangent", x, LEVELS, noises)


def test_all_eigenvectors_fit_every_copy(fitted: tuple) -> None:
    x, noises, made = fitted
    for tau, xi in zip(LEVELS, noises, strict=True):
        copies = np.repeat(x, M, axis=0) + tau * xi
        said = made.denoiser(N * M)(torch.from_numpy(copies), tau).numpy()
        assert np.allclose(said, np.repeat(x, M, axis=0), atol=1e-6)


def test_a_rank_is_the_projection_on_leading_eigenvectors(fitted: tuple) -> None:
    x, noises, made = fitted
    tau, rank = 0.3, 7
    inputs = (np.repeat(x, M, axis=0) + tau * noises[1]) / np.sqrt(1 + tau**2)
    values, vectors = np.linalg.eigh(gram("tangent", inputs))
    assert np.allclose(made.eigenvalues(tau), values[::-1])
    leading = vectors[:, -rank:]
    said = made.denoiser(rank)(torch.from_numpy(inputs * np.sqrt(1 + tau**2)), tau).numpy()
    target = np.repeat(x, M, axis=0) - x.mean(0)
    assert np.allclose(said - x.mean(0), leading @ (leading.T @ target), atol=1e-8)
    nothing = made.denoiser(0)(torch.ones(3, D), tau)
    assert nothing.dtype == torch.float32 and np.allclose(nothing, x.mean(0))


def test_bad_regressions_are_refused(fitted: tuple) -> None:
    x, noises, made = fitted
    for wrong in (noises[:, :-1], noises[:1], noises[..., :3], noises[:, :0], noises[0]):
        with pytest.raises(ValueError, match="noises must be"):
            Regressions("tangent", x, LEVELS, wrong)
    with pytest.raises(ValueError, match="levels must be positive, got 0"):
        Regressions("tangent", x, [1.0, 0.0], noises)
    with pytest.raises(ValueError, match=r"nothing was fitted at noise 0\.5"):
        made.denoiser(3)(torch.ones(1, D), 0.5)
    with pytest.raises(ValueError, match="rank must be"):
        made.denoiser(N * M + 1)


def test_small_noise_leaves_values_and_slopes_and_little_else() -> None:
    """n(d+1) eigenvalues fall as 1 or τ² at most, the next as τ⁴."""
    rng = stream("truncated", "slopes")
    x, levels = rng.standard_normal((N, D)), np.array([0.01, 0.005])
    made = Regressions("tangent", x, levels, np.repeat(rng.standard_normal((1, N * 2 * D, D)), 2, axis=0))
    wide, narrow = (made.eigenvalues(tau) for tau in levels)
    powers = np.log2(wide / narrow)
    assert np.allclose(powers[:N], 0, atol=0.01)
    assert np.allclose(powers[N : N * (D + 1)], 2, atol=0.02)
    assert powers[N * (D + 1)] > 3.5


def test_grid_and_ranks() -> None:
    cells = grid(Params(preset="paper"))
    assert len(cells) == len(set(cells)) == 18 and {at.n for at in cells if at.d == 64} == {5, 10, 20}
    assert {at.n for at in grid(Params(preset="paper", noises=4, rows=(640, 1280)))} == {5, 10, 20}
    for at in cells:
        tried = ranks(at.n, at.d)
        assert at.n * (at.d + 1) in tried and max(tried) <= at.noises * at.d * at.n
    assert digits(16).shape == (1797, 16) and digits(64).std() == pytest.approx(1)


def test_copies_come_with_the_rank() -> None:
    rows = cell(Cell(16, 3, 2, 0, 0))
    flagged = rows[rows.measure == "flagged"].set_index("rank").value
    assert flagged.iloc[0] == 0 and flagged.iloc[-1] > 0.5
    assert list(flagged.index) == ranks(3, 16)


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.concat([load("truncated")[0], load("truncated", "more-noises")[0]], ignore_index=True)


def test_stored_ranks_are_drawn(stored: pd.DataFrame) -> None:
    fig = figures.copies(stored)
    assert len(fig.axes) == 2 and len(fig.axes[1].get_legend().get_texts()) == 6
    table = figures.growth_table(stored)
    assert table.count("\n") == 1 + stored[["d", "n", "noises"]].drop_duplicates().shape[0] and "nan" not in table
    assert "| the first $n$ | 0.00 to 0.0" in figures.powers()


def test_growth_is_by_the_tenth_of_a_rank() -> None:
    shares = np.array([0.25, 0.5, 1.0, 1.1])
    rows = pd.DataFrame({"rank": np.round(shares * 20 * 17).astype(int), "value": [0.1, 0.2, 0.6, 0.61]})
    rows = rows.assign(d=16, n=20, noises=2, replica=0, measure="flagged")
    assert figures.growth(rows).iloc[0].to_dict() == pytest.approx(
        {"0.25 to 0.5": 0.04, "0.5 to 1": 0.08, "1 to 1.1": 0.01}
    )


def test_what_ranks_show_can_turn(stored: pd.DataFrame) -> None:
    report, turned = Report(), Report()
    figures.state(report, stored)
    assert not report.failed()
    noise = stream("truncated", "straight").standard_normal(len(stored)) / 100
    straight = stored["rank"] / (stored.n * (stored.d + 1)) / 3 + noise
    figures.state(turned, stored.assign(value=straight.where(stored.measure == "flagged", stored.value)))
    assert len(turned.failed()) == 2
