"""The paper's U-Net, by default the one of 12,919,041 parameters, and M of them at once; and it as a denoiser.

Three levels down and up, 64-128-256-256 channels at the default width, on images (1, 8k, 8k). Each level is two pairs
of convolutions, the first pair residual; self-attention with four heads follows at sides 2k, k and 2k; the time enters
as sines and cosines added to the channels. It predicts the noise of x_t = √ᾱ x₀ + √(1−ᾱ) ξ from x_t and t.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from memgen.denoisers.layers import (
    Conv,
    Generators,
    ImageNorm,
    LayerNorm,
    Linear,
    column,
    fold,
    from_rows,
    to_rows,
    unfold,
)
from memgen.laws.schedules import Schedule
from memgen.streams import stream

HEADS = 4


class UNet(nn.Module):
    """M independent networks: images (M, batch, 1, 8k, 8k) and times (M, batch) → predicted noise, like the images.

    The model axis is required unless M = 1, where images (batch, 1, 8k, 8k) and times (batch,) work as well.  Times
    may be one number for all.  `keys` (M) name the streams of the starting weights, by default 0 … M − 1, which have
    the laws that PyTorch gives them.  Without attention, pixels meet in convolutions and norms alone.  Raises
    ValueError on an odd width, on sides that are no multiple of 8, and on any other shape.
    """

    def __init__(
        self, models: int = 1, width: int = 64, keys: Sequence[object] | None = None, attention: bool = True
    ) -> None:
        super().__init__()
        names = list(range(models)) if keys is None else keys
        if models < 1 or len(names) != models:
            raise ValueError(f"need models ≥ 1 and a key for each, got {models} and {len(names)} keys")
        if width < 2 or width % 2:
            raise ValueError(f"width must be even and positive, for four heads and pairs of sines, got {width}")
        self.models = models
        rngs = [stream("weights of UNet", key) for key in names]
        one, two, four = width, 2 * width, 4 * width
        self.first = _Pair(rngs, 1, one, one)
        self.down1, self.down2, self.down3 = (_level(rngs, c, o, o) for c, o in ((one, two), (two, four), (four, four)))
        self.up1, self.up2, self.up3 = (_level(rngs, 2 * c, c, o) for c, o in ((four, two), (two, one), (one, one)))
        self.attend1, self.attend2, self.attend3 = (
            _Attention(rngs, c) if attention else nn.Identity() for c in (four, four, two)
        )
        self.last = Linear(rngs, one, 1)

    def forward(self, images: Tensor, times: Tensor | float) -> Tensor:
        x = images[None] if images.ndim == 4 and self.models == 1 else images
        if x.ndim != 5 or x.shape[0] != self.models or x.shape[2] != 1:
            raise ValueError(f"images must be ({self.models}, batch, 1, 8k, 8k), got shape {tuple(images.shape)}")
        if x.shape[3] % 8 or x.shape[4] % 8 or not x.shape[3] * x.shape[4]:
            raise ValueError(f"the sides of an image must be multiples of 8, got {x.shape[3]} × {x.shape[4]}")
        t = torch.as_tensor(times, device=x.device)
        t = t.reshape(1, -1) if self.models == 1 else t
        t = t.expand(x.shape[:2]).T[..., None]  # (batch, M, 1)
        x1 = self.first(x.permute(1, 3, 4, 0, 2))
        x2 = _timed(self.down1(_halved(x1)), t)
        x3 = self.attend1(_timed(self.down2(_halved(x2)), t))
        x4 = self.attend2(_timed(self.down3(_halved(x3)), t))
        y = self.attend3(_timed(self.up1(_joined(x3, x4)), t))
        y = _timed(self.up2(_joined(x2, y)), t)
        y = _timed(self.up3(_joined(x1, y)), t)
        h, w = x.shape[3:]
        return from_rows(self.last(to_rows(y)), h, w).permute(3, 0, 4, 1, 2).reshape(images.shape)


def settle_convolutions(network: UNet, batch: int, bf16: bool = False) -> None:
    """Give all convolutions the form that is faster where the network is, by passes forward and back on a batch.

    The forms differ by rounding, and so do a network's numbers when the choice falls differently another time. A form
    for which the memory does not suffice is not chosen; OutOfMemoryError if it suffices for neither.
    """
    weight = network.last.weight
    images, layers = weight.new_ones(network.models, batch, 1, 8, 8), [m for m in network.modules() if type(m) is Conv]

    def there_and_back() -> None:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
            y = network(images, 1.0)
        y.square().sum().backward()

    def seconds(as_product: bool) -> float:
        for layer in layers:
            layer.as_product = as_product
        timer = Timer("call()", globals={"call": there_and_back}, num_threads=torch.get_num_threads())
        try:
            return timer.blocked_autorange(min_run_time=0.1).median
        except torch.OutOfMemoryError as error:
            failed.append(error.with_traceback(None))  # a traceback would keep the pass and its tensors in memory
        network.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return math.inf

    failed: list[torch.OutOfMemoryError] = []
    times = {form: seconds(form) for form in (False, True)}
    network.zero_grad(set_to_none=True)
    if len(failed) == 2:
        raise failed[0]
    for layer in layers:
        layer.as_product = times[True] < times[False]


def _level(rngs: Generators, c_in: int, c_mid: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(_Pair(rngs, c_in, c_in, c_in, residual=True), _Pair(rngs, c_in, c_mid, c_out))


class _Pair(nn.Module):
    """Convolution, norm, GELU, convolution, norm; then, if residual, x is added and a GELU follows."""

    def __init__(self, rngs: Generators, c_in: int, c_mid: int, c_out: int, residual: bool = False) -> None:
        super().__init__()
        self.conv1, self.norm1 = Conv(rngs, c_in, c_mid), ImageNorm(rngs, c_mid)
        self.conv2, self.norm2 = Conv(rngs, c_mid, c_out), ImageNorm(rngs, c_out)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.gelu(self.norm1(self.conv1(x)))))
        return F.gelu(x + y) if self.residual else y


class _Attention(nn.Module):
    """Self-attention between the pixels of an image, and a network of one hidden layer on each pixel; both residual."""

    def __init__(self, rngs: Generators, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(rngs, channels), LayerNorm(rngs, channels)
        # Glorot's bound for the three matrices as one, where PyTorch's attention starts.
        self.query_key_value = Linear(rngs, channels, 3 * channels, bound=math.sqrt(6 / (4 * channels)), bias=0.0)
        self.mix = Linear(rngs, channels, channels, bias=0.0)
        self.hidden, self.out = Linear(rngs, channels, channels), Linear(rngs, channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        h, w, models, c = x.shape[1:]
        rows = to_rows(x)
        heads = self.query_key_value(self.norm1(rows)).view(-1, h * w, 3, HEADS, c // HEADS)
        mixed = F.scaled_dot_product_attention(*heads.permute(2, 0, 3, 1, 4)).transpose(1, 2)
        rows = rows + self.mix(mixed.reshape(models, -1, c))
        return from_rows(rows + self.out(F.gelu(self.hidden(self.norm2(rows)))), h, w)


def _timed(x: Tensor, t: Tensor) -> Tensor:
    """x + sines and cosines of times (b, M, 1) at geometric frequencies, from 1 down to almost 10⁻⁴ per step."""
    c = x.shape[-1]
    exact = torch.promote_types(x.dtype, torch.float32)  # of t up to 200 bfloat16 keeps whole numbers, no phases
    angles = t.to(exact) / 10_000 ** (torch.arange(0, c, 2, device=x.device).to(exact) / c)
    return x + torch.cat([angles.sin(), angles.cos()], -1)[:, None, None].to(x.dtype)


def _halved(x: Tensor) -> Tensor:
    return unfold(F.max_pool2d(fold(x), 2), x.shape[3])


def _joined(skipped: Tensor, x: Tensor) -> Tensor:
    """The skipped channels, followed by x at twice its side, bilinear with corners on corners."""
    doubled = F.interpolate(fold(x), scale_factor=2, mode="bilinear", align_corners=True)
    return torch.cat([skipped, unfold(doubled, x.shape[3])], -1)


class NoisePredictor(nn.Module):
    """A U-Net trained at the times of a schedule, as a denoiser D(u, τ) = u − τ ε̂(u/√(1+τ²), t(τ)), u = x₀ + τξ.

    Images are flat here: u (M, …, d) → (M, …, d) with d a square, the model axis optional for M = 1, in u's precision;
    τ is a number or (M, …).  ValueError if τ lies outside the schedule's levels, where nothing was trained.
    """

    def __init__(self, network: UNet, schedule: Schedule) -> None:
        super().__init__()
        self.network, self.schedule, self.models = network, schedule, network.models

    def extra_repr(self) -> str:
        return f"schedule={self.schedule}"

    def forward(self, u: Tensor, tau: float | np.ndarray) -> Tensor:
        return u - column(tau, u) * self._noise(u, tau)

    def error(self, x0: Tensor, xi: Tensor, tau: np.ndarray) -> Tensor:
        """ε̂ − ξ, whose mean square is the loss: x₀, ξ (M, b, d), τ (M, b) → (M, b, d)."""
        return self._noise(x0 + column(tau, x0) * xi, tau) - xi

    def _noise(self, u: Tensor, tau: float | np.ndarray) -> Tensor:
        side = math.isqrt(u.shape[-1])
        if side**2 != u.shape[-1]:
            raise ValueError(f"points must be square images, got dimension {u.shape[-1]}")
        scaled = u * column(1 / np.sqrt(1 + np.square(tau)), u)
        times = np.broadcast_to(self.schedule.time(tau), u.shape[:-1]).reshape(self.models, -1)
        images = scaled.to(self.network.last.weight.dtype).reshape(self.models, -1, 1, side, side)
        return self.network(images, torch.from_numpy(times.copy())).to(u.dtype).reshape(u.shape)
