"""Networks beside their own linearisation: how far a denoiser in training is a regression on fixed features.

The output of a network is counted from where it started, F_θ − F_θ₀; to first order in θ − θ₀ that is a regression on
the features ∂F_θ₀/∂θ, those of the tangent kernel. Both start from the same θ₀ and take the same steps on the same
draws. What parts them is that the network's features change.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn

from memgen.denoisers.layers import Linear
from memgen.denoisers.mlp import MLP, through
from memgen.streams import stream


class FromStart(MLP):
    """An MLP with the output F_θ − F_θ₀, counted from where it started, whose last layer starts at random like the
    others.

    `keys` (M) name the streams of the starting weights, by default 0 … M − 1; θ₀ is kept and not trained.
    """

    def __init__(
        self, d: int, models: int = 1, hidden: int = 256, depth: int = 3, keys: Sequence[object] | None = None
    ) -> None:
        names = list(range(models)) if keys is None else list(keys)
        super().__init__(d, models, hidden, depth, keys=names)
        self.last = Linear([stream("last weights of MLP", key) for key in names], hidden, d)
        self.start = deepcopy(nn.ModuleList([self.first, *self.layers, self.last])).requires_grad_(False)

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield names and parameters of θ, which is trained, without those of θ₀."""
        return ((name, p) for name, p in super().named_parameters(*args, **kwargs) if p.requires_grad)

    def _of_rows(self, rows: Tensor) -> Tensor:
        return super()._of_rows(rows) - through(list(self.start), rows)


class Linearised(FromStart):
    """A `FromStart` whose output is taken to first order in θ − θ₀."""

    def _of_rows(self, rows: Tensor) -> Tensor:
        start = cast(list[Linear], list(self.start))
        own = [_moved(one, other) for one, other in zip((self.first, *self.layers, self.last), start, strict=True)]
        (first, *layers, last), (of_first, *moved, of_last) = start, own
        h, dh = first(rows), _affine(of_first, rows)
        for layer, (weight, bias) in zip(layers, moved, strict=True):
            z = layer(h)
            dz = _affine((weight, bias), h) + torch.bmm(dh, layer.weight.mT)
            gate = z.sigmoid()
            h, dh = h + z * gate, dh + gate * (1 + z * (1 - gate)) * dz  # silu and its slope
        return _affine(of_last, h) + torch.bmm(dh, last.weight.mT)


def _moved(own: Any, start: Any) -> tuple[Tensor, Tensor]:
    return own.weight - start.weight, own.bias - start.bias


def _affine(of: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    weight, bias = of
    return torch.baddbmm(bias[:, None], x, weight.mT)
