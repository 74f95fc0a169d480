"""Infinitely wide networks: their kernels, the spectrum of their Gram matrices, and what is left of it at finite d."""

import itertools

import numpy as np
import pytest
from scipy import special

from memgen.denoisers.kernels import Name, gram, regression_losses
from memgen.experiments.features import KERNEL
from memgen.figures import features as figures
from memgen.statistics import mean, threshold
from memgen.streams import stream
from theory.features import (
    ARCSINE,
    SINE,
    TANGENT,
    Kernel,
    gram_bands,
    gram_density,
    gram_trace,
    limit_block,
    sine_setting,
)
from theory.features.flow import _states, _traces

EXACT: dict[Name, Kernel] = {"sine": SINE, "arcsine": ARCSINE, "tangent": TANGENT}


@pytest.mark.parametrize("name", EXACT)
def test_a_kernel_is_the_function_of_the_correlation_that_theory_has(name: Name) -> None:
    turned = np.linspace(0, np.pi, 9)
    circle = np.sqrt(2) * np.column_stack([np.cos(turned), np.sin(turned)])  # |u|² = d
    exact = [EXACT[name].value(c) for c in np.cos(turned)]
    np.testing.assert_allclose(gram(name, circle)[0], exact, atol=1e-15)
    assert (EXACT[name].value(1e-6) - EXACT[name].value(-1e-6)) / 2e-6 == pytest.approx(EXACT[name].slope)


def test_kernels_are_those_of_wide_networks() -> None:
    rng = stream("wide networks")
    u, weights = rng.standard_normal((5, 3)), rng.standard_normal((400_000, 3))
    inner = u @ weights.T / np.sqrt(3)
    slope = 2 / np.sqrt(np.pi) * np.exp(-(inner**2))
    erf = special.erf(inner)
    scores = []
    for i, j in itertools.combinations_with_replacement(range(5), 2):
        last = erf[i] * erf[j]
        first = slope[i] * slope[j] * (u[i] @ u[j] / 3)
        drawn: dict[Name, np.ndarray] = {
            "sine": np.sin(inner[i]) * np.sin(inner[j]),
            "arcsine": last,
            "tangent": last + first,
        }
        scores += [mean(values).z(gram(name, u)[i, j]) for name, values in drawn.items()]
    assert np.abs(scores).max() < threshold(len(scores), 0.01)
    assert abs(mean(erf[0] * erf[1]).z(gram("tangent", u)[0, 1])) > 10


def test_the_trace_is_that_of_infinitely_many_features() -> None:
    samples, noises, ridge, p = 2.0, 3.0, 0.03, 1e5
    setting = sine_setting(p, samples, noises, 0.1)
    rows = samples * noises
    # U of p features has the eigenvalues p/(nm) of the Gram matrix, and p − nm that are 0
    scaled = np.array([ridge * p / rows])
    whole = float(_traces(setting.beside(1), _states(setting.beside(1), scaled))[1].real[0])
    found = (whole - (p - rows) / scaled[0]) * p / rows**2
    assert found == pytest.approx(gram_trace(samples, noises, ridge, **SINE.parts(0.1)), rel=1e-3)


@pytest.mark.parametrize("noises", [1, 4])
def test_the_density_of_a_kernel_has_its_trace(noises: int) -> None:
    parts = ARCSINE.parts(0.2)
    block = limit_block(noises, parts["common"], parts["fresh"])
    z = np.geomspace(1e-4, 1e3, 60_000)
    density = gram_density(3.0, parts["of_point"], parts["of_noise"], block, z, 1e-4)
    assert np.trapezoid(density, z) == pytest.approx(1, abs=5e-3)
    trace = np.trapezoid(density / (z + 0.1), z)
    assert trace == pytest.approx(gram_trace(3.0, noises, 0.1, **parts), rel=5e-3)


def test_bands_are_where_many_points_have_their_eigenvalues() -> None:
    parts, samples, m = ARCSINE.parts(0.2), 1e4, 3
    bands = gram_bands(samples, m, **parts)
    block = limit_block(m, parts["common"], parts["fresh"])

    def share(low: float, high: float) -> float:
        """Eigenvalues between the two, by d."""
        z = np.linspace(low, high, 4000)
        blurred = gram_density(samples, parts["of_point"], parts["of_noise"], block, z, (high - low) / 1e5)
        return samples * m * float(np.trapezoid(blurred, z))

    assert share(0.9 * bands.generalization, 1.1 * bands.generalization) == pytest.approx(1, abs=0.05)
    around = 0.05 * (bands.memorization - bands.copies)
    assert share(bands.memorization - around, bands.memorization + around) == pytest.approx(1, abs=0.1)
    assert bands.copies < bands.memorization < bands.points < bands.generalization


def test_copies_of_a_point_spread_as_the_root_of_the_dimension() -> None:
    apart = np.linalg.svd(np.ones((1, KERNEL[1])))[2][1:]
    spreads = [np.linalg.eigvalsh(apart @ figures.blocks(0.1, d, 400) @ apart.T).std() for d in (500, 8000)]
    assert spreads[0] / spreads[1] == pytest.approx(4, rel=0.1)
    limit = ARCSINE.parts(0.1)
    near = figures.blocks(0.1, 10**6, 4).mean(0) - limit_block(KERNEL[1], limit["common"], limit["fresh"])[0]
    assert np.abs(near).max() < 1e-3


@pytest.mark.parametrize("name", ["sine", "arcsine", "tangent"])
def test_a_gram_matrix_with_others_is_a_block_of_that_of_all(name: Name) -> None:
    u = stream("blocks of kernels", name).standard_normal((7, 5))
    np.testing.assert_allclose(gram(name, u[:3], u[3:]), gram(name, u)[:3, 3:], atol=1e-15)
    with pytest.raises(ValueError, match="as many columns, got 5 and 4"):
        gram(name, u, u[:, :4])


def test_a_regression_fits_all_without_a_ridge_and_nothing_with_a_large_one() -> None:
    of = (12, 2, 16, 0.1)
    seen, fresh = regression_losses(stream("regression", 0), "arcsine", *of, 1e-9)
    assert seen < 1e-10 and fresh > 1
    seen, fresh = regression_losses(stream("regression", 1), "arcsine", *of, 1e9)
    assert abs(seen - 1) < 0.2 and abs(fresh - 1) < 0.2


def test_kernels_refuse_what_they_cannot_do() -> None:
    with pytest.raises(ValueError, match="one of sine, arcsine, tangent, got 'relu'"):
        gram("relu", np.ones((2, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shorter than √\(600 d\), got \|u\|² = 900 d"):
        gram("sine", np.full((2, 2), 30.0))
    with pytest.raises(ValueError, match="points must be"):
        gram("arcsine", np.ones(3))
    long = np.outer([1, 1e8, 3], [1.0, 2.0])
    assert np.isfinite(gram("arcsine", long)).all() and np.isfinite(gram("tangent", long)).all()
    with pytest.raises(ValueError, match="samples must be positive, got -3"):
        gram_bands(-3.0, 2, **ARCSINE.parts(0.1))
    with pytest.raises(ValueError, match="noises must be 2 or more"):
        gram_bands(2.0, 1, **ARCSINE.parts(0.1))
