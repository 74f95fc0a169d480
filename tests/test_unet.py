"""The U-Net: the paper's size, layer by layer against plain PyTorch, ensembles against their members, as a denoiser."""

import gc
import math
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgen.denoisers import sampling
from memgen.denoisers.layers import Conv, ImageNorm, LayerNorm, Linear, fold, from_rows, to_rows, unfold
from memgen.denoisers.sampling import Noise, ddim
from memgen.denoisers.unet import NoisePredictor, UNet, _Attention, settle_convolutions
from memgen.laws.schedules import LogNormal, LogUniform, Schedule, cosine, linear
from memgen.streams import stream


def _images(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def _size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_seeds_size() -> None:
    network = UNet()
    assert _size(network) == 12_919_041
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, 8, 8), torch.tensor([0.0, 200.0])).shape == (2, 1, 8, 8)


def test_size_is_a_square_of_the_width_and_a_multiple_of_the_models() -> None:
    sizes = [_size(UNet(width=width)) for width in (8, 16, 24, 32)]
    assert np.diff(sizes, n=3) == 0 and np.diff(sizes, n=2)[0] > 0
    a, b, c = np.polyfit([8, 16, 24, 32], sizes, 2)
    assert round(a * 64**2 + b * 64 + c) == 12_919_041
    assert _size(UNet(models=3, width=8)) == 3 * sizes[0]


# By its centre, as one matrix, as a convolution, as rows of neighbours.
@pytest.mark.parametrize(("side", "as_product"), [(1, False), (2, False), (4, False), (6, False), (4, True), (6, True)])
@pytest.mark.parametrize("models", [1, 3])
def test_convolution_and_its_gradients(models: int, side: int, as_product: bool) -> None:
    layer = Conv([stream("test", m) for m in range(models)], 5, 7).double()
    layer.as_product = as_product
    x = _images(4, side, side, models, 5).requires_grad_()
    y, weight = layer(x), layer.weight
    plain = [
        F.conv2d(x[..., m, :].permute(0, 3, 1, 2), weight[m].permute(0, 3, 1, 2), padding=1) for m in range(models)
    ]
    assert torch.allclose(y, torch.stack(plain, -1).permute(0, 2, 3, 4, 1), rtol=1e-12, atol=1e-13)
    towards = _images(*y.shape, seed=1)
    scores = torch.stack([(p.permute(0, 2, 3, 1) * towards[..., m, :]).sum() for m, p in enumerate(plain)])
    expected = torch.autograd.grad(scores.sum(), (x, weight))
    for got, wanted in zip(torch.autograd.grad((y * towards).sum(), (x, weight)), expected, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("slow", [False, True])
def test_the_faster_convolution_is_taken(slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that the memory does not suffice for is not, nor is anything left of the trial."""
    network, plain = UNet(models=2, width=8), Conv.forward
    held: list[weakref.ref] = []

    def hindered(layer: Conv, x: Tensor) -> Tensor:
        y = plain(layer, x)
        if layer.as_product == slow:
            held.append(weakref.ref(y))
            if len(held) == 5:
                raise torch.OutOfMemoryError
        return y

    monkeypatch.setattr(Conv, "forward", hindered)
    gc.disable()  # a cycle would be found some time, but not in time
    try:
        settle_convolutions(network, 3)
        assert len(held) == 5 and not any(y() is not None for y in held)
    finally:
        gc.enable()
    assert {layer.as_product for layer in network.modules() if isinstance(layer, Conv)} == {not slow}
    assert all(p.grad is None for p in network.parameters())


def test_no_memory_for_any_convolution_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Tensor:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(Conv, "forward", full)
    with pytest.raises(torch.OutOfMemoryError, match="full"):
        settle_convolutions(UNet(width=8), 3)


@pytest.mark.parametrize("as_product", [False, True])
@pytest.mark.parametrize("models", [1, 3])
def test_nothing_of_a_pass_is_on_another_device(models: int, as_product: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device that computes shapes alone, and like a GPU refuses to add what is on the CPU."""
    # Which that device does not know, and for which it would need numbers.
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)
    monkeypatch.setattr(sampling, "_finite", lambda u, *_: u)
    model = NoisePredictor(UNet(models, 8), linear()).to("meta")
    for layer in model.modules():
        if isinstance(layer, Conv):
            layer.as_product = as_product
    noise = torch.zeros(models, 5, 64)
    with pytest.raises(RuntimeError, match="device"):
        model.error(noise.to("meta"), noise, np.full((models, 5), 0.5))
    error = model.error(noise.to("meta"), noise.to("meta"), np.full((models, 5), 0.5))
    error.square().sum().backward()
    assert {p.grad.device.type for p in model.parameters() if p.grad is not None} == {"meta"}
    assert all(p.grad is not None for p in model.parameters())
    widths = model.schedule.widths[:3]
    u = ddim(model, noise.to("meta"), widths, 1.0, Noise(np.arange(models * 5).reshape(models, 5), 0))
    assert u.shape == noise.shape and u.device.type == "meta"


def test_layouts_go_back() -> None:
    x = _images(4, 2, 2, 3, 5)
    assert torch.equal(unfold(fold(x), 3), x) and torch.equal(from_rows(to_rows(x), 2, 2), x)
    assert fold(x).is_contiguous(memory_format=torch.channels_last) and fold(x).data_ptr() == x.data_ptr()
    assert torch.equal(to_rows(x, 4)[2, 1], x[1, :, :, 2].flatten())  # an image of a model as one row


def test_attention_is_pytorchs() -> None:
    block = _Attention([stream("test", m) for m in range(2)], 16).double()
    x = _images(3, 4, 4, 2, 16)
    for m in range(2):
        plain = nn.MultiheadAttention(16, 4, batch_first=True).double()
        plain.in_proj_weight.data, plain.in_proj_bias.data = (
            p.data[m] for p in (block.query_key_value.weight, block.query_key_value.bias)
        )
        plain.out_proj.weight.data, plain.out_proj.bias.data = block.mix.weight.data[m], block.mix.bias.data[m]
        tokens = x[..., m, :].flatten(1, 2)
        normed = F.layer_norm(tokens, (16,))  # scale 1 and shift 0 at the start
        tokens = tokens + plain(normed, normed, normed)[0]
        hidden = F.gelu(F.linear(F.layer_norm(tokens, (16,)), block.hidden.weight[m], block.hidden.bias[m]))
        tokens = tokens + F.linear(hidden, block.out.weight[m], block.out.bias[m])
        assert torch.allclose(block(x)[..., m, :].flatten(1, 2), tokens, rtol=1e-12, atol=1e-13)


def test_norms_take_scale_and_shift_of_their_model() -> None:
    rngs = [stream("test", m) for m in range(2)]
    image, rows = ImageNorm(rngs, 6).double(), LayerNorm(rngs, 6).double()
    for layer in (image, rows):
        layer.weight.data, layer.bias.data = _images(2, 6), _images(2, 6, seed=1)
    x = _images(3, 4, 4, 2, 6) * 5 + 2
    for m in range(2):
        plain = F.group_norm(x[..., m, :].permute(0, 3, 1, 2), 1, image.weight[m], image.bias[m])
        assert torch.allclose(image(x)[..., m, :], plain.permute(0, 2, 3, 1), rtol=1e-12, atol=1e-13)
        one = F.layer_norm(to_rows(x)[m], (6,), rows.weight[m], rows.bias[m])
        assert torch.allclose(rows(to_rows(x))[m], one, rtol=1e-12, atol=1e-13)


def test_weights_start_where_pytorch_starts_them() -> None:
    layer = Linear([stream("test", m) for m in range(2)], 64, 4000)
    uniform = layer.weight.detach().flatten() * 8  # ±1/√64
    assert 0.999 < float(uniform.abs().max()) <= 1
    assert abs(float(uniform.square().mean()) - 1 / 3) < 4 * math.sqrt(4 / 45 / uniform.numel())
    assert not torch.equal(layer.weight[0], layer.weight[1])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_an_ensemble_is_its_members(dtype: torch.dtype, tolerance: float) -> None:
    keys = [3, "a key", ("cell", 7)]
    together = UNet(models=3, width=16, keys=keys).to(dtype)
    x, t = _images(3, 5, 1, 16, 16).to(dtype), torch.arange(15.0).view(3, 5)
    y = together(x, t)
    for m, key in enumerate(keys):
        alone = UNet(width=16, keys=[key]).to(dtype)
        assert all(torch.equal(p[m : m + 1], q) for p, q in zip(together.parameters(), alone.parameters(), strict=True))
        assert float((alone(x[m], t[m]) - y[m]).detach().norm() / y[m].detach().norm()) < tolerance
        assert torch.equal(alone(x[m], t[m])[None], alone(x[m : m + 1], t[m : m + 1]))
    assert float((y[0] - y[1]).detach().norm()) > 0.1  # keys matter


def test_the_time_counts() -> None:
    network, x = UNet(width=8).double(), _images(2, 1, 8, 8)
    same = network(x, 5.0)
    assert torch.equal(same, network(x, torch.tensor([5.0, 5.0])))
    assert float((network(x, torch.tensor([5.0, 6.0])) - same)[1].detach().abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("make", "call", "message"),
    [
        ({}, ((2, 1, 12, 8), 1.0), "multiples of 8, got 12 × 8"),
        ({}, ((2, 1, 7, 7), 1.0), "multiples of 8, got 7 × 7"),
        ({}, ((2, 3, 8, 8), 1.0), r"images must be \(1, batch"),
        ({"models": 2}, ((2, 1, 8, 8), 1.0), r"images must be \(2, batch"),
        ({"models": 2}, ((3, 4, 1, 8, 8), 1.0), r"images must be \(2, batch"),
        ({"width": 7}, None, "width must be even"),
        ({"width": 0}, None, "width must be even"),
        ({"models": 0}, None, "need models"),
        ({"models": 2, "keys": [1]}, None, "need models"),
    ],
)
def test_what_is_refused(make: dict, call: tuple | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network = UNet(**{"width": 4, **make})
        assert call is not None
        network(torch.zeros(call[0]), call[1])


def test_as_a_denoiser_it_is_the_predicted_noise_taken_off() -> None:
    schedule = linear()
    network = UNet(width=8).double()
    denoiser = NoisePredictor(network, schedule)
    x0, xi = _images(6, 64), _images(6, 64, seed=1)
    for t in (1, 77, 200):
        abar = schedule.abar[t - 1]
        tau = math.sqrt((1 - abar) / abar)
        x_t = math.sqrt(abar) * x0 + math.sqrt(1 - abar) * xi
        predicted = network(x_t.view(6, 1, 8, 8), float(t)).view(6, 64)
        assert torch.allclose(denoiser(x0 + tau * xi, tau), x0 + tau * (xi - predicted), rtol=1e-11, atol=1e-11)
        assert torch.allclose(denoiser.error(x0[None], xi[None], np.full((1, 6), tau))[0], predicted - xi, atol=1e-12)
    with pytest.raises(ValueError, match="tau must be in"):
        denoiser(x0, 3.0)
    with pytest.raises(ValueError, match="square images"):
        denoiser(_images(6, 65), 1.0)


def test_a_denoiser_keeps_shape_and_precision() -> None:
    denoiser = NoisePredictor(UNet(models=2, width=4), cosine())
    for dtype in (torch.float32, torch.float64):
        u = _images(2, 3, 5, 64).to(dtype)
        assert denoiser(u, 1.0).dtype == dtype and denoiser(u, 1.0).shape == u.shape
    single = NoisePredictor(UNet(width=4), cosine())
    assert single(_images(3, 64), 1.0).shape == (3, 64)
    low = NoisePredictor(UNet(width=16), cosine())
    exact = low(_images(9, 64), 0.5)
    difference = float((low.bfloat16()(_images(9, 64), 0.5) - exact).detach().norm() / exact.detach().norm())
    assert 1e-5 < difference < 0.02  # 2⁻⁹ in each of some twenty layers


def test_the_seeds_schedule_and_one_that_ends_in_noise() -> None:
    beta = [1e-4 + (0.02 - 1e-4) * j / 200 for j in range(200)]
    seed, full = linear(), cosine()
    assert seed.abar == pytest.approx(np.cumprod(1 - np.array(beta)))
    assert round(seed.abar[-1], 4) == 0.1335 and full.abar[-1] <= 1e-4 and full.abar[0] > 0.999
    for schedule in (seed, full):
        k = len(schedule.abar)
        # Trained and sampled levels are the same, and their times are 1 … K, in single precision too.
        trained = schedule.quantile((np.arange(k) + 0.5) / k)
        assert np.array_equal(schedule.widths, [*trained[::-1], 0.0])
        assert schedule.time(trained.astype(np.float32)) == pytest.approx(np.arange(1, k + 1), abs=1e-3)
        assert np.array_equal(schedule.quantile(np.array([0, 1 - 2**-53])), trained[[0, -1]])
    between = seed.time(math.sqrt(seed.widths[0] * seed.widths[1]))
    assert 199 < between < 200
    for wrong in ((), (0.5, 0.6), (1.0, 0.5), (0.5, 0.0), (0.9, math.nan)):
        with pytest.raises(ValueError, match="abar must fall"):
            Schedule(wrong)


def test_continuous_levels_have_the_law_they_say() -> None:
    uniform = (np.arange(10_000) + 0.5) / 10_000
    logs = np.log(LogNormal().quantile(uniform))
    assert (logs.mean(), logs.std()) == pytest.approx((-1.2, 1.2), abs=1e-3)
    assert np.log(LogUniform(0.1, 10).quantile(uniform)) == pytest.approx((2 * uniform - 1) * math.log(10))
    assert LogNormal().quantile(np.zeros(1)) > 0
    with pytest.raises(ValueError, match="0 < low < high"):
        LogUniform(1.0, 1.0)
