"""A small network as a denoiser of vectors, preconditioned so that its target is of order 1 at every noise, and M of
them at once.

With v = (u − centre)/scale, s = τ/scale and c = 1/√(1+s²),

    D(u, τ) = centre + scale (c² v + s c F(c v, ln s)),    F trained towards c (s x − ξ), v = x + sξ

which is Karras et al. 2022, eq. (7) and Table 1, with their σ_data the scale. F = 0 is the best denoiser of an
isotropic Gaussian of that centre and scale, and it is where training starts.

With `given` = k the last k of the d + k coordinates are known: they carry no noise, F sees them as they are at every
noise, and D returns them unchanged. So a network is told the class of a point, by the indicator of k classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgen import arrays
from memgen.denoisers.layers import Linear, column
from memgen.streams import stream

_WIDEST = 1e18  # the largest scale whose square is in single precision
# Frequencies in ln s: the lowest has its period over ten decades of noise, the highest over one and a half.
_FREQUENCIES = torch.arange(1, 9) / 4


class MLP(nn.Module):
    """M independent denoisers D(u, τ): u (M, …, d) → (M, …, d), τ a number or (M, …).

    For M = 1 the model axis may be left out. Computes in the precision of its weights and returns u's. `depth` hidden
    layers of `hidden` units, each added to the one before; `centre` and `scale` are the mean and the standard deviation
    of the data's coordinates. `keys` (M) name the streams of the starting weights, by default 0 … M − 1. Raises
    ValueError on sizes below 1, a scale or τ that is not positive, and u of another shape.
    """

    def __init__(
        self,
        d: int,
        models: int = 1,
        hidden: int = 256,
        depth: int = 3,
        centre: float = 0.0,
        scale: float = 1.0,
        keys: Sequence[object] | None = None,
        given: int = 0,
    ) -> None:
        super().__init__()
        names = list(range(models)) if keys is None else keys
        counted = {"d": d, "models": models, "hidden": hidden, "depth": depth, "given": given}
        d, models, hidden, depth, given = (arrays.count(name, value, -(2**62)) for name, value in counted.items())
        if min(d, models, hidden, depth) < 1 or given < 0 or len(names) != models:
            sizes = f"{d}, {models}, {hidden}, {depth}, {given}, and {len(names)} keys"
            raise ValueError(f"need d, models, hidden, depth ≥ 1, given ≥ 0 and a key for each model, got {sizes}")
        middle, spread = arrays.bare(centre), arrays.bare(scale)
        if not (0 < spread < np.inf and np.isfinite(middle)):
            found = f"{arrays.shown(centre)} and {arrays.shown(scale)}"
            raise ValueError(f"centre must be finite and scale positive and finite, got {found}")
        if max(abs(middle), spread) > _WIDEST or spread < 1 / _WIDEST:
            raise ValueError(
                f"centre and scale are out of the range of single precision, got {middle:g} and {spread:g}"
            )
        self.models, self.d, self.given, self.centre, self.scale = models, d, given, middle, spread
        rngs = [stream("weights of MLP", key) for key in names]
        self.first = Linear(rngs, d + given + 2 * len(_FREQUENCIES), hidden)
        self.layers = nn.ModuleList(Linear(rngs, hidden, hidden) for _ in range(depth))
        self.last = Linear(rngs, hidden, d, bound=0.0, bias=0.0)

    def extra_repr(self) -> str:
        return f"centre={self.centre}, scale={self.scale}"

    def forward(self, u: Tensor, tau: float | np.ndarray) -> Tensor:
        u = arrays.tensor("u", u)
        u = arrays.finite("u", u if u.is_floating_point() else u.double())
        if not arrays.size(u) <= _WIDEST * max(self.scale, 1.0):
            raise ValueError("u holds values that are not finite, or out of the range of single precision")
        (noised, known), s = self._parts(u), column(tau, u) / self.scale
        v, c = (noised - self.centre) / self.scale, 1 / (1 + s.square()).sqrt()
        return torch.cat([self.centre + self.scale * c * (c * v + s * self._net(c * v, s, known)), known], -1)

    def error(self, x0: Tensor, xi: Tensor, tau: np.ndarray) -> Tensor:
        """F minus its target, whose mean square is the loss: x₀, ξ (M, b, d + given), τ (M, b) → (M, b, d)."""
        (clean, known), s = self._parts(x0), column(tau, x0) / self.scale
        x, noise, c = (clean - self.centre) / self.scale, xi[..., : self.d], 1 / (1 + s.square()).sqrt()
        return self._net(c * (x + s * noise), s, known) - c * (s * x - noise)

    def _parts(self, u: Tensor) -> tuple[Tensor, Tensor]:
        if u.ndim < 1 or u.shape[-1] != self.d + self.given or (self.models > 1 and u.shape[0] != self.models):
            raise ValueError(f"u must be ({self.models}, …, {self.d + self.given}), got shape {tuple(u.shape)}")
        return u[..., : self.d], u[..., self.d :]

    def _net(self, v: Tensor, s: Tensor, known: Tensor) -> Tensor:
        angles = s.log() * _FREQUENCIES.to(s)
        features = torch.cat([angles.sin(), angles.cos()], -1).expand(*v.shape[:-1], -1)
        rows = torch.cat([v, known, features], -1).to(self.last.weight.dtype)
        return self._of_rows(rows.reshape(self.models, -1, rows.shape[-1])).to(v.dtype).reshape(v.shape)

    def _of_rows(self, rows: Tensor) -> Tensor:
        return through([self.first, *self.layers, self.last], rows)


def through(layers: Sequence[nn.Module], rows: Tensor) -> Tensor:
    """F of rows (M, b, fan_in): the first layer, hidden ones each added to what came before, and the last."""
    first, *hidden, last = layers
    h = first(rows)
    for layer in hidden:
        h = h + F.silu(layer(h))
    return last(h)
