"""Networks as regressions on fixed features: `results/lazy` on the reviewer's remark, closed curves on two theories."""

from typing import NamedTuple

import numpy as np

from memgen.experiments.lazy import SHARE, TAU, ratios
from memgen.runs.store import load
from theory.features import flow_losses, half_times, sine_setting
from theory.ledger.ruling import Criterion, Question, Range

_ALL = 1e9  # noises
_T = 0.1  # diffusion time
_LONG = 1e7  # training time


class Paces(NamedTuple):
    """Steps of the linearisation over those of its network, geometric means over networks of all widths and sizes."""

    law: Range  # to half of what there is to learn of the law, where both get there
    best: Range  # the least squared distance from the best denoiser, over the network's
    memory: Range  # at least, for linearisations that never get there count with the last step
    copies: float  # flagged at the end, fewest points and widest: networks
    copies_linearised: float
    points: int
    hidden: int


def _paces() -> Paces:
    stored, _ = load("lazy")
    hidden, points = int(stored["hidden"].max()), int(stored["n"].min())
    law, best, memory = (Range(*np.exp(Range.of(found)).tolist()) for found in ratios(stored))
    last = stored[(stored["measure"] == "flagged") & (stored["step"] == stored["step"].max())]
    last = last[(last["hidden"] == hidden) & (last["n"] == points)].groupby("generator")["value"].mean()
    return Paces(law, best, memory, float(last["network"]), float(last["linearised"]), points, hidden)


def _say_paces(found: Paces) -> tuple[str, str]:
    return (
        f"The law at the same pace; memory {found.memory.value:.0f} times later.",
        "Perceptrons (d = 16, two widths) beside the regression on their own tangent features: same start, same draws. "
        f"Half of what there is to learn of the law takes the regression {found.law.told()} times as many steps, where "
        f"both get there; at its best it is {found.best.told()} times as far from the law. To a memorized fraction of "
        f"{SHARE:g} at noise {TAU:g} σ it takes at least {found.memory.told(1)} times as many steps. "
        f"After the last step, with {found.points} points and {found.hidden} units, {found.copies:.2f} of what the "
        f"networks generate are copies, and {found.copies_linearised:.2f} of what the regressions do. Fixed features "
        "say how a network learns the law, and not when it copies.",
    )


def _law(found: Paces) -> bool:
    return found.law.within(1 / 1.5, 1.5) and found.best.within(1 / 1.5, 1.5)


as_regressions = Question(
    _paces,
    (
        Criterion(
            "holds",
            "a network's linearisation learns half of the law, and memorizes, clearly within 1.5 times its steps; "
            "its least distance from the law is clearly within 1.5 of the network's",
            lambda e: _law(e) and e.memory.within(1 / 1.5, 1.5),
        ),
        Criterion(
            "holds with a correction",
            "so it learns the law; it memorizes clearly more than 1.5 times later, or earlier",
            lambda e: _law(e) and (e.memory.above(1.5) or e.memory.below(1 / 1.5)),
        ),
        Criterion(
            "fails",
            "steps to the law, or the least distance from it, clearly differ by more than a factor 1.5",
            lambda e: any(of.above(1.5) or of.below(1 / 1.5) for of in (e.law, e.best)),
        ),
    ),
    _say_paces,
)


class Exponents(NamedTuple):
    """d ln(training time)/d ln n of wide random features, all noises seen."""

    law: float  # half of what there is to learn, between n = 4d and 16d
    memory: float  # half of the gap between both losses, there
    few: float  # the same between n = d and 4d


def _exponents(features: float = 1024.0) -> Exponents:
    slopes = np.diff(np.log(half_times(sine_setting(features, np.array([1.0, 4.0, 16.0]), _ALL, _T))), axis=0) / np.log(
        4
    )
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
        f"Exponent {e.memory:.2f} at n ≫ d, {e.few:.1f} below 4d.",
        "Random features, σ = sin, white data, all noises seen, p = 1024 d, exact curves of gradient flow: the time in "
        f"which half of the final gap between both losses opens grows as n^{e.memory:.2f} from n = 4d to 16d and as "
        f"n^{e.few:.2f} from d to 4d, where the law and the points are learnt together. Half of the law takes "
        f"n^{e.law:.2f}. Once n comes near p the time to memory stops growing: there is no room for memory then.",
    ),
)


class Noises(NamedTuple):
    """Loss on fresh points of random features after long training, for one noise a point, p/n of them, and all."""

    few: tuple[float, float]  # p = n/4: one noise, all noises
    many: tuple[float, float]  # p = 4n
    worst: float  # p = 4n, four noises a point


def _noises(samples: float = 2.0) -> Noises:
    def loss(ratio: float, m: float) -> float:
        return float(flow_losses(sine_setting(ratio * samples, samples, m, _T), [_LONG])[1][0])

    few, many = ((loss(ratio, 1), loss(ratio, _ALL)) for ratio in (0.25, 4.0))
    return Noises(few, many, loss(4.0, 4))


def _helps(pair: tuple[float, float]) -> bool:
    return pair[1] < pair[0]


more_noises = Question(
    _noises,
    (
        Criterion(
            "holds",
            "from one noise a point to all of them the loss on fresh points falls at p = n/4 and rises at p = 4n; "
            "there it is not higher with p/n noises than with all of them",
            lambda e: _helps(e.few) and not _helps(e.many) and e.worst <= e.many[1],
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
        "Helps at p < n; worst at m = p/n.",
        f"Random features, n = 2d, trained for long: from one noise a point to all of them the loss on fresh points "
        f"goes from {e.few[0]:.2f} to {e.few[1]:.2f} at p = n/4, and from {e.many[0]:.2f} to {e.many[1]:.2f} at "
        f"p = 4n. Most is lost between: with p = n·m, here four noises a point, features are just enough to fit every "
        f"noised point, and the loss is {e.worst:.0f}, without bound in the limit of no ridge and long training.",
    ),
)
