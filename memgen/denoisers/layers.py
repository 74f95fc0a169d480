"""Layers of M independent networks side by side. Every parameter has the models as its leading axis.

Weights are drawn model by model, each from its own generator, in the order of construction: a model is the same network
alone and in company. Images are (batch, height, width, M, channels). In memory that is a convolution's fast layout, of
M·channels channels, and the rows of a matrix product for each model, without a copy.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgen import arrays

Generators = Sequence[np.random.Generator]  # one for each model


def uniform(rngs: Generators, shape: tuple[int, ...], bound: float) -> nn.Parameter:
    """A parameter (M, *shape) drawn uniformly within ±bound."""
    drawn = np.stack([rng.random(shape, np.float32) for rng in rngs])
    return nn.Parameter(torch.from_numpy(drawn).mul_(2 * bound).sub_(bound))


def constant(rngs: Generators, shape: tuple[int, ...], value: float) -> nn.Parameter:
    """A parameter (M, *shape), all of one value."""
    return nn.Parameter(torch.full((len(rngs), *shape), value))


def fold(x: Tensor) -> Tensor:
    """(b, h, w, M, c) → (b, M·c, h, w), channels last in memory: a view."""
    return x.flatten(3).permute(0, 3, 1, 2)


def unfold(x: Tensor, models: int) -> Tensor:
    """The inverse of `fold`."""
    return x.permute(0, 2, 3, 1).unflatten(3, (models, -1))


def to_rows(x: Tensor, pixels: int = 1) -> Tensor:
    """(b, h, w, M, c) → (M, b·h·w/pixels, pixels·c): pixels of an image, or whole images, as rows for each model."""
    models, c = x.shape[3:]
    return x.reshape(-1, pixels, models, c).permute(2, 0, 1, 3).reshape(models, -1, pixels * c)


def from_rows(rows: Tensor, h: int, w: int) -> Tensor:
    """(M, b·h·w, c) → (b, h, w, M, c)."""
    return rows.transpose(0, 1).unflatten(0, (-1, h, w))


def column(tau: float | np.ndarray, u: Tensor) -> Tensor:
    """τ, a number or (…), as a factor for points u (…, d). ValueError unless it is positive and finite."""
    widths = arrays.array("tau", tau).astype(float)
    if not np.all((widths > 0) & (widths < np.inf)):
        raise ValueError(f"tau must be positive and finite, got {arrays.shown(tau)}")
    axes = (1,) * (u.ndim - 1 - widths.ndim) + widths.shape
    if len(axes) != u.ndim - 1 or any(own not in (1, other) for own, other in zip(axes, u.shape[:-1], strict=True)):
        raise ValueError(f"tau must be a number or {tuple(u.shape[:-1])} to match u, got shape {widths.shape}")
    return torch.from_numpy(widths[..., None]).to(u)


class Linear(nn.Module):
    """y = W x + b on (M, rows, fan_in) → (M, rows, fan_out). W and b start uniform within ±1/√fan_in unless given."""

    def __init__(
        self, rngs: Generators, fan_in: int, fan_out: int, bound: float | None = None, bias: float | None = None
    ) -> None:
        super().__init__()
        usual = fan_in**-0.5
        self.weight = uniform(rngs, (fan_out, fan_in), usual if bound is None else bound)
        self.bias = uniform(rngs, (fan_out,), usual if bias is None else bias)

    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 1:  # one matrix product is faster than a batch of one
            return F.linear(x[0], self.weight[0], self.bias[0])[None]
        return torch.baddbmm(self.bias[:, None], x, self.weight.mT)


class LayerNorm(nn.Module):
    """Scale each row to mean 0 and variance 1, then scale and shift each channel: (M, rows, c) → the same shape."""

    def __init__(self, rngs: Generators, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = constant(rngs, (channels,), 1.0), constant(rngs, (channels,), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = (p[:, None].to(x.dtype) for p in (self.weight, self.bias))
        return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:]), scale)


class ImageNorm(nn.Module):
    """GroupNorm of one group for each model: scale each whole image to mean 0 and variance 1, then scale and shift each
    channel. (b, h, w, M, c) → the same shape."""

    def __init__(self, rngs: Generators, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = constant(rngs, (channels,), 1.0), constant(rngs, (channels,), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        models = x.shape[3]
        return unfold(F.group_norm(fold(x), models, self.weight.flatten(), self.bias.flatten()), models)


class Conv(nn.Module):
    """3×3 convolution, padded by one, without bias: (b, h, w, M, c_in) → (b, h, w, M, c_out).

    On images of 1×1 and 2×2 pixels most of the kernel falls on padding, and weights fill the memory, not pixels. There
    only the taps that meet pixels are multiplied, which is two to five times as fast. Larger images are left to the
    library, as M groups of channels; or, `as_product`, each pixel's nine neighbours are copied into a row, and that is
    one product for each model. Which is faster depends on the device.
    """

    as_product = False

    def __init__(self, rngs: Generators, c_in: int, c_out: int) -> None:
        super().__init__()
        # (M, c_out, 3, 3, c_in): in memory as convolutions want it, and with taps beside each other as longer rows.
        self.weight = uniform(rngs, (c_out, 3, 3, c_in), (9 * c_in) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        _, h, w, models, _ = x.shape
        if (h, w) == (1, 1):
            return from_rows(torch.bmm(to_rows(x), self.weight[:, :, 1, 1].to(x.dtype).mT), 1, 1)
        if (h, w) == (2, 2):
            device = x.device.type  # autocast, if it is on, knows convolutions and not this
            dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
            return _TwoByTwo.apply(x.to(dtype), self.weight)
        if self.as_product:
            padded = F.pad(x, (0, 0, 0, 0, 1, 1, 1, 1))
            taps = [padded[:, i : i + h, j : j + w] for i, j in product(range(3), repeat=2)]
            return from_rows(torch.bmm(to_rows(torch.cat(taps, -1)), self.weight.flatten(2).to(x.dtype).mT), h, w)
        kernels = self.weight.permute(0, 1, 4, 2, 3).flatten(0, 1)
        return unfold(F.conv2d(fold(x), kernels, padding=1, groups=models), models)


class _TwoByTwo(torch.autograd.Function):
    """The convolution of 2×2 images (b, 2, 2, M, c_in): each output pixel is a sum of two products, one for each row of
    input pixels, both pixels of the row at once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        rows, kernels = _rows(x), weight.to(x.dtype)
        ctx.save_for_backward(rows, kernels)
        ctx.weight = weight.dtype
        y = x.new_zeros(len(x), 2, 2, *weight.shape[:2])
        for row, kernel, pixel in _met(rows, kernels, y):
            _add_product(pixel, row, kernel.mT)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        rows, kernels = ctx.saved_tensors
        grad, grad_rows, grad_kernels = grad.contiguous(), torch.zeros_like(rows), torch.zeros_like(kernels)
        for row, kernel, pixel in _met(grad_rows, kernels, grad):
            _add_product(row, pixel, kernel)
        for row, kernel, pixel in _met(rows, grad_kernels, grad):
            _add_product(kernel, pixel.mT, row)
        models, _, b, _ = rows.shape
        return grad_rows.view(models, 2, b, 2, -1).permute(2, 1, 3, 0, 4), grad_kernels.to(ctx.weight)


def _rows(x: Tensor) -> Tensor:
    """(b, 2, 2, M, c) → (M, 2, b, 2·c): for each row of pixels, both side by side. Contiguous."""
    b, _, _, models, c = x.shape
    return x.permute(3, 1, 0, 2, 4).reshape(models, 2, b, 2 * c).contiguous()


def _met(rows: Tensor, kernels: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield views to multiply: a row of pixels (M, b, 2·c_in), its taps (M, c_out, 2·c_in), a pixel of y (M, b,
    c_out)."""
    for i, j, row in product((0, 1), repeat=3):
        yield rows[:, row], kernels[:, :, 1 - i + row, 1 - j : 3 - j].flatten(2), y[:, i, j].transpose(0, 1)


def _add_product(out: Tensor, a: Tensor, b: Tensor) -> None:
    """out += a b for each model, in place, out being any view whose rows or columns are contiguous."""
    if out.device.type == "cpu":  # one by one, since a batched product copies such views first
        for one, left, right in zip(out, a, b, strict=True):
            one.addmm_(left, right)
    else:
        out.baddbmm_(a, b)
