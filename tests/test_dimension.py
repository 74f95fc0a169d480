"""Chapter 12: denoisers of data that fill a part of their space, what is drawn of them, and the ruling."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.denoisers.exact import EmpiricalBayes, torus
from memgen.denoisers.linear import fit, noised_slopes, slope_error
from memgen.experiments import dimension as experiment
from memgen.figures import dimension as figures
from memgen.laws.data import Torus
from memgen.measures.dimension import felt_dimension
from memgen.runs.parameters import ParameterError, coerce
from memgen.runs.store import load
from memgen.runs.sweep import sweep
from memgen.statistics import mean, threshold
from theory import dimension as theory
from theory.checks.report import Report
from theory.ledger.verdicts import dimension as verdicts
from theory.spectra import renormalised_noise

TAU = 0.7


# -- denoisers and laws --------------------------------------------------------------------------------------------


def _compared(n: int, noises: int) -> float:
    """z between the errors of slopes drawn from sufficient statistics and of those fitted to the noised points."""
    rng = np.random.default_rng(n)
    spectrum = torch.tensor([2.0, 1.0, 0.3, 0.0], dtype=torch.float64)
    x = torch.from_numpy(rng.standard_normal((2000, n, 4))) * spectrum.sqrt()
    drawn = slope_error(noised_slopes(x, TAU, noises, rng), torch.diag(spectrum), TAU)
    u = x[:, None] + TAU * torch.from_numpy(rng.standard_normal((2000, noises, n, 4)))
    flat = u.reshape(2000, -1, 4)
    fitted = slope_error(fit(x.repeat(1, noises, 1), flat)[1], torch.diag(spectrum), TAU)
    # logarithms, since next to the peak the errors have no variance
    one, other = (mean(errors.log().numpy()) for errors in (drawn, fitted))
    return (one.value - other.value) / float(np.hypot(one.error, other.error))


def test_slopes_from_sufficient_statistics_are_those_of_noised_points() -> None:
    cases = [(12, 1), (12, 3), (3, 2), (3, 3), (2, 2)]  # the last one has n·m = d
    assert np.abs([_compared(*case) for case in cases]).max() < threshold(len(cases))


@pytest.mark.parametrize(
    "bad, words",
    [((0.5, 0), "noises"), ((0.5, 1.5), "noises"), ((-0.5, 2), "tau"), ((0.0, 8), "do not span")],
)
def test_slopes_refuse_by_name(bad: tuple, words: str) -> None:
    x = np.pad(np.random.default_rng(0).standard_normal((3, 1)), ((0, 0), (0, 3)))
    with pytest.raises(ValueError, match=words):
        noised_slopes(x, *bad, np.random.default_rng(0))


def test_the_error_of_a_slope_is_that_of_fresh_points() -> None:
    rng = np.random.default_rng(1)
    slope, root = rng.standard_normal((2, 3, 3)), rng.standard_normal((3, 3))
    x = rng.standard_normal((200_000, 3)) @ root.T
    u = x + TAU * rng.standard_normal(x.shape)
    stated = slope_error(torch.from_numpy(slope), torch.from_numpy(root @ root.T), TAU)
    z = [mean(((u @ b.T - x) ** 2).sum(1)).z(float(exact)) for b, exact in zip(slope, stated, strict=True)]
    assert np.abs(z).max() < threshold(2)


def test_a_torus_has_its_moments_and_its_exact_score() -> None:
    law, rng = Torus(2, 5), np.random.default_rng(2)
    x = law.sample(100_000, rng)
    assert np.allclose((x[:, :2] ** 2).sum(1), 2) and (x[:, 4] == 0).all()
    z = [mean(x[:, a] * x[:, b]).z(law.covariance[a, b]) for a in range(4) for b in range(a)]
    assert np.abs(z).max() < threshold(6)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], 1)
    u = rng.standard_normal((50, 2))
    assert torus(u, TAU, 1).numpy() == pytest.approx(EmpiricalBayes(ring).denoise(u, TAU).numpy(), abs=1e-12)
    assert torch.equal(torus(np.zeros((1, 5)), 1e-3, 2), torch.zeros(1, 5, dtype=torch.float64))
    assert torus([1e-3, 0.0], 1e-4, 1).tolist() == pytest.approx([2**0.5, 0.0], abs=1e-4)


def test_a_torus_needs_room() -> None:
    with pytest.raises(ValueError, match="d = 3 has no room for circles = 2"):
        Torus(2, 3)
    with pytest.raises(ValueError, match="two coordinates for each of 2 circles"):
        torus(np.zeros((4, 3)), 1.0, 2)


# -- the dimension that counts -------------------------------------------------------------------------------------


def test_moments_give_the_dimension_of_any_law() -> None:
    rng = np.random.default_rng(3)
    points = rng.standard_t(3, size=(40, 3)) * [1, 2, 0.3]
    points -= points.mean(0)
    variances = np.linalg.eigvalsh(np.cov(points.T, bias=True))
    best = (variances * TAU**2 / (variances + TAU**2)).sum()
    known, z = felt_dimension(points, TAU), []
    for noises in (1, 3, 100):
        x = torch.from_numpy(points[rng.integers(40, size=(300, 6000))])
        error = slope_error(noised_slopes(x, TAU, noises, rng), torch.from_numpy(np.cov(points.T, bias=True)), TAU)
        z.append(mean((error.numpy() / best - 1) * 6000).z(known.at(noises)))
    assert np.abs(z).max() < threshold(3)
    assert abs(felt_dimension(points / 5, TAU).all_noises / known.all_noises - 1) > 0.2


def test_moments_of_a_gaussian_are_the_formula() -> None:
    """At large d: what the formula leaves out is of order 1."""
    d = 48
    spectrum = np.repeat([0.2, 1.0, 3.0], d // 3)
    points = np.random.default_rng(4).standard_normal((60_000, d)) * np.sqrt(spectrum)
    known = felt_dimension(points, 1.0)
    for noises in (1, 4, 1e6):
        assert known.at(noises) == pytest.approx(float(theory.effective_dimension(noises, 1.0, spectrum)), rel=0.06)


@pytest.mark.parametrize(
    "points, tau, words",
    [
        (np.ones((5, 2)), 1.0, "all the same"),
        (np.ones((1, 2)), 1.0, "points"),
        (np.eye(3), 0.0, "tau"),
        ([[np.nan, 1.0], [0.0, 1.0]], 1.0, "points"),
    ],
)
def test_felt_dimension_refuses_by_name(points: np.ndarray, tau: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        felt_dimension(points, tau)


# -- the formulas --------------------------------------------------------------------------------------------------

SPECTRUM = np.array([0.0, 0.0, 0.5, 2.0])


def test_all_noises_are_ridge_regression() -> None:
    kappa = float(renormalised_noise(0.5, SPECTRUM[2:], 0.4))  # of d/n = 0.8 with half of it empty
    weight = SPECTRUM / (SPECTRUM + kappa)
    df2 = np.mean(weight**2)
    wrong = np.mean((1 - weight) ** 2 * SPECTRUM)
    error = wrong / (1 - 0.8 * df2) + 0.5 * (
        np.mean(weight) - 0.5 * np.mean(weight / (SPECTRUM + kappa)) / (1 - 0.8 * df2)
    )
    assert float(theory.denoiser_error(0.8, 1e12, 0.5, SPECTRUM)) == pytest.approx(error, rel=1e-9)


def test_the_peak_is_where_noised_points_are_as_many_as_dimensions() -> None:
    for noises in (1, 2, 5):
        sides = theory.denoiser_error(noises * np.array([0.25, 0.99, 1.0, 1.01, 4.0]), noises, 0.5, SPECTRUM)
        assert np.isinf(sides[2]) and sides[1] > 5 * sides[0] and sides[3] > 5 * sides[4]


def test_empty_dimensions_count_by_the_noises() -> None:
    wide = np.r_[SPECTRUM, np.zeros(96)]
    felt = [
        float(theory.effective_dimension(m, 0.5, wide) - theory.effective_dimension(m, 0.5, SPECTRUM)) for m in (1, 8)
    ]
    assert felt == pytest.approx([96, 12])


def test_bad_input_is_refused_by_name() -> None:
    for bad in ((0.0, 1, 0.5), (0.5, 0, 0.5), (0.5, 2, 0.0), (0.5, 2, -1.0), (np.nan, 2, 0.5)):
        with pytest.raises(ValueError, match=r"denoiser_error: (gamma|noises|tau2)"):
            theory.denoiser_error(*bad, SPECTRUM)
    with pytest.raises(ValueError, match="eigenvalues"):
        theory.denoiser_error(0.5, 2, 0.5, [-1.0, 1.0])
    with pytest.raises(ValueError, match="filled"):
        theory.kl_subspace(0.5, 1.5, 0.5)
    with pytest.raises(ValueError, match="contrast4"):
        theory.effective_dimension(2, 0.5, SPECTRUM, 0.9)
    with pytest.raises(ParameterError, match=r"noises = \[2, 4\]: must hold 1"):
        coerce(experiment.Params, {"noises": [2, 4]})
    with pytest.raises(ParameterError, match="D = 80 must be smaller than d = 64"):
        coerce(experiment.Params, {"D": 80})
    with pytest.raises(ParameterError, match="noises"):
        coerce(experiment.Params, {"noises": [0, 2]})


# -- the chapter ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return sweep(experiment.cell, experiment.grid(experiment.Params(preset="smoke")))


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return load("dimension")[0]


def test_cells_do_not_depend_on_each_other() -> None:
    grid = experiment.grid(experiment.Params(preset="smoke"))
    assert len(set(grid)) == len(grid) and {at.part for at in grid} == set(get_args(experiment.Part))
    at = next(cell for cell in grid if cell.part == "pictures")
    fewer = experiment.cell(at._replace(sets=2))
    pd.testing.assert_frame_equal(experiment.cell(at).head(2), fewer)


def test_what_the_chapter_states_holds_and_can_fail(stored: pd.DataFrame) -> None:
    report = Report("", "$0$", "derived here")
    figures.state(report, stored, TAU)
    assert report.failed() == []
    spoiled = (
        stored.assign(value=stored["value"].where(stored["part"] != "noises", stored["value"] * 1.05)),
        stored.assign(value=stored["value"].where(stored["part"] != "mixture", stored["value"] + 0.1)),
        stored.assign(value=stored["value"].where(stored["at"] != "many steps", stored["value"] * 1.1)),
        stored.assign(value=stored["value"].where(stored["part"] != "held", 1.0 + stored["replica"] * 1e-3)),
    )
    for wrong in spoiled:
        report = Report("", "$0$", "derived here")
        figures.state(report, wrong, TAU)
        assert report.failed() != []


def test_figures_show_the_theory_beside_the_rows(rows: pd.DataFrame) -> None:
    left, right = figures.noises(rows, TAU).axes
    assert len(left.get_legend().get_texts()) == 4 and len(right.get_legend().get_texts()) == 4
    peaks = [line for line in left.lines if len(line.get_xdata()) in (60, 120)]
    assert max(line.get_ydata().max() for line in peaks) > 12
    panels = figures.real(rows, TAU).axes
    assert [axes.get_title() for axes in panels] == ["digits, d = 64", "patches8, d = 64", "mnist16, d = 256"]
    one, _ = figures.generated(rows, TAU).axes
    assert one.lines[0].get_ydata()[0] > 5 and one.lines[0].get_xdata().min() > 64
    _, kept = figures.curved(rows, TAU).axes
    assert np.all(np.diff(kept.lines[0].get_ydata()) < 0)


@pytest.mark.parametrize("asked", [{"d": 32}, {"D": 16}, {"d": 16, "D": 15}])
def test_generated_laws_are_drawn_for_other_dimensions(asked: dict[str, int]) -> None:
    grid = experiment.grid(experiment.Params(preset="smoke", sets=4).model_copy(update=asked))
    few = sweep(experiment.cell, [at for at in grid if at.part in ("subspace", "mixture")])
    left, _ = figures.generated(few, TAU).axes
    for line in left.lines:
        assert np.isfinite(line.get_ydata()).all()


def test_the_table_tells_spectrum_from_contrast(stored: pd.DataFrame) -> None:
    lines = figures.dimensions(stored, TAU).splitlines()
    cells = {line.split("|")[1].strip(): [float(cell) for cell in line.split("|")[3:6]] for line in lines[2:]}
    spectrum, moments, measured = cells["patches8"]
    assert spectrum < measured / 3 and abs(moments / measured - 1) < 0.1


def test_a_point_is_kept_where_it_tells_the_logarithm_of_their_number() -> None:
    for circles in (1, 3):
        tau = figures.keeps(500, circles)
        assert float(theory.torus_information(circles, tau**2)) == pytest.approx(np.log(500), rel=1e-9)


def test_the_ruling_follows_the_rows(stored: pd.DataFrame) -> None:
    found = verdicts.measured(stored)
    assert verdicts.isotropic_is_too_strong.verdict(found) == "holds with a correction"
    patches = (stored["part"] == "pictures") & (stored["at"] == "patches8")
    flat = stored.assign(value=stored["value"].where(~patches, 1 + (stored["value"] - 1) / 3))
    assert verdicts.isotropic_is_too_strong.verdict(verdicts.measured(flat)) == "holds"
