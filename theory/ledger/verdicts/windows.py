"""Denoisers that see a window, beside networks: `results/windows` on two theories of why networks do not copy."""

from typing import NamedTuple

import numpy as np

from memgen.figures.windows import SHOWN_SETS, TOLERANCE, explained, nearest_window, rule, sizes_of, tolerated
from memgen.runs.store import load
from memgen.statistics import mean
from theory.ledger.ruling import Criterion, Question, Range

_QUIET = 1.0  # noise up to which the exact score holds pictures: above it windows and pictures say much the same
_CLOSE = 0.9  # of the variance of what a network says


class Explained(NamedTuple):
    """Of U-Nets, at noise up to _QUIET: which part of the variance of what they say is that of the posterior mean over
    windows, the best at each noise, and of the exact score; the least and the mean over noises, over networks."""

    least: Range
    windows: Range
    exact: Range
    networks: int


def _explained() -> Explained:
    stored, _ = load("windows")
    least, windows, exact = [], [], []
    for name in SHOWN_SETS:
        for n in sizes_of(stored, name, "network", "unet"):
            found = explained(stored, name, "unet", n).loc[:_QUIET]
            least.append(found.window.min())
            windows.append(found.window.mean())
            exact.append(found.exact.mean())
    ranges = [Range.of(mean(np.array(part))) for part in (least, windows, exact)]
    return Explained(ranges[0], ranges[1], ranges[2], len(least))


def _say_explained(found: Explained) -> tuple[str, str]:
    return (
        f"Windows explain {found.windows.value:.0%} of U-Nets, exact scores {found.exact.value:.0%}.",
        f"{found.networks} U-Nets on digits and MNIST, held-out pictures, noise from 0.1 to {_QUIET:g} of a pixel's "
        "standard deviation. The posterior mean over windows of the training pictures, the best window at each noise, "
        f"accounts for {found.windows.told()} of the variance of what a U-Net says, a mean over noises, and for "
        f"{found.least.told()} at the worst noise; the exact score for {found.exact.told()}. The U-Nets here have "
        "attention; the claim is about networks without.",
    )


as_windows = Question(
    _explained,
    (
        Criterion(
            "holds",
            f"windows clearly account for {_CLOSE:g} of the variance at the worst noise up to {_QUIET:g}, and for "
            "clearly more than the exact score does",
            lambda e: e.least.above(_CLOSE) and e.windows.low > e.exact.high,
        ),
        Criterion(
            "holds with a correction",
            "for clearly more than the exact score does, not for so much at every noise",
            lambda e: e.windows.low > e.exact.high,
        ),
        Criterion(
            "fails",
            "for clearly no more than the exact score does",
            lambda e: e.windows.high < e.exact.high,
        ),
    ),
    _say_explained,
)


class Locality(NamedTuple):
    """Reaches, in pixels, at noise up to _QUIET: the largest differences between what perceptrons and U-Nets use on the
    same pictures, and between U-Nets and Wiener's rule; how much that of perceptrons falls from the fewest to the most
    pictures, the least over sets of the largest over noises; and between U-Nets and the rule I = ln n."""

    architectures: float
    wiener: float
    pictures: float
    collapse: float


def _locality() -> Locality:
    stored, _ = load("windows")
    architectures, wiener, collapse, fewer = [], [], [], []
    for name in SHOWN_SETS:
        sizes = sizes_of(stored, name, "network", "unet")
        for n in sizes:
            seen = {of: nearest_window(stored, name, of, n).loc[:_QUIET] for of in ("perceptron", "unet")}
            architectures.append((seen["perceptron"] - seen["unet"]).abs().max())
            wiener.append((seen["unet"] - tolerated(stored, name).loc[:_QUIET]).abs().max())
            collapse.append((seen["unet"] - rule(stored, name, n).loc[:_QUIET]).abs().max())
        few, *_, many = sizes_of(stored, name, "network", "perceptron")
        ends = [nearest_window(stored, name, "perceptron", n).loc[:_QUIET] for n in (few, many)]
        fewer.append((ends[0] - ends[1]).max())
    return Locality(float(max(architectures)), float(max(wiener)), float(min(fewer)), float(max(collapse)))


def _say_locality(found: Locality) -> tuple[str, str]:
    return (
        "Perceptrons see the same windows; how many pictures matters too.",
        f"At noise up to {_QUIET:g} of a pixel's standard deviation the window whose posterior mean is nearest to a "
        f"perceptron and that nearest to a U-Net on the same pictures differ in reach by at most "
        f"{found.architectures:.0f} pixels, on digits and MNIST. The window at which Wiener's filter is within "
        f"{TOLERANCE:.0%} of the best is off the U-Net's by up to {found.wiener:.0f}, the largest window that tells "
        f"less than ln n by up to {found.collapse:.0f}. From the fewest pictures to the most the reach of perceptrons "
        f"falls by {found.pictures:.0f} or more at some noise: on few pictures they copy.",
    )


of_the_data = Question(
    _locality,
    (
        Criterion(
            "fails",
            "the reaches of a perceptron and of a U-Net on the same pictures differ by more than 1 at some noise up to "
            f"{_QUIET:g}",
            lambda e: e.architectures > 1,
        ),
        Criterion(
            "holds",
            f"they do not, Wiener's rule at {TOLERANCE:.0%} is within 1 of the U-Nets, and with more pictures the "
            "reach does not fall by more than 1",
            lambda e: e.wiener <= 1 and e.pictures <= 1,
        ),
        Criterion(
            "holds with a correction",
            "they do not, but the covariance alone does not say the reach",
            lambda e: e.wiener > 1 or e.pictures > 1,
        ),
    ),
    _say_locality,
)
