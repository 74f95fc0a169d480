"""Samplers: exact recursions of their linear maps, orders of convergence, streams, and what they generate."""

import math
import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes, gaussian, mixture
from memgen.denoisers.levels import equal_angle, karras
from memgen.denoisers.sampling import Noise, ddim, euler_maruyama, heun
from memgen.laws.process import noise_variance
from memgen.statistics import threshold

WIDTHS = np.array([9.0, 4.0, 3.5, 1.0, 0.2, 0.05])
TIMES = np.array([2.0, 1.7, 1.1, 0.9, 0.4, 0.3])


def _wiener(s: float) -> Callable[[Tensor, float], Tensor]:
    return lambda u, tau: s / (s + tau**2) * u


def _variance(sample: Callable[[Tensor, Callable], Tensor], start: float, levels: np.ndarray) -> float:
    """Variance of the end of a linear sampler: the responses to the start and to the noise of each step, one a row."""
    rows = torch.tensor([math.inf, *levels[1:]], dtype=torch.float64)[:, None]
    responses = sample(torch.isinf(rows).double(), lambda level, u: (rows == level).double())
    return float(responses[0] ** 2 * start + responses[1:].square().sum())


def _churned(s: float, widths: np.ndarray, eta: float) -> float:
    """The recursion of η-DDIM, v' = [(s + τe)/(s + τ²)]² v + c²."""
    v = s + widths[0] ** 2
    for a, b in pairwise(widths):
        c2 = eta**2 * b**2 * (1 - b**2 / a**2)
        v = ((s + a * math.sqrt(b**2 - c2)) / (s + a**2)) ** 2 * v + c2
    return v


def _diffused(s: float, times: np.ndarray, lam: float, noise: float) -> float:
    """The recursion of Euler–Maruyama, v' = (1 + h − 2λh/Λ)² v + 2λh, with the λ of the noise by itself."""
    v = math.exp(-2 * times[0]) * s - lam * math.expm1(-2 * times[0])
    for t, end in pairwise(times):
        h, spread = t - end, math.exp(-2 * t) * s - lam * math.expm1(-2 * t)
        v = (1 + h - 2 * lam * h / spread) ** 2 * v + 2 * noise * h
    return v


@pytest.mark.parametrize(
    "widths", [WIDTHS, np.append(WIDTHS, 0.0), WIDTHS[:2], np.array([3.0, 0.0]), karras(80, 2e-3, 9)]
)
def test_ddim_shrinks_each_eigenvalue_by_squared_cosines(widths: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    s, mean = np.array([0.0, 0.1, 1.0, 30.0]), torch.from_numpy(rng.standard_normal(4))
    covariance = torch.from_numpy(basis * s @ basis.T)
    ends = ddim(lambda u, tau: gaussian(u, tau, mean, covariance), mean + torch.from_numpy(basis.T), widths) - mean
    gains = np.prod([(s + a * b) / (s + a**2) for a, b in pairwise(widths)], axis=0)
    np.testing.assert_allclose(ends, gains[:, None] * basis.T, rtol=0, atol=1e-12)
    angles = np.arctan2(widths, np.sqrt(s)[:, None])  # a direction of no variance has none to lose: its cosines are 1
    squares = np.cos(angles[:, :-1] - angles[:, 1:]) ** 2
    squares[0] = 1
    expected = (s + widths[-1] ** 2) * squares.prod(1)
    np.testing.assert_allclose((s + widths[0] ** 2) * np.einsum("ij,ji->i", ends, basis) ** 2, expected, atol=1e-12)
    assert expected[2] < 0.999 * (s[2] + widths[-1] ** 2)  # control: the exact flow, without steps, ends there


def test_equal_angles_shrink_least() -> None:
    s, steps = 2.0, 7
    best, angle = equal_angle(50, 0, steps, math.sqrt(s)), math.atan(50 / math.sqrt(s))
    assert _churned(s, best, 0) == pytest.approx(s * math.cos(angle / steps) ** (2 * steps), rel=1e-12)
    rng = np.random.default_rng(1)
    for _ in range(20):
        moved = best * np.exp(0.05 * rng.standard_normal(steps + 1) * (np.arange(steps + 1) % steps > 0))
        assert _churned(s, moved, 0) < _churned(s, best, 0)


@pytest.mark.parametrize("s", [0.0, 0.3, 1.0, 20.0])
def test_variances_follow_their_recursions(s: float) -> None:
    for widths in (WIDTHS, np.append(WIDTHS, 0.0)):
        for eta in (0.0, 0.3, 1.0):
            got = _variance(lambda u, z, w=widths, e=eta: ddim(_wiener(s), u, w, e, z), s + widths[0] ** 2, widths)
            assert got == pytest.approx(_churned(s, widths, eta), rel=1e-12)
    for lam in (0.25, 1.0, 3.0):
        start = math.exp(-2 * TIMES[0]) * s - lam * math.expm1(-2 * TIMES[0])
        got = _variance(lambda x, z, lam=lam: euler_maruyama(_wiener(s), x, TIMES, z, lam), start, TIMES)
        assert got == pytest.approx(_diffused(s, TIMES, lam, lam), rel=1e-12)
    # One ancestral step from the noised law: the true variance less (1−r)² Var(x₀|u).
    for a, b in pairwise(WIDTHS):
        deficit = (1 - (b / a) ** 2) ** 2 * s * a**2 / (s + a**2)
        got = _variance(lambda u, z, w=(a, b): ddim(_wiener(s), u, w, 1.0, z), s + a**2, np.array([a, b]))
        assert s + b**2 - got == pytest.approx(deficit, rel=1e-9, abs=1e-12)


def test_drawn_variances_follow_them_too() -> None:
    s, lam, many, zeros = 1.5, 0.4, 60_000, torch.zeros(60_000, 2, dtype=torch.float64)
    scores, controls = [], []
    for eta in (0.5, 1.0):
        noise = Noise(range(many), "variance", eta)
        start = math.sqrt(s + WIDTHS[0] ** 2) * noise(WIDTHS[0], zeros)
        for sample, exact in ((ddim, _churned(s, WIDTHS, eta)), (heun, None)):
            v = float(sample(_wiener(s), start, WIDTHS, eta, noise).square().mean())
            if exact is None:
                exact = _variance(lambda u, z, e=eta: heun(_wiener(s), u, WIDTHS, e, z), s + WIDTHS[0] ** 2, WIDTHS)
            scores.append((v / exact - 1) * math.sqrt(many))
            controls.append((v / (s + WIDTHS[-1] ** 2) - 1) * math.sqrt(many))  # as if the steps were small
    noise = Noise(range(many), "variance", "sde")
    start = math.sqrt(math.exp(-4) * s - lam * math.expm1(-4)) * noise(TIMES[0], zeros)
    v = float(euler_maruyama(_wiener(s), start, TIMES, noise, lam).square().mean())
    scores.append((v / _diffused(s, TIMES, lam, lam) - 1) * math.sqrt(many))
    controls.append((v / _diffused(s, TIMES, lam, 1.0) - 1) * math.sqrt(many))  # as if the noise were 2h
    assert np.max(np.abs(scores)) < threshold(len(scores))
    assert np.min(np.abs(controls)) > 10


def _two(u: Tensor, tau: float) -> Tensor:
    """½N(2, 0.3) + ½N(−2, 0.3), a denoiser without sums over the batch."""
    noised = 0.3 + tau**2
    mean = 2 * torch.tanh(2 * u / noised)
    return mean + 0.3 / noised * (u - mean)


def _orders(errors: list[float]) -> np.ndarray:
    """Observed orders p + O(1/steps) of errors at doubled steps, the 1/steps taken out."""
    seen = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    return 2 * seen[1:] - seen[:-1]


def test_orders_of_convergence() -> None:
    steps = (32, 64, 128, 256, 512)
    means = torch.tensor([[1.0], [-1.5]], dtype=torch.float64)
    u = torch.linspace(-12, 12, 9, dtype=torch.float64)[:, None]

    def flow(sample: Callable, k: int) -> Tensor:
        widths = equal_angle(10, 0, k)  # the last step, to 0, is of the size of the others
        return sample(lambda v, tau: mixture(v, tau, means, 0.3, torch.tensor([0.3, 0.7])), u, widths)

    # Errors are K^{-p}(c + c'/K): what is left of c' after one extrapolation is of the order of (c'/c)²/K² < 0.02.
    truth = (4 * flow(heun, 2048) - flow(heun, 1024)) / 3
    for sample, order in ((ddim, 1), (heun, 2)):
        got = _orders([float((flow(sample, k) - truth).abs().mean()) for k in steps])
        assert np.all(np.abs(got - order) < 0.02), got
    # In the law: variances of the linear map.
    for eta in (0.5, 1.0):
        for sample, order in ((ddim, 1), (heun, 2)):
            errors = []
            for k in steps[:-1]:
                widths = equal_angle(8, 0.3, k)
                v = _variance(lambda u, z, w=widths, f=sample, e=eta: f(_wiener(1.0), u, w, e, z), 65.0, widths)
                errors.append(abs(v - 1.09))
            got = _orders(errors)
            assert np.all(np.abs(got - order) < 0.02), got


SAMPLERS = {
    "ddim": lambda denoise, u, noise: ddim(denoise, u, WIDTHS),
    "eta": lambda denoise, u, noise: ddim(denoise, u, WIDTHS, 0.5, noise),
    "ddpm": lambda denoise, u, noise: ddim(denoise, u, WIDTHS, 1.0, noise),
    "heun": lambda denoise, u, noise: heun(denoise, u, WIDTHS),
    "churned": lambda denoise, u, noise: heun(denoise, u, WIDTHS, 1.0, noise),
    "sde": lambda denoise, u, noise: euler_maruyama(denoise, u, TIMES, noise),
}
by_sampler = pytest.mark.parametrize("sample", SAMPLERS.values(), ids=SAMPLERS.keys())


@by_sampler
def test_a_trajectory_depends_on_its_number_alone(sample: Callable) -> None:
    u = torch.from_numpy(np.random.default_rng(2).standard_normal((700, 3)))
    # A product and a sum at a time are the same in every batch: bit for bit.
    whole = sample(_wiener(0.7), u, Noise(range(700), "key"))
    for part in (slice(0, 1), slice(100, 300), slice(699, 700), slice(5, 700, 97)):
        assert torch.equal(sample(_wiener(0.7), u[part], Noise(range(700)[part], "key")), whole[part])
    assert torch.equal(sample(_wiener(0.7), u[4], Noise(4, "key")), whole[4])
    # Where a denoiser multiplies matrices, their rounding may depend on the shape of the batch: here by up to ε(R/τ)²,
    # 4e-12 at the last width, which Heun's rule at κ = 1/16 multiplies by eight.
    model = EmpiricalBayes(u[:50] + 3)
    whole = sample(model.denoise, u, Noise(range(700), "key"))
    order = np.random.default_rng(3).permutation(700)
    assert torch.allclose(sample(model.denoise, u[order], Noise(order, "key")), whole[order], rtol=0, atol=1e-10)


@by_sampler
def test_models_by_samples(sample: Callable) -> None:
    gains = torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)[:, None, None]
    u = torch.from_numpy(np.random.default_rng(4).standard_normal((300, 2))).expand(3, 300, 2)
    numbers = np.arange(900).reshape(3, 300)
    together = sample(lambda v, tau: gains / (gains + tau**2) * v, u, Noise(numbers, "key"))
    shared = sample(lambda v, tau: gains / (gains + tau**2) * v, u, Noise(range(300), "key"))
    for k, s in enumerate((0.1, 1.0, 5.0)):
        assert torch.equal(together[k], sample(_wiener(s), u[k], Noise(numbers[k], "key")))
        assert torch.equal(shared[k], sample(_wiener(s), u[k], Noise(range(300), "key")))


def test_a_schedule_may_be_cut_in_two() -> None:
    u = torch.ones(5, 2, dtype=torch.float64)
    for sample, levels in ((ddim, WIDTHS), (heun, WIDTHS)):
        noise = Noise(range(5), "key")
        first = sample(_two, u, levels[:3], 1.0, noise)
        assert torch.equal(sample(_two, first, levels[2:], 1.0, noise), sample(_two, u, levels, 1.0, noise))
    first = euler_maruyama(_two, u, TIMES[:3], noise)
    assert torch.equal(euler_maruyama(_two, first, TIMES[2:], noise), euler_maruyama(_two, u, TIMES, noise))


def test_the_noise_is_white() -> None:
    like = torch.zeros(40_000, 2, dtype=torch.float64)
    a, b = (Noise(range(40_000), "white")(level, like) for level in (0.5, np.nextafter(0.5, 1)))
    other = Noise(range(40_000), "black")(0.5, like)
    pairs = {"levels": a * b, "keys": a * other, "trajectories": a[1:] * a[:-1], "blocks": a[256:] * a[:-256],
             "coordinates": a[:, 0] * a[:, 1], "mean": a, "square": (a.square() - 1) / math.sqrt(2)}  # fmt: skip
    scores = {name: float(x.mean()) * math.sqrt(x.numel()) for name, x in pairs.items()}
    assert max(map(abs, scores.values())) < threshold(len(scores)), scores
    assert float((a * Noise(range(40_000), "white")(0.5, like)).mean()) > 0.9  # control: the same key


@by_sampler
def test_precision_is_kept(sample: Callable) -> None:
    u = torch.ones(4, 2)
    exact = sample(_two, u.double(), Noise(range(4), "key"))
    assert exact.dtype == torch.float64 and torch.equal(sample(_two, u.int(), Noise(range(4), "key")), exact)
    # Whatever the denoiser returns; and with the same noise, to rounding.
    single = sample(lambda v, tau: _two(v.double(), tau), u, Noise(range(4), "key"))
    assert single.dtype == torch.float32 and torch.allclose(single.double(), exact, atol=1e-4)
    assert torch.equal(u, torch.ones(4, 2))


_FINE, _FINE_TIMES = equal_angle(20, 0, 600, 0.5), np.append(np.geomspace(2, 5e-4, 900), 0.0)
GENERATORS = {
    "ddim": lambda denoise, noise, u: ddim(denoise, u, _FINE),
    "ddpm": lambda denoise, noise, u: ddim(denoise, u, _FINE, 1.0, noise),
    "heun": lambda denoise, noise, u: heun(denoise, u, _FINE[::10]),
    "churned": lambda denoise, noise, u: heun(denoise, u, _FINE[::10], 1.0, noise),
    "sde": lambda denoise, noise, u: euler_maruyama(denoise, u, _FINE_TIMES, noise),
}


def test_two_classes_are_generated_in_proportion() -> None:
    many, p, v, centres = 3000, 0.3, 0.25, torch.tensor([[1.2, 1.6], [-1.2, -1.6]], dtype=torch.float64)
    weights = torch.tensor([p, 1 - p])
    rng, balance, spread, wrong = np.random.default_rng(5), [], [], []
    for name, generate in GENERATORS.items():
        tau, shrink = _FINE[0], 1.0
        if name == "sde":
            tau, shrink = math.sqrt(noise_variance(_FINE_TIMES[0])), math.exp(-_FINE_TIMES[0])
        origin = centres[torch.from_numpy((rng.random(many) > p).astype(int))]
        u = shrink * (origin + math.sqrt(v + tau**2) * torch.from_numpy(rng.standard_normal((many, 2))))
        x = generate(lambda a, t: mixture(a, t, centres, v, weights), Noise(range(many), "mixture", name), u)
        plus = x @ centres[0] > 0
        error = math.sqrt(p * (1 - p) / many)
        inside = float((x - torch.where(plus[:, None], centres[0], centres[1])).square().mean())
        balance.append((float(plus.double().mean()) - p) / error)
        spread.append((inside / v - 1) * math.sqrt(many))
        wrong += [(float(plus.double().mean()) - 0.35) / error, (inside / (1.15 * v) - 1) * math.sqrt(many)]
    assert np.max(np.abs(balance + spread)) < threshold(2 * len(GENERATORS)), (balance, spread)
    assert np.min(np.abs(wrong)) > threshold(2 * len(GENERATORS))  # control: five in a hundred more, or 15% wider


def test_the_exact_score_returns_training_points() -> None:
    points = torch.from_numpy(np.random.default_rng(6).standard_normal((20, 3)))
    model, noise = EmpiricalBayes(points), Noise(range(400), "copies")
    start = noise(30.0, torch.zeros(400, 3, dtype=torch.float64))
    widths, times = karras(30, 1e-3, 60), np.append(np.geomspace(3, 1e-7, 300), 0.0)
    ends = {
        1e-12: [ddim(model.denoise, 30 * start, widths), ddim(model.denoise, 30 * start, widths, 1.0, noise),
                heun(model.denoise, 30 * start, widths)],
        6 * math.sqrt(2e-7): [euler_maruyama(model.denoise, start, times, noise)],  # the noise of its last step
    }  # fmt: skip
    for near, samples in ends.items():
        for x in samples:
            distance, which = (x[:, None] - points).norm(dim=-1).min(1)
            assert float(distance.max()) < near and len(which.unique()) == 20
    early = ddim(model.denoise, 30 * start, widths[widths > 0.3], 1.0, noise)  # control: still noisy
    assert float((early[:, None] - points).norm(dim=-1).amin(1).median()) > 0.1


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "{} must be two or more, got 0"),
        ([1.0], "{} must be two or more, got 1"),
        ([1.0, 2.0], "{0} must decrease, but {0}[1] = 2.0 follows 1.0"),
        ([3.0, 1.0, 1.0], "{0} must decrease, but {0}[2] = 1.0 follows 1.0"),
        ([1.0, 0.0, 0.0], "{0} must decrease, but {0}[2] = 0.0 follows 0.0"),
        ([1.0, 0.0, -1.0], "{}[2] = -1.0 is not a finite"),
        ([math.inf, 1.0], "{}[0] = inf is not a finite"),
        ([1.0, math.nan], "{}[1] = nan is not a finite"),
    ],
)
def test_bad_levels_are_named(levels: list[float], message: str) -> None:
    u, noise = torch.zeros(2, 1), Noise(range(2))
    for sample in (ddim, heun):
        with pytest.raises(ValueError, match=re.escape(message.format("widths"))):
            sample(_two, u, levels, 1.0, noise)
    with pytest.raises(ValueError, match=re.escape(message.format("times"))):
        euler_maruyama(_two, u, levels, noise)


def test_bad_calls_are_named() -> None:
    u, noise = torch.zeros(4, 2), Noise(range(4))
    for eta, with_noise in ((-0.1, noise), (1.1, noise), (math.nan, noise), (0.5, None)):
        with pytest.raises(ValueError, match=r"eta must lie in \[0, 1\]"):
            ddim(_two, u, WIDTHS, eta, with_noise)
    for lam in (0.0, -1.0):
        with pytest.raises(ValueError, match="lam > 0"):
            euler_maruyama(_two, u, TIMES, noise, lam)
    with pytest.raises(ValueError, match=r"the denoiser made \(2,\) of a state \(4, 2\)"):
        ddim(lambda v, tau: v[0], u, WIDTHS)
    with pytest.raises(ValueError, match="not finite after step 0, at width 9"):
        heun(_two, u + math.nan, WIDTHS)
    for sample, step in ((ddim, "3, at width 1"), (heun, r"2, at width 3\.5")):  # Heun's rule looks one level ahead
        with pytest.raises(ValueError, match=f"not finite after step {step}"):
            sample(lambda v, tau: v / (tau > 3.5), u + 1, WIDTHS)
    with pytest.raises(ValueError, match=r"not finite after step 1, at time 1\.7"):
        euler_maruyama(_two, u, TIMES, lambda level, v: v + math.inf)
    for trajectories in ([], [-1], [0.5], [True]):
        with pytest.raises(ValueError, match="trajectories must be"):
            Noise(trajectories)
    for trajectories in (range(5), np.zeros((3, 4), int)):
        with pytest.raises(ValueError, match=r"trajectories of shape|broadcast"):
            ddim(_two, u, WIDTHS, 1.0, Noise(trajectories))
    for bad in ((1, 2, 5), (1, 0, 5), (2, 1, 1), (math.nan, 1, 5)):
        with pytest.raises(ValueError, match="need high > low > 0"):
            karras(*bad)
    for bad in ((1, 2, 5), (1, -1, 5), (2, 1, 0), (2, 1, 5, 0.0)):
        with pytest.raises(ValueError, match="need high > low ≥ 0"):
            equal_angle(*bad)


def test_schedules_end_where_they_should() -> None:
    widths = karras(80, 0.002, 18)
    assert len(widths) == 19 and widths[0] == pytest.approx(80) and widths[-2:] == pytest.approx([0.002, 0], abs=1e-15)
    assert np.all(np.abs(np.diff(widths[:-1] ** (1 / 7), 2)) < 1e-12)
    widths = equal_angle(1e6, 1e-3, 5, 2.0)
    assert widths[0] == 1e6 and widths[-1] == 1e-3 and np.ptp(np.diff(np.arctan(widths / 2))) < 1e-12
