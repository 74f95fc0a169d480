"""Least squares and the law it generates: against NumPy, at every n, and on degenerate data."""

import numpy as np
import pytest
import torch

from memgen.denoisers.linear import fit, generated, one_step, representation


def _data(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = 10 + rng.standard_normal((n, d))
    return x, x + 0.7 * rng.standard_normal((n, d))


def _reference(x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x_mean, u_mean = x.mean(0), u.mean(0)
    slope = (np.linalg.pinv(u - u_mean, rcond=1e-10) @ (x - x_mean)).T
    return x_mean - slope @ u_mean, slope


@pytest.mark.parametrize("n", [2, 3, 6, 7, 8, 9, 30])
def test_fit_is_least_squares_of_minimum_norm(n: int) -> None:
    x, u = _data(n, 7)
    b0, slope = (t.numpy() for t in fit(torch.from_numpy(x), torch.from_numpy(u)))
    expected_b0, expected = _reference(x, u)
    assert slope == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert b0 == pytest.approx(expected_b0, rel=1e-8, abs=1e-7)
    if n <= 7:  # it interpolates
        assert u @ slope.T + b0 == pytest.approx(x, abs=1e-9)


def test_degenerate_data_fall_back_to_minimum_norm() -> None:
    x, u = _data(20, 5)
    x[10:], u[10:] = x[:10], u[:10]  # duplicated points
    x[:, 0], u[:, 0] = 3.0, 3.0  # a coordinate without variance
    slope = fit(torch.from_numpy(x), torch.from_numpy(u))[1].numpy()
    assert slope == pytest.approx(_reference(x, u)[1], abs=1e-8)


def _dependent(n: int, d: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Data whose centred matrix has less than full rank, exactly but for rounding."""
    x = rng.standard_normal((n, d))
    if kind == "columns":
        x[:, 3] = 2 * x[:, 1] - x[:, 0]
    if kind == "twins":
        x[1] = x[0]
    if kind == "constant":
        x[:] = x[0]
    return x


@pytest.mark.parametrize("n", [5, 8, 9, 10, 40])  # d = 8: below, at, just above (a square matrix), and far above
@pytest.mark.parametrize("kind", ["columns", "twins", "constant"])
def test_without_noise_dependent_data_are_projected(kind: str, n: int) -> None:
    # u = x: the solution of minimum norm is the projection on what the data span, however Cholesky's last pivot rounds.
    x = np.stack([_dependent(n, 8, kind, np.random.default_rng(seed)) for seed in range(20)])
    slopes = fit(torch.from_numpy(x), torch.from_numpy(x))[1].numpy()
    for points, slope in zip(x, slopes, strict=True):
        _, values, rows = np.linalg.svd(points - points.mean(0))
        span = rows[: np.sum(values > 1e-9)]
        assert slope == pytest.approx(span.T @ span, abs=1e-9)


@pytest.mark.parametrize("n", [9, 40])
@pytest.mark.parametrize("tau", [1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
def test_little_noise_on_dependent_data_costs_no_more_than_its_condition(tau: float, n: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, 8))
    x[:, 3] = x[:, 1]
    u = x + tau * rng.standard_normal(x.shape)
    slope = fit(torch.from_numpy(x), torch.from_numpy(u))[1].numpy()
    u_c, x_c = u - u.mean(0), x - x.mean(0)
    expected = np.linalg.lstsq(u_c, x_c)[0].T
    assert slope == pytest.approx(expected, abs=100 * np.finfo(float).eps * np.linalg.cond(u_c))


@pytest.mark.parametrize("n", [5, 8, 9, 40])
def test_a_distant_origin_costs_only_the_digits_of_the_data(n: int) -> None:
    x, u = _data(n, 8)
    near, far = (fit(torch.from_numpy(x + c), torch.from_numpy(u + c))[1].numpy() for c in (0.0, 1e6))
    assert far == pytest.approx(near, abs=1e-7)


@pytest.mark.parametrize("n", [4, 20])
def test_scale_carries_over(n: int) -> None:
    x, u = _data(n, 6)
    (b0, slope), (scaled_b0, scaled_slope) = (
        fit(torch.from_numpy(c * x), torch.from_numpy(c * u)) for c in (1.0, 1e-8)
    )
    assert scaled_slope.numpy() == pytest.approx(slope.numpy(), rel=1e-9)
    assert scaled_b0.numpy() == pytest.approx(1e-8 * b0.numpy(), rel=1e-9)


def test_a_generator_fixes_the_law() -> None:
    x, _ = _data(12, 5)
    first, again, other = (one_step(x, 0.5, np.random.default_rng(seed))[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.allclose(first, other)


@pytest.mark.parametrize("n", [2, 5, 6, 7, 40])
@pytest.mark.parametrize("late", ["isotropic", "sample"])
def test_the_law_is_a_law(n: int, late: str) -> None:
    x, _ = _data(n, 6)
    mean, covariance = one_step(x, 0.8, np.random.default_rng(0), late)
    assert isinstance(mean, np.ndarray) and isinstance(covariance, np.ndarray)
    assert mean.shape == (6,) and covariance.shape == (6, 6)
    values = np.linalg.eigvalsh(covariance)
    assert covariance == pytest.approx(covariance.T, rel=1e-12) and values[0] > -1e-12 * values[-1]
    assert np.sum(values > 1e-9 * values[-1]) == min(n - 1, 6)


def test_a_batch_equals_its_members() -> None:
    pairs = [_data(12, 4, seed) for seed in range(5)]
    x, u = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
    for late in ("isotropic", "sample", torch.eye(4, dtype=torch.float64)):
        together = generated(x, u, 0.7, late)
        for k in range(5):
            alone = generated(x[k], u[k], 0.7, late)
            assert torch.allclose(together.covariance[k], alone.covariance, rtol=1e-10)
            assert torch.allclose(together.mean[k], alone.mean, rtol=1e-10)


def test_one_step_is_the_published_model() -> None:
    x = 10 + np.random.default_rng(0).standard_normal((40, 6))
    mean, covariance = one_step(x, 0.9, np.random.default_rng(1))
    u = x + 0.9 * np.random.default_rng(1).standard_normal(x.shape)
    b0, slope = _reference(x, u)
    variance = x.var(0, ddof=1).mean() + 0.81
    assert covariance == pytest.approx(variance * slope @ slope.T, rel=1e-9)
    assert mean == pytest.approx(b0 + slope @ x.mean(0), rel=1e-9)
    assert not np.allclose(covariance, variance * slope.T @ slope)


def test_few_points_give_a_singular_law() -> None:
    _, covariance = one_step(np.random.default_rng(0).standard_normal((4, 9)), 1.0, np.random.default_rng(0))
    values = np.linalg.eigvalsh(covariance)
    assert np.sum(values > 1e-10 * values.max()) == 3
    assert covariance == pytest.approx(covariance.T)


def test_rotation_carries_over() -> None:
    x, u = _data(20, 4)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((4, 4)))[0]
    law = generated(torch.from_numpy(x), torch.from_numpy(u), 0.7)
    turned = generated(torch.from_numpy(x @ turn.T), torch.from_numpy(u @ turn.T), 0.7)
    assert turned.covariance.numpy() == pytest.approx(turn @ law.covariance.numpy() @ turn.T, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize(
    ("x", "tau", "words"),
    [
        (np.zeros((1, 3)), 1.0, "n ≥ 2"),
        (np.zeros(3), 1.0, "n, d"),
        (np.full((5, 2), np.nan), 1.0, "not finite"),
        (np.zeros((5, 2)), -1.0, "tau"),
        (np.zeros((5, 2)), np.inf, "tau"),
    ],
)
def test_bad_input_is_named(x: np.ndarray, tau: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        one_step(x, tau)


def test_representation_needs_more_points_than_dimensions() -> None:
    with pytest.raises(ValueError, match="n > d"):
        representation(4, 4, 0.5, 1, np.random.default_rng(0))
