"""What `memgen predict` says of sets of pictures, against what happens on them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from memgen.figures.images.exposure import NAMES
from memgen.figures.images.networks import LEVEL, measured, onsets
from memgen.laws.pictures import pictures
from memgen.measures.held import held_widths
from memgen.predict import predict
from memgen.predict.prediction import Prediction
from memgen.statistics import Estimate, median, median_estimate
from memgen.streams import stream

_TOP, _NOISES = 0.1, 8  # the part of the pictures that counts as exposed first, by the mean width over so many noises


class Against(NamedTuple):
    """What `memgen predict` says of n pictures of a set, and the measured noise at which half of them are held.

    `held` is that noise with its interval: median, low, high; `measured` is it with a standard error.
    """

    pictures: str
    said: Prediction
    held: tuple[float, float, float]
    measured: Estimate
    exposed: int  # how many of the rows that predict calls most exposed are among the first tenth

    @property
    def within(self) -> tuple[bool, bool]:
        """Whether the measured noise is in the interval by the covariance, and in that by the held-out error."""
        assert self.said.collapse is not None
        ends = [(width.low, width.high) for width in (self.said.collapse.gaussian, self.said.collapse.denoised)]
        first, second = (low is not None and high is not None and low <= self.held[0] <= high for low, high in ends)
        return first, second

    @property
    def beyond(self) -> float:
        """Standard score of how far the measured noise lies outside the interval by the held-out error; 0 inside."""
        assert self.said.collapse is not None
        said = self.said.collapse.denoised
        assert said.low is not None and said.high is not None
        return self.measured.outside(said.low, said.high)


def against(name: str, n: int, seed: int = 0) -> Against:
    """Predict the collapse of n pictures of a set, and measure it on the same pictures."""
    found = pictures(name).values
    chosen = found[stream(seed, "images", "predicted", name).permutation(len(found))[:n]]
    noise = stream(seed, "images", "held", name).standard_normal((_NOISES, *chosen.shape))
    widths = np.stack([held_widths(chosen, np.arange(n), xi) for xi in noise])
    said = predict(chosen, seed=seed)
    first = set(np.argsort(-widths.mean(0))[: max(1, int(_TOP * n))].tolist())
    exposed = sum(row.row in first for row in said.exposed)
    return Against(name, said, median(widths[0]), median_estimate(widths[0]), exposed)


def predicted(found: list[Against]) -> str:
    """Markdown: the noise of the collapse, by predict's two estimates and measured; and the exposed pictures."""
    heads = ("set", "by the covariance", "by the held-out error", "measured", "exposed first")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one in found:
        assert one.said.collapse is not None
        cells = [NAMES.get(one.pictures, one.pictures)]
        for width in (one.said.collapse.gaussian, one.said.collapse.denoised):
            ends = [f"{end:.2f}" if end is not None else "–" for end in (width.sigma, width.low, width.high)]
            cells.append(f"{ends[0]} ({ends[1]} to {ends[2]})")
        middle, low, high = one.held
        cells += [f"{middle:.2f} ({low:.2f} to {high:.2f})", f"{one.exposed} of {len(one.said.exposed)}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def paces(rows: pd.DataFrame) -> str:
    """Markdown: steps a picture until memorization begins; ≤ where it had by the first look, > where it never did."""
    found = onsets(rows)
    looks = measured(rows[rows.shown == "once"], "share", LEVEL).groupby(["pictures", "network", "n"]).step
    first, end = looks.min(), looks.max()
    sizes = sorted(found.index.unique("n"))
    lines = [f"| set | network | {' | '.join(f'n = {n}' for n in sizes)} |", "|---" * (len(sizes) + 2) + "|"]
    for name in NAMES:
        for network in ("perceptron", "unet"):
            keys = [(name, network, n) for n in sizes]
            if any(key in found.index for key in keys):
                entries = (
                    _pace(found[key] * key[2], first[key], end[key], key[2]) if key in found else "–" for key in keys
                )
                lines.append(f"| {NAMES[name]} | {network} | {' | '.join(entries)} |")
    return "\n".join(lines)


def _pace(steps: float, first: int, end: int, n: int) -> str:
    if not np.isfinite(steps):
        return f"> {end / n:.2g}"
    return f"{'≤ ' if round(steps) <= first else ''}{steps / n:.2g}"
