"""Where a generated law stands between the truth and its training set: against integrals of the densities."""

import math

import numpy as np
import pytest

from memgen.measures import kernel_estimate, position


def _grid(d: int) -> tuple[np.ndarray, float]:
    """Points and volume of a cell: the trapezoidal rule, whose error for such densities is far below rounding."""
    line = np.linspace(-12, 12, 4001 if d == 1 else 401)
    axes = np.meshgrid(*[line] * d, indexing="ij")
    return np.stack([axis.ravel() for axis in axes], -1), (line[1] - line[0]) ** d


def _density(at: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    apart = at - mean
    exponents = np.einsum("kd,de,ke->k", apart, np.linalg.inv(covariance), apart) / 2
    return np.exp(-exponents) / np.sqrt(np.linalg.det(2 * np.pi * covariance))


def _scene(d: int, seed: int, sigma: float = 1.0) -> tuple[np.ndarray, ...]:
    """Training points, mean and covariance of G, and those of O."""
    rng = np.random.default_rng(seed)
    train = sigma * rng.standard_normal((12, d))
    centred = train - train.mean(0)
    return train, train.mean(0) / 2, centred.T @ centred / 20, 0.1 * np.ones(d), sigma**2 * np.eye(d)


@pytest.mark.parametrize("sigma", [1.0, 1.3])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("d", [1, 2])
def test_position_is_what_integration_finds(d: int, seed: int, sigma: float) -> None:
    train, mean, covariance, true_mean, true_covariance = _scene(d, seed, sigma)
    at, volume = _grid(d)
    width = sigma**2 * len(train) ** (-2 / d) * np.eye(d)
    t = sum(_density(at, centre, width) for centre in train) / len(train)
    g, o = _density(at, mean, covariance), _density(at, true_mean, true_covariance)

    def product(f: np.ndarray, h: np.ndarray) -> float:
        return (4 * np.pi * sigma**2) ** (d / 2) * volume * np.sum(f * h)

    found = position(kernel_estimate(train, sigma), mean, covariance, true_mean, true_covariance)
    assert found.separation == pytest.approx(product(t - o, t - o), rel=1e-12)
    assert found.a == pytest.approx(product(t - o, g - o) / product(t - o, t - o), rel=1e-12)
    to_original = product(g - o, g - o)
    assert (found.a**2 + found.b_squared) * found.separation == pytest.approx(to_original, rel=1e-12)
    delta = product(t - g, t - g) - to_original
    assert found.separation * (1 - 2 * found.a) == pytest.approx(delta, rel=1e-11)  # the perpendicular bisector
    assert abs(found.a) > 0.01 and found.b_squared > 0.01  # nothing of this is trivial


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_true_law_stands_at_the_origin(d: int) -> None:
    train, _, _, mean, covariance = _scene(d, 0)
    found = position(kernel_estimate(train), mean, covariance, mean, covariance)
    assert found.a == pytest.approx(0, abs=1e-15) and found.b_squared == pytest.approx(0, abs=1e-15)
    nearby = position(kernel_estimate(train), mean + 0.1, covariance, mean, covariance)
    assert nearby.b_squared > 1e-3


def test_a_law_without_spread_has_a_position_at_no_finite_distance() -> None:
    train, mean, _, true_mean, true_covariance = _scene(1, 4)
    found = position(kernel_estimate(train), mean, np.zeros((1, 1)), true_mean, true_covariance)
    at = mean[None]
    t = sum(_density(at, centre, np.eye(1) / len(train) ** 2) for centre in train)[0] / len(train)
    o = _density(at, true_mean, true_covariance)[0]
    origin = position(kernel_estimate(train), true_mean, true_covariance, true_mean, true_covariance)
    assert found.separation == origin.separation and found.b_squared == math.inf
    # ⟨T − O, δ_μ − O⟩ = T(μ) − O(μ) − ⟨T − O, O⟩, the last from a law G ≠ O by the same formula
    grid, volume = _grid(1)
    t_grid = sum(_density(grid, centre, np.eye(1) / len(train) ** 2) for centre in train) / len(train)
    o_grid = _density(grid, true_mean, true_covariance)
    with_original = volume * np.sum((t_grid - o_grid) * o_grid)
    unit = math.sqrt(4 * math.pi)
    assert found.a * found.separation == pytest.approx(unit * (t - o - with_original), rel=1e-12)


def test_position_names_the_law_that_is_none() -> None:
    train, mean, covariance, true_mean, true_covariance = _scene(2, 0)
    estimate = kernel_estimate(train)
    with pytest.raises(ValueError, match=r"^covariance has the negative eigenvalue"):
        position(estimate, mean, -covariance, true_mean, true_covariance)
    with pytest.raises(ValueError, match=r"^true_covariance has the negative eigenvalue"):
        position(estimate, mean, covariance, true_mean, -true_covariance)
    with pytest.raises(ValueError, match=r"^true_mean must be"):
        position(estimate, mean, covariance, true_mean[:1], true_covariance)
