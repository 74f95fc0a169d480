"""One noise level of a Watch: what a denoiser loses on pairs of a training point and a fresh one.

The pairs (x_i, y_i) and their noises are the same at every step, and both points of a pair have the same noises. With
the loss l(x) = |D(x + σξ) − x|²/d, averaged over the noises, the gap is the mean of l(y_i) − l(x_i); its error is that
of a mean over pairs. Part of its scatter has nothing to do with the model: some points are harder than others. A Wiener
filter fitted to both sets together says how hard. It cannot tell one set from the other, so E w(y) = E w(x) exactly,
and w(y_i) − w(x_i) is a control variate.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memgen.arrays import finite
from memgen.denoisers.exact import EmpiricalBayes
from memgen.measures import fractions
from memgen.measures.membership import placements
from memgen.statistics import Estimate, mean, ratio
from memgen.streams import stream

Denoiser = Callable[[Tensor, float], Tensor]


class Pairs(NamedTuple):
    """Training and fresh points, m of each, (m, …), as a denoiser takes them: `batch` at a time, with `noises` each."""

    train: Tensor
    holdout: Tensor
    noises: int
    batch: int
    seed: int

    def noised(self, sigma: float) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield both sets with equal noise, once for each of the noises."""
        for k in range(self.noises):
            drawn = stream(self.seed, "watch", sigma, k).standard_normal(self.train.shape, dtype=np.float32)
            noise = sigma * torch.from_numpy(drawn).to(self.train)
            yield self.train + noise, self.holdout + noise

    def denoised(self, denoise: Denoiser, noised: Tensor, sigma: float) -> Tensor:
        """What the denoiser makes of noised points (m, …), flattened, in double precision: (m, d). ValueError on
        another shape and values that are not finite."""
        parts = []
        for part in noised.split(self.batch):
            made = denoise(part, sigma)
            if made.shape != part.shape:
                raise ValueError(f"denoise made {tuple(made.shape)} of {tuple(part.shape)} at sigma = {sigma:g}")
            parts.append(finite(f"what denoise returned at sigma = {sigma:g}", made).flatten(1).to(noised.device))
        return torch.cat(parts).double()

    def losses(self, denoise: Denoiser, sigma: float) -> np.ndarray:
        """The loss l of the training points and of the fresh ones, (2, m)."""
        found = torch.zeros(2, len(self.train), dtype=torch.float64)
        for noised in self.noised(sigma):
            for side, (clean, u) in enumerate(zip((self.train, self.holdout), noised, strict=True)):
                error = self.denoised(denoise, u, sigma) - clean.flatten(1)
                found[side] += error.square().mean(1).cpu() / self.noises
        return found.numpy()


def wiener(points: Tensor) -> Denoiser:
    """The best linear denoiser for the mean and covariance of points (n, …)."""
    x = points.flatten(1)
    centre = x.mean(0)
    _, sizes, axes = torch.linalg.svd(x - centre, full_matrices=False)
    variances = sizes.square() / len(x)

    def denoise(u: Tensor, sigma: float) -> Tensor:
        along = (u.flatten(1) - centre) @ axes.T * (variances / (variances + sigma**2))
        return (centre + along @ axes).view_as(u)

    return denoise


class Level:
    """The pairs at noise σ, and the losses there of the control and of a copy of the training set, computed once.

    ValueError if the copy has no loss gap: at such a σ nothing can be told.
    """

    def __init__(
        self, sigma: float, pairs: Pairs, control: Denoiser, exact: EmpiricalBayes, population: Denoiser | None
    ) -> None:
        def copy(u: Tensor, sigma: float) -> Tensor:
            return exact.denoise(u.flatten(1), sigma).view_as(u)

        self.sigma, self._pairs = sigma, pairs
        inside, outside = pairs.losses(control, sigma)
        self._control = outside - inside
        inside, outside = pairs.losses(copy, sigma)
        self._copy = self._controlled(outside - inside)
        if not self._copy.mean() > 0:
            raise ValueError(
                f"at sigma = {sigma:g} even a copy of the training set has no loss gap: take smaller levels"
            )
        self._known: list[tuple[Tensor, Tensor]] = []  # the two known denoisers at the noised training points
        if population is not None:
            for u, _ in pairs.noised(sigma):
                self._known.append((pairs.denoised(population, u, sigma), pairs.denoised(copy, u, sigma)))

    def measure(self, denoise: Denoiser) -> dict[str, Estimate]:
        """The measures of `Watch.compute` at this level."""
        inside, outside = self._pairs.losses(denoise, self.sigma)
        differences = self._controlled(outside - inside)
        above, below = placements(-inside, -outside)
        spread = float((above + below).std(ddof=1) / np.sqrt(len(above)))
        found = {
            "loss_train": mean(inside),
            "loss_holdout": mean(outside),
            "gap": self._gap(differences),
            "share": ratio(differences, self._copy),
            "auc": Estimate(float(above.mean()), spread, len(above) - 1),
        }
        return found | (self._pull(denoise) if self._known else {})

    def _gap(self, differences: np.ndarray) -> Estimate:
        """The mean of controlled differences. The slope of the control takes a degree of freedom, and has an error."""
        n, spread = len(differences), self._control.var()
        if n < 3 or spread == 0:
            return mean(differences)
        square = differences.var(ddof=2) * (1 + self._control.mean() ** 2 / spread) / n
        return Estimate(float(differences.mean()), float(np.sqrt(square)), n - 2)

    def _controlled(self, differences: np.ndarray) -> np.ndarray:
        """Differences of the loss over pairs, less the part of them that the control explains."""
        scatter = self._control - self._control.mean()
        square = scatter @ scatter
        return differences - (differences @ scatter / square if square > 0 else 0.0) * self._control

    def _pull(self, denoise: Denoiser) -> dict[str, Estimate]:
        """a and b² at the noised training points: ratios of means over points."""
        seen = []
        for (u, _), known in zip(self._pairs.noised(self.sigma), self._known, strict=True):
            each = (part[:, None] for part in (self._pairs.denoised(denoise, u, self.sigma), *known))
            seen.append([part.cpu().numpy() for part in fractions(*each)])
        a, b_squared, separation = np.array(seen).transpose(1, 0, 2)
        apart = separation.mean(0)
        pull = ratio((a * separation).mean(0), apart)
        rest = (b_squared + (a - pull.value) ** 2) * separation
        return {"a": pull, "b_squared": ratio(rest.mean(0), apart)}
