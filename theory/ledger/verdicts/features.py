"""Networks as regressions: `results/lazy` on the reviewer's remark, closed curves and autoencoders on theories."""

from typing import NamedTuple

import numpy as np

from memgen.experiments.lazy import TAU, beside
from memgen.figures.features import ROOTS, limit
from memgen.runs.store import load
from memgen.statistics import Estimate, fit
from theory.features import ALL_NOISES, autoencoder_error, flow_losses, half_times, sine_setting
from theory.ledger.ruling import Criterion, Question, Range

_T = 0.1  # diffusion time
_LONG = 1e7  # training time


class Beside(NamedTuple):
    """Linearisations and their networks, after the same steps on the same draws."""

    few: int  # units of the narrowest networks
    many: int
    narrow: Range  # squared distance from the law, linearisation over network, at the network's best: narrowest
    wide: Range  # widest
    memory: Range  # memorized fraction at the end, network less linearisation: narrowest, over all sizes
    memory_wide: Range
    copies: float  # flagged at the end, fewest points, widest: networks
    copies_linearised: float
    points: int
    steps: int


def _beside() -> Beside:
    stored, _ = load("lazy")
    few, many, points = int(stored["hidden"].min()), int(stored["hidden"].max()), int(stored["n"].min())
    narrow, wide = (beside(stored, hidden) for hidden in (few, many))
    last = stored[(stored["measure"] == "flagged") & (stored["step"] == stored["step"].max())]
    last = last[(last["hidden"] == many) & (last["n"] == points)].groupby("generator")["value"].mean()
    return Beside(
        few,
        many,
        Range(*np.exp(Range.of(narrow.law)).tolist()),
        Range(*np.exp(Range.of(wide.law)).tolist()),
        Range.of(narrow.memory),
        Range.of(wide.memory),
        float(last["network"]),
        float(last["linearised"]),
        points,
        int(stored["step"].max()),
    )


def _say_beside(found: Beside) -> tuple[str, str]:
    return (
        "They learn the law alike; networks memorize more, and copy.",
        "Perceptrons (d = 16) beside the regression on their own tangent features: same start, same draws. When a "
        "network that halves its squared distance from the law is nearest to it, the regression is "
        f"{found.narrow.told()} times as far with {found.few} units and {found.wide.told(1)} times as far with "
        f"{found.many}, where the step size may be too long for it. After {found.steps} steps the memorized fraction "
        f"at noise {TAU:g} σ, a mean over sizes, is higher in the network by {found.memory.told()} and "
        f"{found.memory_wide.told()}. With {found.points} points and {found.many} units {found.copies:.2f} of what "
        f"networks generate are copies, and {found.copies_linearised:.2f} of what regressions do.",
    )


as_regressions = Question(
    _beside,
    (
        Criterion(
            "holds",
            "at both widths a linearisation is clearly within a factor 1.5 of its network's squared distance from the "
            "law, when that is least, and its memorized fraction at the end is clearly within 0.1",
            lambda e: (
                all(of.within(1 / 1.5, 1.5) for of in (e.narrow, e.wide))
                and all(of.within(-0.1, 0.1) for of in (e.memory, e.memory_wide))
            ),
        ),
        Criterion(
            "holds with a correction",
            "so it learns the law at the narrower width at least; its memorized fraction is clearly more than 0.1 off",
            lambda e: e.narrow.within(1 / 1.5, 1.5) and (e.memory.above(0.1) or e.memory.below(-0.1)),
        ),
        Criterion(
            "fails",
            "at the narrower width the distance from the law clearly differs by more than a factor 1.5",
            lambda e: e.narrow.above(1.5) or e.narrow.below(1 / 1.5),
        ),
    ),
    _say_beside,
)


class Exponents(NamedTuple):
    """d ln(training time)/d ln n of wide random features, all noises seen."""

    law: float  # half of what there is to learn, between n = 4d and 16d
    memory: float  # half of the gap between both losses, there
    few: float  # the same between n = d and 4d


def _exponents(features: float = 1024.0) -> Exponents:
    samples = np.array([1.0, 4.0, 16.0])
    times = half_times(sine_setting(features, samples, ALL_NOISES, _T))
    slopes = np.diff(np.log(times), axis=0) / np.diff(np.log(samples))[:, None]
    return Exponents(float(slopes[1, 0]), float(slopes[1, 1]), float(slopes[0, 1]))


def _near(value: float, wanted: float, within: float = 0.1) -> bool:
    return abs(value - wanted) < within


linear_in_n = Question(
    _exponents,
    (
        Criterion(
            "holds",
            "for p = 1024 d the exponent of n in the time to memory is within 0.1 of 1, from n = d to 16d, and that in "
            "the time to learn the law is within 0.1 of 0",
            lambda e: _near(e.law, 0) and _near(e.memory, 1) and _near(e.few, 1),
        ),
        Criterion(
            "holds with a correction",
            "so it is between n = 4d and 16d only",
            lambda e: _near(e.law, 0) and _near(e.memory, 1),
        ),
        Criterion(
            "fails",
            "one of both exponents is not within 0.1 between n = 4d and 16d",
            lambda e: not (_near(e.law, 0) and _near(e.memory, 1)),
        ),
    ),
    lambda e: (
        f"Exponent {e.memory:.2f} from 4d to 16d, {e.few:.1f} below.",
        "Random features, σ = sin, white data, all noises seen, p = 1024 d, curves of gradient flow for d → ∞: the "
        f"time in which half of the final gap between both losses opens grows as n^{e.memory:.2f} from n = 4d to 16d, "
        f"and as n^{e.few:.2f} from d to 4d, where n is not yet large against d. Half of the law takes n^{e.law:.2f}. "
        "The local exponent falls steadily as n nears p; near p/2 the time stops growing.",
    ),
)


class Noises(NamedTuple):
    """Loss on fresh points of random features after long training, for one noise a point, p/n of them, and all."""

    few: tuple[float, float]  # p = n/4: one noise, all noises
    many: tuple[float, float]  # p = 4n
    worst: float  # p = 4n, four noises a point
    crossing: float  # p/n from which all noises are worse than one


def _noises(samples: float = 2.0) -> Noises:
    def loss(ratio: float, m: float) -> float:
        return float(flow_losses(sine_setting(ratio * samples, samples, m, _T), [_LONG])[1][0])

    few, many = ((loss(ratio, 1), loss(ratio, ALL_NOISES)) for ratio in (0.25, 4.0))
    ratios = np.geomspace(1.05, 16, 200)
    one, all_ = (flow_losses(sine_setting(ratios * samples, samples, m, _T), _LONG)[1][:, 0] for m in (1.0, ALL_NOISES))
    return Noises(few, many, loss(4.0, 4), float(ratios[np.argmax(all_ > one)]))


def _helps(pair: tuple[float, float]) -> bool:
    return pair[1] < pair[0]


more_noises = Question(
    _noises,
    (
        Criterion(
            "holds",
            "from one noise a point to all of them the loss on fresh points falls at p = n/4 and rises at p = 4n; "
            "it is not higher with p/n noises than with all, and the change comes at p = n, to a tenth",
            lambda e: _helps(e.few) and not _helps(e.many) and e.worst <= e.many[1] and abs(e.crossing - 1) < 0.1,
        ),
        Criterion(
            "holds with a correction",
            "it falls and rises so; with p/n noises a point it is higher than with all of them",
            lambda e: _helps(e.few) and not _helps(e.many),
        ),
        Criterion(
            "fails", "it does not fall at p = n/4, or not rise at p = 4n", lambda e: not _helps(e.few) or _helps(e.many)
        ),
    ),
    lambda e: (
        f"They help up to p≈{e.crossing:.0f}n; worst at m=p/n.",
        f"Random features, n = 2d, trained for long: from one noise a point to all of them the loss on fresh points "
        f"goes from {e.few[0]:.2f} to {e.few[1]:.2f} at p = n/4, and from {e.many[0]:.2f} to {e.many[1]:.2f} at "
        f"p = 4n. Most is lost between: with p = n·m, here four noises a point, features are just enough to fit every "
        f"noised point, and the loss is {e.worst:.0f}, without bound as training goes on. All noises are worse than "
        f"one from p = {e.crossing:.1f} n on, not from n.",
    ),
)


class Means(NamedTuple):
    """How far an autoencoder puts the mean of a class from its place, d → ∞, one noise a point held for all times."""

    exponent: float  # d ln(error)/d ln n from n = 100 to 1000, without weight decay
    measured: Range  # the same in simulations, with weight decay, from the fewest points but one to the most
    few: int
    many: int
    constant: float  # error over σ²/n, that of the mean of the points, at n = 1000
    copies: float  # the same with four noises a point


def _means() -> Means:
    few, many, copies = (float(autoencoder_error(n, m, 1e-9, 1.0)) for n, m in ((100, 1), (1000, 1), (1000, 4)))
    stored, _ = load("autoencoder")
    seen = stored[(stored["noises"] == 1) & (stored["measure"] == "error") & (stored["n"] > 1)]
    sizes, found = zip(*((n, limit(of, ROOTS)) for n, of in seen.groupby("n")), strict=True)
    logs = [Estimate(float(np.log(e.value)), e.error / e.value) for e in found]
    slope = fit(np.stack([np.ones(len(sizes)), np.log(sizes)], axis=1), logs)
    exponent = Estimate(float(slope[0][1]), float(np.sqrt(slope[1][1, 1])))
    return Means(float(np.log10(many / few)), Range.of(exponent), min(sizes), max(sizes), 1000 * many, 1000 * copies)


means_of_classes = Question(
    _means,
    (
        Criterion(
            "holds",
            "the exponent of n, computed, is within 0.02 of −1, and measured is clearly within 0.2 of it",
            lambda e: abs(e.exponent + 1) < 0.02 and e.measured.within(-1.2, -0.8),
        ),
        Criterion(
            "holds with a correction",
            "computed for n → ∞ it is, and measured it is clearly not",
            lambda e: abs(e.exponent + 1) < 0.02 and (e.measured.below(-1.2) or e.measured.above(-0.8)),
        ),
        Criterion("fails", "computed, it is not", lambda e: abs(e.exponent + 1) >= 0.02),
    ),
    lambda e: (
        f"The rate is optimal; the constant is {e.constant:.1f} σ²/n.",
        f"Two classes ±μ + σz, d → ∞, one noise a point held for all times: without weight decay the error falls as "
        f"n^{e.exponent:.2f}; simulated with some, from n = {e.few} to {e.many}, with the exponent "
        f"{e.measured.told()}. The constant is not that of the mean of the points, σ²/n, but {e.constant:.2f} times "
        f"as large: the generator remembers the noises of training. With four a point it is {e.copies:.2f} times as "
        "large.",
    ),
)
