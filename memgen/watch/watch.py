"""The Watch: losses on training and on fresh points, and copies among generated points, step after step."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from memgen.arrays import finite, positive
from memgen.denoisers.exact import EmpiricalBayes
from memgen.statistics import Estimate, mean, threshold
from memgen.streams import stream
from memgen.watch.levels import Denoiser, Level, Pairs, wiener

Points = np.ndarray | Tensor
COLUMNS = ["step", "level", "measure", "value", "error"]
NEAR = 1 / 3  # of the distance to the second nearest training point
LEAST = 10  # generated points, as in an audit


class Onset(NamedTuple):
    """The first significant gap: its step and noise level, its standard score, and the score that it needed there."""

    step: int
    level: float
    z: float
    threshold: float


class Watch:
    """Measures a denoiser, at steps of its training, on points that it is trained on and on points that it is not.

    `train` and `holdout` are arrays or tensors (n, d), or (n, …) of images, independent points of one law; `levels` are
    noises σ in their units. `points` points of each set, each with `noises` noises, are measured, the same at every
    step, and given to the denoiser `batch` at a time. With the denoiser of the true law as `population`, where it is
    known, the measures a and b² are added. All that is random depends on `seed` alone; no global random state is read
    or changed.

    The training set's own denoiser, which is what a model that copies becomes, is evaluated when a Watch is made: for
    50,000 images of 3072 pixels that takes three minutes a level on two cores. An update takes what the model takes.

    Raises ValueError on points of other shapes or not finite, on levels that are not positive, on fresh points that are
    training points as well, and on levels so large that even a copy could not be told.
    """

    def __init__(
        self,
        train: Points,
        holdout: Points,
        levels: Sequence[float],
        *,
        points: int = 1000,
        noises: int = 4,
        batch: int = 250,
        population: Denoiser | None = None,
        seed: int = 0,
    ) -> None:
        self._train, self._holdout = _set("train", train), _set("holdout", holdout).to(torch.as_tensor(train).device)
        if self._train.shape[1:] != self._holdout.shape[1:]:
            raise ValueError(f"train holds {_shape(self._train)}, holdout {_shape(self._holdout)}")
        self._seed = seed
        widths = [positive("levels", float(level)) for level in levels]
        if not widths or len(set(widths)) < len(widths):
            raise ValueError(f"levels must be one or more different noises, got {widths}")
        m = min(points, len(self._train), len(self._holdout))
        if m < 2 or noises < 1 or batch < 1:
            raise ValueError(f"need two points, one noise and a batch of one, got {m}, {noises} and {batch}")
        inside, outside = (
            x[torch.from_numpy(stream(seed, "watch", name).permutation(len(x))[:m])]
            for name, x in (("train", self._train), ("holdout", self._holdout))
        )
        fresh = {row.tobytes() for row in outside.cpu().numpy()}
        if shared := len(fresh.intersection(row.tobytes() for row in self._train.cpu().numpy())):
            raise ValueError(f"{shared} of {m} holdout points are training points as well: leave them out")
        with torch.no_grad():
            pairs, control = Pairs(inside, outside, noises, batch, seed), wiener(torch.cat([inside, outside]))
            exact = EmpiricalBayes(self._train.flatten(1))
            self._levels = [Level(sigma, pairs, control, exact, population) for sigma in widths]
        self.reset()

    def reset(self) -> None:
        """Forget all steps."""
        self._rows: list[tuple] = []
        self._looks: dict[int, dict[float, float]] = {}  # for each step, the z of the gap at each level

    @torch.no_grad()
    def update(self, denoise: Denoiser, step: int | None = None) -> dict[str, Estimate]:
        """Measure denoise(x, sigma) at every level, as step `step` (by default one after the last), and keep it.

        `denoise` takes noised points x = x₀ + σξ, (m, …) in single precision on the device of `train`, with the number
        σ, and returns x₀ as it sees it. Returns what was measured, by names like "gap/0.3". Raises ValueError on
        another shape, a value that is not finite, and a step that is not after the last one.
        """
        last = max(self._looks, default=-1)
        step = last + 1 if step is None else step
        if step <= last:
            raise ValueError(f"step {step} does not come after step {last}, which was measured before")
        found = {level.sigma: level.measure(denoise) for level in self._levels}
        gaps = {sigma: measures["gap"] for sigma, measures in found.items()}
        self._looks[step] = {sigma: gap.z(0) if gap.error > 0 else 0.0 for sigma, gap in gaps.items()}
        return self._keep(step, found)

    def update_samples(self, generated: Points, step: int | None = None) -> dict[str, Estimate]:
        """Audit generated points (m, …) against both whole sets, as step `step` (by default the last), and keep it.

        That is `memgen.audit` without its power, seconds for thousands of points. Raises ValueError on points of
        another shape or not finite, and on fewer than ten.
        """
        from memgen.audit.decide import decide, verbatim
        from memgen.audit.records import prepare

        made, step = _set("generated", generated), max(self._looks, default=0) if step is None else step
        if made.shape[1:] != self._train.shape[1:] or len(made) < LEAST:
            asked = f"{LEAST} or more of {tuple(self._train.shape[1:])}"
            raise ValueError(f"generated must be points like the training set's, {asked}, got {tuple(made.shape)}")
        train, drawn, holdout = (x.flatten(1).cpu().numpy() for x in (self._train, made, self._holdout))
        records = prepare(train, drawn, holdout)
        if records.equals and records.crowded:  # nothing but equal rows: their number is all there is to see
            return self._keep(step, {np.nan: {"p": Estimate(verbatim(records.equals).p, 0.0)}})
        decision = decide(records, self._seed)
        ratios = decision.ratios()["generated"]
        closest = [  # none if the holdout is of another law
            Estimate(test.statistic - test.null, (test.high - test.low) / (2 * 1.96))
            for test in decision.tests
            if test.name == "closest record"
        ]
        found = {
            "ratio": mean(ratios),
            "flagged": mean(ratios < NEAR),
            "closest": closest[0] if closest else Estimate(np.nan, np.nan),
            "p": Estimate(min(test.adjusted for test in decision.tests), 0.0),
        }
        return self._keep(step, {np.nan: found})

    def _keep(self, step: int, found: dict[float, dict[str, Estimate]]) -> dict[str, Estimate]:
        named = {}
        for level, measures in found.items():
            for measure, seen in measures.items():
                self._rows.append((step, level, measure, seen.value, seen.error))
                named[measure if np.isnan(level) else f"{measure}/{level:g}"] = seen
        return named

    def compute(self) -> pd.DataFrame:
        """One row a step, level and measure: columns step, level, measure, value, error (a standard error).

        At a level: `loss_train` and `loss_holdout`, the mean squared error a coordinate; `gap`, what fresh points lose
        more; `share`, the gap over that of a copy of the training set (0: none, 1: a copy); `auc`, the probability
        that a training point has a smaller loss than a fresh one (½: nothing betrays it); and, if the population's
        denoiser is known, `a` and `b_squared` (`memgen.measures.fractions`), at training points.

        Of generated points (level NaN): `ratio`, the mean of d₁/d₂, the distance to the nearest training point over
        that to the second; `flagged`, the share of them with a ratio below ⅓; `closest`, the share whose nearest point
        is a training point, less what that is for a generator that never saw them; and `p`, the least p-value of the
        audit's tests, adjusted for their number, which has no error.
        """
        return pd.DataFrame(self._rows, columns=COLUMNS)

    def onset(self, level: float = 0.05) -> Onset | None:
        """The first step at which the gap is significant; None if it is at no step so far.

        A model that does not depend on the training set more than on the holdout is given an onset with probability
        `level` at most, however many steps and noise levels are looked at: the k-th look has level/(k(k+1)) of it. So
        one may look after each step and stop, and no later look changes the answer. A gap says that points are better
        known than fresh ones, not that they are reproduced: that is what `share` and `update_samples` are for.
        """
        for look, (step, scores) in enumerate(self._looks.items(), 1):
            least = threshold(len(scores), level / (look * (look + 1)))
            sigma = max(scores, key=lambda sigma: scores[sigma])
            if scores[sigma] > least:
                return Onset(step, sigma, scores[sigma], least)
        return None


def _set(name: str, points: Points) -> Tensor:
    x = torch.as_tensor(points).float()
    if x.ndim < 2 or 0 in x.shape:
        raise ValueError(f"{name} must be (n, d), or (n, …) of images, with n, d ≥ 1, got shape {tuple(x.shape)}")
    return finite(name, x)


def _shape(points: Tensor) -> str:
    return f"points of shape {tuple(points.shape[1:])}"
