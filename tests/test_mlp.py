"""The small denoiser: its frame, ensembles against their members, and training towards an exact denoiser."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from memgen.denoisers.exact import gaussian
from memgen.denoisers.mlp import MLP
from memgen.denoisers.training import Training
from memgen.laws.schedules import LogUniform


def _points(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def _stirred(model: MLP) -> MLP:
    """With a last layer that is not zero, as after training."""
    for index, p in enumerate(model.last.parameters()):
        p.data += 0.1 * _points(*p.shape[1:], seed=index).to(p)
    return model


def test_it_starts_as_the_isotropic_wiener_denoiser() -> None:
    u = 3 + _points(9, 16)
    for tau in (1e-3, 0.7, 100.0):
        wiener = gaussian(u, tau, torch.full((16,), 3.0), 4 * torch.eye(16))
        assert torch.allclose(MLP(16, centre=3.0, scale=2.0).double()(u, tau), wiener, rtol=1e-12)


def test_the_loss_is_that_of_the_denoiser() -> None:
    # |F − F*|² (scale · s c)² = |D − x₀|², s = τ/scale, c = 1/√(1+s²): no weight is hidden between the two.
    model = _stirred(MLP(8, hidden=16, centre=3.0, scale=2.0).double())
    x0, xi, tau = 3 + _points(1, 50, 8), _points(1, 50, 8, seed=1), np.exp(_points(1, 50, seed=2).numpy())
    s = torch.from_numpy(tau)[..., None] / 2
    loss = model.error(x0, xi, tau) * 2 * s / (1 + s**2).sqrt()
    assert torch.allclose(model(x0 + 2 * s * xi, tau) - x0, loss, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_an_ensemble_is_its_members(dtype: torch.dtype, tolerance: float) -> None:
    u, tau = _points(4, 3, 7, 16).to(dtype), np.exp(_points(4, 3, 7).numpy())
    together = _stirred(MLP(16, models=4, hidden=32, keys=[4, 5, 6, 7])).to(dtype)
    y = together(u, tau)
    for m in range(4):
        alone = _stirred(MLP(16, hidden=32, keys=[4 + m])).to(dtype)
        assert float((alone(u[m], tau[m]) - y[m]).detach().norm() / y[m].detach().norm()) < tolerance
    assert float((together.first.weight[0] - together.first.weight[1]).detach().norm()) > 0.1


def test_training_approaches_the_exact_denoiser_of_a_gaussian() -> None:
    # Four variances from 4 to 1/16 in a rotated frame. In 600 steps what is left of E|D − D*|², the excess over the
    # least possible loss, is less than what the exact denoiser loses by taking τ for 1.1 τ; the start is far above.
    turn = torch.linalg.qr(_points(4, 4))[0]
    variances = torch.tensor([4.0, 1.0, 0.25, 0.0625], dtype=torch.float64)
    covariance, mean = turn @ torch.diag(variances) @ turn.T, torch.full((4,), 2.0, dtype=torch.float64)
    root = turn * variances.sqrt()
    scale = math.sqrt(float(variances.mean()))
    model = MLP(4, hidden=64, depth=2, centre=2.0, scale=scale)
    data = mean + _points(8192, 4, seed=1) @ root.T
    training = Training(model, data, [0], LogUniform(0.1, 10.0), batch=512, lr=2e-3, ema=0.99)
    losses = training.run(600)
    assert losses[-100:].mean() < losses[:100].mean()
    fresh = mean + _points(20_000, 4, seed=2) @ root.T
    for tau in (0.2, 0.5, 1.0, 2.0, 5.0):
        u = fresh + tau * _points(20_000, 4, seed=3)
        exact = gaussian(u, tau, mean, covariance)
        with torch.no_grad():
            assert training.averaged is not None
            learned, start = training.averaged(u, tau), MLP(4, centre=2.0, scale=scale)(u, tau)
        left, at_start = ((d - exact).square().sum(1) for d in (learned, start))
        confused = (gaussian(u, 1.1 * tau, mean, covariance) - exact).square().sum(1)
        assert left.mean() < confused.mean() < at_start.mean()
        # And that it is the excess: the loss less the least one, point by point, has the same mean.
        excess = (learned - fresh).square().sum(1) - (exact - fresh).square().sum(1) - left
        assert abs(float(excess.mean() / excess.std()) * math.sqrt(len(excess))) < 4


@pytest.mark.parametrize(
    ("make", "u", "tau", "message"),
    [
        ({"d": 0}, None, 1.0, "need d"),
        ({"hidden": 0}, None, 1.0, "need d"),
        ({"models": 2, "keys": [1]}, None, 1.0, "need d"),
        ({"scale": 0.0}, None, 1.0, "scale positive"),
        ({"centre": math.nan}, None, 1.0, "centre must be finite"),
        ({}, (3, 5), 1.0, r"u must be \(1, …, 4\)"),
        ({"models": 2}, (3, 4), 1.0, r"u must be \(2, …, 4\)"),
        ({}, (3, 4), 0.0, "tau must be positive"),
        ({}, (3, 4), math.inf, "tau must be positive"),
        ({}, (3, 4), math.nan, "tau must be positive"),
    ],
)
def test_what_is_refused(make: dict, u: tuple[int, ...] | None, tau: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model = MLP(**{"d": 4, **make})
        assert u is not None
        model(torch.zeros(u), tau)
