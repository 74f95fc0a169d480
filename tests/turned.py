"""Made-up evidence for every claim of the ledger, a set for each verdict that the claim may have."""

from theory.ledger.ruling import Range
from theory.ledger.verdicts import (
    criteria,
    dimension,
    features,
    images,
    kernel,
    linear,
    network,
    relaxation,
    sampling,
    training,
    transition,
    windows,
)
from theory.ledger.verdicts.your_model import Recipe


def at(value: float) -> Range:
    """A narrow interval."""
    return Range(value, value - 1e-3, value + 1e-3)


_WEIGHT = kernel.Weight(-14, -0.4, -4, at(-30), 0.3)
_LIMITS = kernel.Limits(1e-14, 0.4, 0.07, 1e-4, 0.4)
_BEND = linear.Bend(at(0), at(0.77), 0.77, at(0.1), at(0), 0.94, -0.6, 1.35)
_MISSED = relaxation.Missed(0.008, 4e-4, 0.05, 1e-3, 4.95, 0.35, 1.0, 0.02)
_LOCATION = transition.Location(0.6, at(1.7), at(3.6), at(1.1), at(1.4), 0.2, 0.2)
_FALLS = transition.Falls(200, 1600, at(0.8), at(14), 34, at(32))
_CIRCLE = transition.Circle(90, 50, 25, 0.2, 0.3, at(0))
_COPIED = transition.Copied(at(0.5), at(0.002), at(4), 1)
_EFFORT = network.Effort(50, 200, 1000, 4000, 22, 1000, at(0.5), at(0), at(-0.5), 0.5, 0, at(1), at(1))
_NOTHING = _EFFORT._replace(at_few=at(0), gap=at(0), variance_few=at(14), variance_many=at(3))
_REGRESSED = features.Beside(64, 256, at(1.0), at(1.9), at(0.6), at(0.7), 0.9, 0.02, 16, 20_000)
_KEPT = _EFFORT._replace(at_many=at(0.4), gap=at(-0.1))
_FIG4 = network.Fig4(1.5, _NOTHING, 0.01, 3, (), (), ())
_DISTANCES = network.Distances(at(0.3), at(0.4), at(0.2), at(0.2), at(1), 2, 11, 11, 0, 3, 3)
_PUBLISHED = network.Published(at(0.6), at(1), 0.6, 0.7, 1, 1, 10)
_QUALITY = network.Quality(10, 10, 0, 2, 10, 1)
_WIDTH = training.Width(5000, 200_000, 20_000, 0.02, 0.6, 128, at(8), 32, at(0.01), at(0.01), at(0.3))
_UNSMOOTHED = criteria.Unsmoothed((at(0.99), at(1.01)), 0, 0.9, 25.0, at(0.9), at(1.5))
_REACH = criteria.Reach(64, Range(1050, 724, 1448), 1100, Range(1000, 512, 1448), Range(9.5, 8, 11), 1.0, 2896)
_PRACTICE = criteria.Practice(500, at(0.06), at(0.06), at(0.06), (_REACH, _REACH._replace(d=100)))
_PREDICTED = images.Predicted((at(2.0),), (at(0.7),), (at(1.5),), (at(1.1),), at(1.0), at(0.15))
_ANISOTROPIC = dimension.Anisotropic(("digits",), (at(0.6),), (at(1.1),), (at(1.0),), at(1.0), 0.7, 0.05)
_MEMORIZED = images.Memorized((("digits", 5.0, at(0.3)),), at(0.2))
_MADE = windows.Made(at(0.8), at(0.8), at(0.2), at(0.3), at(0.0))
_LOOKED = windows.Looked(*((at(0.1), at(-0.1)) for _ in range(5)), (at(0.9), at(0.8)), (1.2, 1.3))
_STEPS = sampling.Steps(4, 64, 32, at(5.2), at(0.65), at(0.3), 256, -0.01, 6, 0.03)
_COVERED = sampling.Covered(8, 2.3, 10, 1, 3, 1.97, 1.1, 2.7, True)
UNDECIDED = "undecided"
_FADED = Recipe("fewer units", fades=at(0.4), gains=at(-0.2))
# For each claim, evidence of each kind: what would have turned it.
SYNTHETIC: dict[str, dict[str, tuple]] = {
    "C1": {
        "holds": _WEIGHT._replace(at_d=-0.3, many=-0.4),
        "holds with a correction": _WEIGHT,
        "fails": _WEIGHT._replace(at_d=2.0, median_at_d=at(2)),
    },
    "C2": {
        "holds": _MISSED._replace(at_relaxation=5e-4, unequal_at_relaxation=5e-4),
        "holds with a correction": _MISSED,
        "fails": _MISSED._replace(at_relaxation=0.3, later=0.2),
        UNDECIDED: _MISSED._replace(later=0.007),
    },
    "C3": {
        "holds": _LOCATION._replace(few=at(0.9), many=at(1.1), rise_many=at(1.02)),
        "holds with a correction": _LOCATION._replace(many=at(1.7)),
        "fails": _LOCATION,
        UNDECIDED: _LOCATION._replace(few=Range(1.5, 1.0, 2.0)),
    },
    "C4": {
        "holds": _BEND._replace(drop=at(0.1)),
        "holds with a correction": _BEND,
        "fails": _BEND._replace(after=at(0), jump=0),
        UNDECIDED: _BEND._replace(after=Range(0.1, 0.05, 0.77)),
    },
    "C5": {
        "holds": _FALLS._replace(rise=at(-1)),
        "holds with a correction": _FALLS,
        "fails": _FALLS._replace(one=at(0)),
        UNDECIDED: _FALLS._replace(one=Range(0.2, -0.3, 0.7)),
    },
    "C6": {
        "holds": _FIG4._replace(script=_EFFORT, margin=0.5, least_variance=1),
        "holds with a correction": _FIG4._replace(longer=(_EFFORT,)),
        "fails": _FIG4._replace(longer=(_KEPT,)),
        UNDECIDED: _FIG4._replace(least_variance=1),  # the law is learnt at every n
    },
    "C7": {
        "holds": linear.Fall(0.005, 1),
        "holds with a correction": linear.Fall(0.19, 1),
        "fails": linear.Fall(0.6, -1),
    },
    "R1.3": {
        "holds": _CIRCLE._replace(falls=90, stays=0),
        "fails": _CIRCLE,
        UNDECIDED: _CIRCLE._replace(stays=0),
    },
    "R2.2": {
        "holds": _DISTANCES,
        "holds with a correction": _DISTANCES._replace(train_later=at(-1)),
        "fails": _DISTANCES._replace(positive=8, negative=3),
        UNDECIDED: _DISTANCES._replace(train=at(0), truth=at(0)),
    },
    "R5.2": {
        "holds": kernel.Errors(0.1, 0.01, 0.001),
        "holds with a correction": kernel.Errors(2, 0.01, 0.001),
        "fails": kernel.Errors(2, 1, 0.001),
        UNDECIDED: kernel.Errors(2, 1, 0.9),
    },
    "R5.3": {
        "holds": _COPIED._replace(gap=at(0)),
        "holds with a correction": _COPIED,
        "fails": _COPIED._replace(more=at(0.2)),
        UNDECIDED: _COPIED._replace(more=Range(0.01, 0.005, 0.02)),
    },
    "R5.4": {
        "holds": _PUBLISHED._replace(least=0.9),
        "holds with a correction": _PUBLISHED,
        "fails": _PUBLISHED._replace(copier=0.1),
        UNDECIDED: _PUBLISHED._replace(copier=0.1, lowest=0.9),
    },
    "R5.5": {
        "holds": _LIMITS._replace(fixed_many=0.4),
        "holds with a correction": _LIMITS,
        "fails": _LIMITS._replace(at_d=0.5),
        UNDECIDED: _LIMITS._replace(enough=1e-3),
    },
    "R5.6": {
        "holds": _QUALITY,
        "holds with a correction": _QUALITY._replace(off=4, right=6),
        "fails": _QUALITY._replace(off=0, right=10),
        UNDECIDED: _QUALITY._replace(off=0, right=5),
    },
    "R1.1": {
        "holds": images.Ways((_FADED, _FADED._replace(gains=at(0))), (at(0),)),
        "holds with a correction": images.Ways((_FADED, _FADED._replace(gains=at(0.2))), (at(0),)),
        "fails": images.Ways((_FADED._replace(gains=at(0.2)), _FADED._replace(fades=at(0))), (at(0),)),
        UNDECIDED: images.Ways((_FADED._replace(gains=at(0.2)), _FADED._replace(gains=at(0))), (at(0),)),
    },
    "R3.1": {
        "holds": _PREDICTED._replace(intrinsic=(at(1.1),), one_noise=at(0.1)),
        "holds with a correction": _PREDICTED,
        "fails": _PREDICTED._replace(ambient=(at(1.1),), all_noises=at(1.0)),
        UNDECIDED: _PREDICTED._replace(contrast=(at(1.3),)),
    },
    "R2.1": {
        "holds": _ANISOTROPIC._replace(moments=(at(2.0),)),
        "holds with a correction": _ANISOTROPIC,
        "fails": _ANISOTROPIC._replace(white=(at(1.1),), floor_nats=0.01),
        UNDECIDED: _ANISOTROPIC._replace(moments=(Range(1.3, 0.9, 1.7),)),
    },
    "R3.2": {
        "holds": _MEMORIZED,
        "holds with a correction": _MEMORIZED._replace(far=(("digits", 5.0, at(0.05)),)),
        "fails": _MEMORIZED._replace(digits_less_patches=at(0.0)),
        UNDECIDED: _MEMORIZED._replace(digits_less_patches=Range(0.1, -0.1, 0.3)),
    },
    "R2.3": {
        "holds": _PRACTICE,
        "holds with a correction": _PRACTICE._replace(binomial=at(0.2)),
        "fails": _PRACTICE._replace(reaches=(_REACH._replace(closest=Range(20, 16, 32), authentic=Range(20, 16, 32)),)),
        UNDECIDED: _PRACTICE._replace(fresh=Range(0.1, 0.08, 0.12)),
    },
    "R5.1": {
        "holds": _UNSMOOTHED,
        "holds with a correction": _UNSMOOTHED._replace(of_overlap=0.01),
        "fails": _UNSMOOTHED._replace(missing=1),
        UNDECIDED: _UNSMOOTHED._replace(ratios=(at(1.05),)),
    },
    "C8": {
        "holds": _STEPS._replace(gain_above=0.02),
        "holds with a correction": _STEPS,
        "fails": _STEPS._replace(copies=at(-0.2)),
        UNDECIDED: _STEPS._replace(copies=at(0)),
    },
    "R1.2": {
        "holds": _COVERED._replace(exponent=1.2),
        "holds with a correction": _COVERED,
        "fails": _COVERED._replace(factor_far=1.2),
    },
    "R5.7": {
        "holds": _WIDTH,
        "holds with a correction": _WIDTH._replace(rise_few=at(0.1)),
        "fails": _WIDTH._replace(pace=at(1), level=at(0)),
        UNDECIDED: _WIDTH._replace(pace=at(1)),
    },
    "R4.1": {
        "holds": _REGRESSED._replace(wide=at(1.1), memory=at(0.02), memory_wide=at(0.02)),
        "holds with a correction": _REGRESSED,
        "fails": _REGRESSED._replace(narrow=at(3)),
        UNDECIDED: _REGRESSED._replace(memory=Range(0.1, -0.1, 0.3)),
    },
    "T1": {
        "holds": features.Exponents(0.02, 1.0, 1.05),
        "holds with a correction": features.Exponents(0.04, 1.02, 1.2),
        "fails": features.Exponents(0.04, 0.5, 1.0),
    },
    "T2": {
        "holds": features.Noises((1.2, 1.0), (1.6, 2.0), 1.8, 1.02),
        "holds with a correction": features.Noises((1.2, 1.0), (1.6, 2.0), 300.0, 3.0),
        "fails": features.Noises((1.2, 1.3), (1.6, 2.0), 1.8, 1.02),
    },
    "T3": {
        "holds": features.Means(-1.0, at(-1.0), 2, 64, 2.0, 1.25),
        "holds with a correction": features.Means(-1.0, at(-0.5), 2, 64, 2.0, 1.25),
        "fails": features.Means(-0.5, at(-1.0), 2, 64, 2.0, 1.25),
        UNDECIDED: features.Means(-1.0, Range(-1.0, -1.4, -0.6), 2, 64, 2.0, 1.25),
    },
    "T4": {
        "holds": _MADE._replace(windows=at(0.95)),
        "holds with a correction": _MADE,
        "fails": _MADE._replace(over_exact=at(-0.1)),
        UNDECIDED: _MADE._replace(windows=Range(0.5, 0.4, 0.6)),
    },
    "T5": {
        "holds": _LOOKED,
        "holds with a correction": _LOOKED._replace(unet=(at(0.1), at(0.6))),
        "fails": _LOOKED._replace(perceptron=(at(0.3), at(0.7)), scrambled=(at(0.9), at(0.7))),
        UNDECIDED: _LOOKED._replace(perceptron=(at(0.3), Range(0.6, 0.4, 0.8))),
    },
}
