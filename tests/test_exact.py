"""Exact denoisers: against direct sums and fifty digits, where exponents round, and against the population's."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes, gaussian, mixture


def _points(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, d)))


def _direct(x: Tensor, u: Tensor, tau: float, p: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """D and ln p, from all differences at once."""
    log_p = torch.full((len(x),), -math.log(len(x)), dtype=x.dtype) if p is None else (p / p.sum()).log()
    e = log_p - (u[:, None] - x).square().sum(-1) / (2 * tau**2)
    return torch.softmax(e, 1) @ x, e.logsumexp(1) - x.shape[1] / 2 * math.log(2 * math.pi * tau**2)


@pytest.mark.parametrize("tau", [1e-5, 1e-3, 0.03, 1.0, 30.0])  # differences below 5e-4 or so, products above
@pytest.mark.parametrize(("n", "m", "d"), [(1300, 5, 3), (700, 1100, 6), (2, 3, 64)])  # tiles in both directions
def test_it_is_the_weighted_mean(n: int, m: int, d: int, tau: float) -> None:
    x = _points(n, d) + 10
    u = x[torch.arange(m) % n] + tau * _points(m, d, 1)
    model = EmpiricalBayes(x)
    mean, log_p = _direct(x, u, tau)
    assert torch.allclose(model.denoise(u, tau), mean, rtol=0, atol=1e-8)
    assert torch.allclose(model.log_density(u, tau), log_p, rtol=1e-10, atol=1e-7)
    assert torch.allclose(model.score(u, tau) * tau, (mean - u) / tau, rtol=1e-9, atol=1e-8 / tau)


@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("tau", [1e-6, 1e-3, 1.0])
def test_fifty_digits_in_clusters(tau: float, scale: float) -> None:
    # Two clusters of width τ at a distance of 2, queries inside and midway: the exponents that count are of order 1.
    x = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).repeat(3, 8) + tau * _points(6, 8)
    u = torch.stack([x[0] + tau * _points(1, 8, 2)[0], x[:2].mean(0)])
    x, u, tau = x * scale, u * scale, tau * scale
    got, log_p = EmpiricalBayes(x).denoise(u, tau), EmpiricalBayes(x).log_density(u, tau)
    with mpmath.workdps(50):
        for k, query in enumerate(u.tolist()):
            e = [-sum((mpmath.mpf(a) - b) ** 2 for a, b in zip(query, y, strict=True)) / 2 / mpmath.mpf(tau) ** 2
                 for y in x.tolist()]  # fmt: skip
            w = [mpmath.exp(v) for v in e]
            mean = [sum(wi * mpmath.mpf(y[j]) for wi, y in zip(w, x.tolist(), strict=True)) / sum(w) for j in range(8)]
            reference = mpmath.log(sum(w) / 6) - 4 * mpmath.log(2 * mpmath.pi * mpmath.mpf(tau) ** 2)
            # Midway a rounding of the points or of u, ε, is worth εR²/τ² in an exponent, whatever the method.
            allowed = 1e-13 if k == 0 else 4e-15 * (scale / tau) ** 2 + 1e-14
            assert got[k].numpy() / scale == pytest.approx(
                np.array(mean, float) / scale, abs=max(allowed, 1e-8 * tau / scale)
            )
            assert float(log_p[k]) == pytest.approx(float(reference), rel=1e-13, abs=1e-8)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.floats(-140, 3),
    st.floats(-3, 12),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([7, 300]),
)
def test_nothing_underflows(seed: int, log_tau: float, log_far: float, dtype: type, n: int) -> None:
    rng = np.random.default_rng(seed)
    x: np.ndarray = rng.standard_normal((n, 3)).astype(dtype)
    tau = 10**log_tau
    direction = rng.standard_normal(3)
    u: np.ndarray = (10**log_far * direction / np.linalg.norm(direction)).astype(dtype)
    model = EmpiricalBayes(x)
    mean, log_p = model.denoise(u, tau), float(model.log_density(u, tau))
    assert mean.dtype == torch.from_numpy(x).dtype and bool(torch.isfinite(mean).all()) and math.isfinite(log_p)
    u, x = u.astype(float), x.astype(float)
    # Relative to the first point, so that a distant u cancels by algebra.
    e = (x - x[0]) @ u - (np.square(x).sum(1) - np.square(x[0]).sum()) / 2
    order = np.argsort(e)[::-1]
    if (e[order[0]] - e[order[1]]) > max(60 * tau**2, 1e-13 * 10**log_far):
        rounding = 3e-6 if dtype is np.float32 else 1e-14
        assert mean.double().numpy() == pytest.approx(x[order[0]], abs=rounding)
        expected = -np.square(u - x[order[0]]).sum() / 2 / tau / tau - math.log(n) - 3 * (math.log(tau) + 0.9189385332)
        assert log_p == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("tau", [1e-4, 0.5])
def test_symmetries(tau: float) -> None:
    x, rng = _points(200, 5), np.random.default_rng(3)
    u = x[:20] + tau * _points(20, 5, 1)
    expected, log_p = EmpiricalBayes(x).denoise(u, tau), EmpiricalBayes(x).log_density(u, tau)
    q = torch.from_numpy(np.linalg.qr(rng.standard_normal((5, 5)))[0])
    shift = torch.tensor([1.0, -2, 3, 0, 64], dtype=torch.float64)
    for points, queries, back in (
        (x[rng.permutation(200)], u, lambda a: a),
        (x + shift, u + shift, lambda a: a - shift),
        (x @ q, u @ q, lambda a: a @ q.T),
    ):
        model = EmpiricalBayes(points)
        assert torch.allclose(back(model.denoise(queries, tau)), expected, atol=1e-9)
        assert torch.allclose(model.log_density(queries, tau), log_p, atol=1e-8)


def test_one_point_and_equal_points() -> None:
    x, u = _points(1, 4) + 1e3, _points(6, 4)
    for points in (x, x.repeat(5, 1)):
        assert torch.allclose(EmpiricalBayes(points).denoise(u, 0.1), x.expand(6, 4), rtol=1e-15)
        assert torch.allclose(EmpiricalBayes(points).log_density(u, 300.0), _direct(x, u, 300.0)[1], rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("far", [0.0, 1e20, 1e150])
def test_one_point_at_any_distance_and_noise(far: float, dtype: torch.dtype) -> None:
    x, u = torch.ones(1, 2, dtype=dtype), torch.full((2,), 1 + far, dtype=torch.float64)
    for tau in (1e-140, 1.0, 1e140):
        assert torch.equal(EmpiricalBayes(x).denoise(u, tau), x[0])
    with pytest.raises(ValueError, match="out of the range"):
        EmpiricalBayes(torch.tensor([[1e-200], [2e-200]], dtype=torch.float64)).denoise(
            torch.tensor([1e200], dtype=torch.float64), 1.0
        )


@pytest.mark.parametrize("tau", [1e-5, 0.7])
def test_coincident_points_are_weights(tau: float) -> None:
    x, counts = _points(5, 3), torch.tensor([1, 2, 3, 1, 9])
    u = torch.cat([x, x + tau * _points(5, 3, 1)])
    twins, weighted = EmpiricalBayes(x.repeat_interleave(counts, 0)), EmpiricalBayes(x, counts)
    assert torch.allclose(twins.denoise(u, tau), weighted.denoise(u, tau), atol=1e-12)
    assert torch.allclose(twins.log_density(u, tau), weighted.log_density(u, tau), atol=1e-8)
    assert torch.allclose(weighted.denoise(u, tau), _direct(x, u, tau, counts.double())[0], atol=1e-12)


@pytest.mark.parametrize("tau", [1e-4, 0.5])
def test_tweedie(tau: float) -> None:
    model, step = EmpiricalBayes(_points(50, 3)), 1e-3
    u = (_points(50, 3) + tau * _points(50, 3, 1)).double()
    moves = step * tau * torch.eye(3, dtype=torch.float64)
    # Per unit of τ; central differences of the second order, truncation 10⁻⁶, rounding 10⁻⁸/10⁻³.
    slopes = [(model.log_density(u + m, tau) - model.log_density(u - m, tau)) / (2 * step) for m in moves]
    assert torch.allclose(torch.stack(slopes, -1), model.score(u, tau) * tau, atol=2e-5)


def test_a_batch_equals_its_members() -> None:
    model, u = EmpiricalBayes(_points(600, 4)), _points(1200, 4, 1).view(3, 400, 4)
    for call in (model.denoise, model.score, model.log_density):
        together = call(u, 0.2)
        assert together.shape[:2] == (3, 400)
        assert torch.allclose(together[2, 7], call(u[2, 7], 0.2), rtol=1e-12)
    assert model.denoise(u[:, :0], 0.2).shape == (3, 0, 4)


def test_single_precision_only_where_it_suffices() -> None:
    # d = 64, data of mean 10, queries midway between two points, where an exponent's error moves half the weight.
    x = (_points(400, 64) + 10).float()
    u = (x[::2] + x[1::2]) / 2
    for tau in (0.03, 0.1, 0.3, 0.5, 1.0):
        single = EmpiricalBayes(x).denoise(u, tau).double()
        expected = _direct(x.double(), u.double(), tau)[0]
        assert float((single - expected).abs().max()) < 1e-4 * 1.5
        # The control: the same in single precision throughout, as it would be without the rule and the centre.
        scores = (x @ u.T).T / tau**2 - x.square().sum(1) / (2 * tau**2)
        if tau <= 0.1:
            assert float((torch.softmax(scores, 1) @ x - expected).abs().max()) > 1e-2


def _against_population(n: int, truth: float, draws: int = 40) -> tuple[float, float, float]:
    """Mean over training sets of D_n(u) at one u, with its standard error, against a Wiener gain; and the rms error."""
    tau, u, rng = 1.0, torch.tensor([1.5, -0.5], dtype=torch.float64), np.random.default_rng(n)
    cov = torch.tensor([[2.0, 0.6], [0.6, 1.0]], dtype=torch.float64)
    lower = torch.linalg.cholesky(cov)
    wiener = gaussian(u, tau, torch.zeros(2), truth * cov)
    errors = [
        float((EmpiricalBayes(torch.from_numpy(rng.standard_normal((n, 2))) @ lower.T).denoise(u, tau) - wiener)[0])
        for _ in range(draws)
    ]
    return float(np.mean(errors)), float(np.std(errors, ddof=1) / math.sqrt(draws)), float(np.std(errors, ddof=1))


def test_many_points_denoise_as_their_population_does() -> None:
    mean, error, rms = _against_population(20_000, 1.0)
    assert abs(mean / error) < 4  # the bias is of order 1/n, far below
    wrong, wrong_error, _ = _against_population(20_000, 1.1)
    assert abs(wrong / wrong_error) > 10  # control: a covariance wrong by a tenth
    # Delta method: n Var = E[N²(x₀ − D)²]/E[N]², N the kernel; under N² it is the denoiser of noise τ²/2.
    sample = torch.from_numpy(np.random.default_rng(1).standard_normal((400_000, 2)))
    x = sample @ torch.linalg.cholesky(torch.tensor([[2.0, 0.6], [0.6, 1.0]], dtype=torch.float64)).T
    kernel = (-(x - torch.tensor([1.5, -0.5])).square().sum(1) / 2).exp()
    apart = x[:, 0] - (kernel @ x)[0] / kernel.sum()
    predicted = float((kernel * apart).square().mean().sqrt() / kernel.mean())
    for n, found in ((20_000, rms), (2_000, _against_population(2_000, 1.0)[2])):
        # A standard deviation of 40 draws is uncertain by 1/√78.
        assert abs(math.log(found * math.sqrt(n) / predicted)) < 4 / math.sqrt(78)


def test_population_denoisers() -> None:
    rng = np.random.default_rng(5)
    a = torch.from_numpy(rng.standard_normal((4, 2)))
    singular, mean, u = a @ a.T, _points(1, 4, 6)[0], _points(9, 4, 7)
    expected = mean + (u - mean) @ torch.linalg.solve(singular + 0.25 * torch.eye(4), singular)
    assert torch.allclose(gaussian(u, 0.5, mean, singular), expected, atol=1e-12)
    assert torch.allclose(gaussian(mean + u @ singular, 1e-170, mean, singular), mean + u @ singular, atol=1e-12)
    # One component is a Gaussian; no variance leaves the points; and a mixture is its posterior means, weighted.
    assert torch.allclose(mixture(u, 0.5, mean[None], 2.0), gaussian(u, 0.5, mean, 2 * torch.eye(4)), atol=1e-12)
    means, p = _points(3, 4, 8), torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    assert torch.allclose(mixture(u, 0.5, means, 0.0, p), EmpiricalBayes(means, p).denoise(u, 0.5), atol=1e-12)
    r = torch.softmax(p.log() - (u[:, None] - means).square().sum(-1) / (2 * (0.7 + 0.25)), 1)
    parts = means + 0.7 / 0.95 * (u[:, None] - means)
    assert torch.allclose(mixture(u, 0.5, means, 0.7, p), (r[..., None] * parts).sum(1), atol=1e-12)


@pytest.mark.parametrize(
    ("points", "u", "tau", "weights", "message"),
    [
        ([[0.0], [math.nan]], [0.0], 1.0, None, "points holds"),
        (np.zeros((0, 2)), [0.0, 0.0], 1.0, None, "points must be"),
        ([1.0, 2.0], [0.0], 1.0, None, "points must be"),
        ([[0.0], [1.0]], [math.inf], 1.0, None, "u holds"),
        ([[0.0], [1.0]], [0.0, 1.0], 1.0, None, r"u must be \(..., 1\)"),
        ([[0.0], [1.0]], 0.0, 1.0, None, "u must be"),
        ([[0.0], [1.0]], [0.0], 0.0, None, "tau must be"),
        ([[0.0], [1.0]], [0.0], -1.0, None, "tau must be"),
        ([[0.0], [1.0]], [0.0], math.inf, None, "tau must be"),
        ([[0.0], [1.0]], [0.0], math.nan, None, "tau must be"),
        ([[0.0], [1.0]], [0.0], 1.0, [1.0, 0.0], "weights must be"),
        ([[0.0], [1.0]], [0.0], 1.0, [1.0], "weights must be"),
    ],
)
def test_bad_input_is_named(points: object, u: object, tau: float, weights: object, message: str) -> None:
    for method in ("denoise", "score", "log_density"):
        with pytest.raises(ValueError, match=message):
            getattr(EmpiricalBayes(points, weights), method)(u, tau)  # type: ignore[arg-type]


def test_bad_populations_are_named() -> None:
    u, mean = torch.zeros(2), torch.zeros(2)
    for covariance, message in (
        (torch.eye(3), "covariance must be"),
        (-torch.eye(2), "covariance is not"),
        (torch.tensor([[1.0, 1.0], [0.0, 1.0]]), "covariance is not"),
        (torch.full((2, 2), math.nan), "covariance holds"),
    ):
        with pytest.raises(ValueError, match=message):
            gaussian(u, 1.0, mean, covariance)
    with pytest.raises(ValueError, match="variance must be"):
        mixture(u, 1.0, torch.zeros(3, 2), -1.0)
    with pytest.raises(ValueError, match="means holds"):
        mixture(u, 1.0, torch.full((3, 2), math.nan), 1.0)


def test_noise_may_be_a_number_of_numpy() -> None:
    x = np.random.default_rng(0).standard_normal((5, 2))
    for tau in (1e-9, 0.5):
        assert torch.equal(EmpiricalBayes(x).denoise(x, np.float64(tau)), EmpiricalBayes(x).denoise(x, tau))
