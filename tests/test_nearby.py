"""The exact denoiser where few points weigh: to fifty digits, at the ends, and with bounds that are too small."""

import math
from collections.abc import Iterator

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

from memgen.denoisers import nearby
from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.nearby import Nearby


def _grid(n: int, d: int, seed: int = 0) -> Tensor:
    """Normal points in multiples of 2⁻¹⁶: for n a power of two the centre, and all that is taken from it, is exact."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, d)) * 2**16).round() / 2**16


def _fifty_digits(x: Tensor, u: Tensor, tau: float, p: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """D and ln p by mpmath, of all points that have e⁻²⁰⁰ of the largest weight."""
    log_p = torch.full((len(x),), -math.log(len(x)), dtype=torch.float64) if p is None else (p / p.sum()).log()
    means, logs = [], []
    with mpmath.workdps(50):
        t2 = mpmath.mpf(tau) ** 2
        for query in u.double():
            e = log_p - (x - query).square().sum(1) / 2 / tau**2
            kept = torch.where(e >= e.max() - 200 - 1e-12 * (query.norm() + x.norm(dim=1)).square() / tau**2)[0]
            q, points = [mpmath.mpf(a) for a in query.tolist()], x[kept].tolist()
            far = [mpmath.fsum((a - b) ** 2 for a, b in zip(q, point, strict=True)) for point in points]
            exact = [mpmath.mpf(w) - f / 2 / t2 for w, f in zip(log_p[kept].tolist(), far, strict=True)]
            top = max(exact)
            w = [mpmath.exp(v - top) for v in exact]
            total = mpmath.fsum(w)
            means.append([float(mpmath.fdot(w, column) / total) for column in zip(*points, strict=True)])
            logs.append(float(top + mpmath.log(total) - len(q) * mpmath.log(2 * mpmath.pi * t2) / 2))
    return torch.tensor(means, dtype=torch.float64), torch.tensor(logs, dtype=torch.float64)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """For each call, for which queries few points weigh."""
    calls: list[Tensor] = []
    fill = Nearby.fill

    def kept(*arguments: object) -> Tensor:
        calls.append(fill(*arguments))
        return calls[-1]

    monkeypatch.setattr(Nearby, "fill", kept)
    yield calls


def _queries(x: Tensor, tau: float) -> Tensor:
    """By a point, midway between two, on their line beyond, and far; two of each, the second without noise."""
    a, b = x[:2], x[-2:]
    noise = tau * _grid(8, x.shape[1], 1) * torch.tensor([1, 0] * 4)[:, None]
    return torch.cat([a, (a + b) / 2, 4 * b - 3 * a, 1e4 * b]) + noise


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("n", "d", "share"),  # of R: elsewhere products above 1.5e-4, differences below
    [
        *((4096, 1, share) for share in (1e-4, 1e-9)),
        *((1024, 3, share) for share in (1e-3, 1e-5)),
        *((128, 40, share) for share in (0.03, 1e-3, 1e-9)),
    ],
)
def test_fifty_digits(n: int, d: int, share: float, dtype: torch.dtype, weighted: bool, found: list[Tensor]) -> None:
    x = _grid(n, d)
    tau = share * float((x - x.mean(0)).norm(dim=1).max())
    u = _queries(x, tau).to(dtype)
    p = 10.0 ** torch.linspace(-200, 0, n, dtype=torch.float64) if weighted else None
    mean, log_p = _fifty_digits(x, u, tau, p)
    model = EmpiricalBayes(x.to(dtype), p)
    apart = (model.denoise(u, tau) - mean).abs().amax(1) / float(x.abs().max())
    assert int(found[0].sum()) >= 4 and (d == 1 or bool(found[0].all()))
    assert float(apart[found[0]].max()) < (1e-7 if dtype is torch.float32 else 1e-13)
    assert float(apart.max()) < 1e-7
    assert torch.allclose(model.log_density(u, tau), log_p, rtol=2e-11, atol=1e-9)


def _twins(tau: float) -> tuple[Tensor, Tensor]:
    """Points, each with another at a distance of 100 τ and elsewhere in the list, and queries at every second point."""
    x = _grid(512, 3)
    step = torch.zeros(3, dtype=torch.float64)
    step[0] = 100 * tau
    return torch.cat([x, x + step]), x + step


def _lost(x: Tensor, u: Tensor, tau: float) -> float:
    """By how much D is wrong, in units of the largest coordinate, where nothing is on few points by D's own account."""
    e = -(u[:, None] - x).square().sum(-1) / 2 / tau**2
    return float((EmpiricalBayes(x).denoise(u, tau) - torch.softmax(e, 1) @ x).abs().max() / x.abs().max())


def test_what_single_precision_cannot_tell_apart_is_told(found: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    tau = 2.0**-22
    x, u = _twins(tau)
    assert _lost(x, u, tau) < 1e-14 and bool(found[-1].all())
    # The control: products that are said to round a thousandth as much.
    rounding = Nearby._rounding
    monkeypatch.setattr(Nearby, "_rounding", lambda *a: rounding(*a) / 1000)
    assert _lost(x, u, tau) > 50 * tau / 5
    monkeypatch.setattr(Nearby, "_rounding", lambda *a: rounding(*a) * 1e6)  # nothing is certain, hence nothing found
    assert _lost(x, u, tau) < 1e-14 and not bool(found[-1].any())


def test_the_bound_on_rounding_holds_and_is_not_idle() -> None:
    # Products of terms of one sign, as sums in single precision round worst.
    for d in (1, 30, 1000):
        x, z = (torch.from_numpy(np.random.default_rng(d).random((200, d))) for _ in range(2))
        x, z = x / d**0.5, z * 3
        near = Nearby(x, x.float(), torch.zeros(200, dtype=torch.float64), (1024, 512))
        key = -x.square().sum(1) / 2
        exact = z @ x.T + key
        wrong = (z.float() @ x.float().T + key.float()).double() - exact
        bound = near._rounding(z, key, torch.float32)
        assert bool((wrong.abs() < bound[:, None]).all())
        assert float((wrong.abs() / bound[:, None]).max()) > 0.3 / (d + 8)


def test_what_is_not_summed_does_not_count(found: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    x, tau = _grid(2048, 2), 0.02
    u = torch.cat([x[:50] * 2, x[50:100]])  # outside, where few weigh, and inside
    assert _lost(x, u, tau) < 1e-13 and 20 < int(found[-1].sum())
    monkeypatch.setattr(nearby, "_LOST", 1.0)  # the control: e^-8 or so of the weight of one is dropped
    assert _lost(x, u, tau) > 1e-10


@pytest.mark.parametrize("tau", [2.0**-5, 2.0**-12, 1e-30, 1e-140])
def test_equal_shares(tau: float, found: list[Tensor]) -> None:
    # Three copies of every point, one of a point twice as heavy, and the middle of two that are opposite.
    x = _grid(512, 8)
    x = torch.cat([x, -x])
    model = EmpiricalBayes(x.repeat(3, 1))
    assert torch.equal(model.denoise(x[:40], tau), x[:40])
    pair = torch.cat([x * 4, x[:1] / 8, -x[:1] / 8])
    middle = torch.zeros(8, dtype=torch.float64)
    assert torch.equal(EmpiricalBayes(pair).denoise(middle, tau), middle)
    p = torch.ones(len(pair))
    p[-1] = 3
    assert torch.allclose(EmpiricalBayes(pair, p).denoise(middle, tau), -x[0] / 16, rtol=1e-15)
    assert all(bool(rows.all()) for rows in found)


def test_far_points_and_rows_of_both_kinds(found: list[Tensor]) -> None:
    # A crowd within τ, a point at a great distance that spoils its products, and lonely ones: each as on its own.
    tau = 1e-3
    crowd, lonely = tau * _grid(1500, 4), 3 * _grid(500, 4, 1)
    x = torch.cat([crowd, lonely, torch.full((1, 4), 30.0)])
    u = torch.cat([crowd[:40], lonely[:60]]) + tau * _grid(100, 4, 2)
    assert _lost(x, u, tau) < 1e-9
    assert not bool(found[-1][:40].any()) and bool(found[-1][40:].all())
    many = torch.cat([crowd, crowd[:500] / 2])  # none is tried after some that failed: the same numbers
    assert _lost(x, many, tau) < 1e-9 and not bool(found[-1].any())
    assert _lost(torch.cat([x, torch.full((1, 4), 1e5)]), u, tau) < 1e-7


def test_other_products_and_parts(found: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    x, tau = _grid(1003, 5), 0.01
    u = x[:700] + tau * _grid(700, 5, 1)
    expected = EmpiricalBayes(x).denoise(u, tau)
    assert EmpiricalBayes(x).denoise(u[:0], tau).shape == (0, 5)
    for name, value in (("_KEPT", 3000), ("_PART", 1), ("_TRIED", 1)):
        monkeypatch.setattr(nearby, name, value)
        assert torch.allclose(EmpiricalBayes(x).denoise(u, tau), expected, rtol=0, atol=1e-14)
    kept = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        single = Nearby(x / 8, torch.full_like(x, math.nan).float(), torch.zeros(1003), (1024, 512))
        assert bool(single.fill(torch.empty_like(u), u.new_empty(700), u / 8, tau / 8).all())  # and is not asked
    finally:
        torch.set_float32_matmul_precision(kept)
    assert bool(found[0].all())
