"""Targets that are distances and estimates: functions of `memgen.measures` and `memgen.statistics`."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from memgen import measures, statistics
from memgen.evidence.garbage.target import (
    COVARIANCE,
    INFINITE,
    MEAN,
    POINTS,
    SIGMA,
    TWO,
    Argument,
    D,
    Target,
    array,
    between,
    count,
    fixed,
)
from memgen.measures import held, membership
from memgen.statistics import Estimate


def of_measures() -> Iterable[Target]:
    m = measures
    for name, infinite in {
        "kl": 1,
        "log_affinity": 1,
        "hellinger2": 0,
        "wasserstein2_squared": 0,
        "log_overlap": 1,
        "l2_squared": 1,
    }.items():
        yield Target(name, getattr(m, name), TWO, bool(infinite))
    yield Target("factor", m.factor, {"covariance": COVARIANCE}, True)
    sets = {"train": POINTS, "original": POINTS}
    law = {"mean": MEAN, "covariance": COVARIANCE}
    yield Target("kernel_estimate", m.kernel_estimate, {"points": POINTS, "sigma": SIGMA})
    yield Target("kernel_l2_delta", m.kernel_l2_delta, sets | law | {"sigma": SIGMA}, True)
    yield Target("points_l2_delta", m.points_l2_delta, sets | {"generated": POINTS, "sigma": SIGMA}, True)
    yield Target("log_overlaps", m.log_overlaps, {"points": POINTS} | law)
    yield Target("log_cross", m.log_cross, {"points": POINTS} | law | {"variance": SIGMA, "sigma": SIGMA})
    logarithm = between(-9, 9)
    yield Target(
        "combine",
        lambda **logarithms: m.combine(*logarithms.values()),
        {f"logarithms{k}": logarithm for k in range(4)},
        True,
        also=("logarithms",),
    )
    yield Target(
        "position",
        lambda train, **rest: m.position(m.kernel_estimate(train, name="train"), **rest),
        {"train": POINTS} | law | {"true_mean": MEAN, "true_covariance": COVARIANCE},
        True,
    )
    yield Target("marginal_estimate", m.marginal_estimate, {"points": POINTS, "sigma": SIGMA})
    yield Target(
        "marginal_distance",
        lambda points, sigma: m.marginal_distance(
            m.marginal_estimate(points, sigma), m.marginal_estimate(np.ones((4, D)))
        ),
        {"points": POINTS, "sigma": SIGMA},
    )
    yield Target("mmd2", m.mmd2, {"x": POINTS, "y": POINTS, "width": SIGMA})
    yield Target("wasserstein2", m.wasserstein2, {"x": POINTS, "y": POINTS})
    yield Target("nearest", m.nearest, {"points": POINTS, "reference": POINTS, "k": count(2)})
    pair = {"generated": POINTS, "train": POINTS}
    yield Target("nearest_ratio", m.nearest_ratio, pair)
    yield Target("authenticity", m.authenticity, pair)
    yield Target("closest_record_share", m.closest_record_share, pair | {"holdout": POINTS})
    yield Target("data_copying", m.data_copying, pair | {"holdout": POINTS, "cells": count(1)})
    yield Target("fractions", m.fractions, {name: POINTS for name in ("denoised", "population", "empirical")})
    scores = {"inside": array(9), "outside": array(8)}
    yield Target("auc", membership.auc, scores, takes=INFINITE)
    yield Target("placements", membership.placements, scores, takes=INFINITE)
    yield Target("distances", membership.distances, {"x": POINTS} | law)
    yield Target(
        "losses",
        membership.losses,
        {
            "denoise": fixed(lambda r: lambda u, tau: 0.5 * u),
            "points": POINTS,
            "noise": array(2, 7, D),
            "tau": SIGMA,
        },
    )
    yield Target(
        "held_widths", held.held_widths, {"x": POINTS, "own": fixed(lambda r: np.arange(2)), "xi": array(2, D)}
    )


def _estimates(values: Any, errors: Any) -> list[Estimate]:
    """Six estimates, of which the first is the one to be spoilt."""
    return [Estimate(values, errors), *(Estimate(0.3 * k - 1, 1 / k) for k in range(2, 7))]


def _plain(estimates: list[Estimate]) -> list[tuple[float, float]]:
    """The values and errors of estimates, without the freedom, which may be infinite."""
    return [(e.value, e.error) for e in estimates]


def of_statistics() -> Iterable[Target]:
    s, values = statistics, {"values": array(40)}
    yield Target("mean", s.mean, values)
    yield Target("ratio", s.ratio, values | {"over": between(1, 2, 40)})
    yield Target("cumulant", s.cumulant, values | {"order": count(3)})
    yield Target("median", s.median, values | {"level": between(0.5, 0.95)}, True, takes=INFINITE)
    yield Target("median_estimate", s.median_estimate, values, True, takes=INFINITE)
    yield Target(
        "quantile", s.quantile, values | {"p": between(0.4, 0.6), "level": between(0.5, 0.95)}, True, takes=INFINITE
    )
    yield Target("quantile_estimate", s.quantile_estimate, values | {"p": between(0.4, 0.6)}, True, takes=INFINITE)
    yield Target("proportion", s.proportion, {"successes": count(3), "trials": count(9), "level": between(0.5, 0.95)})
    yield Target("threshold", s.threshold, {"tests": count(5), "level": between(0.01, 0.1)})
    line = {"values": between(-1, 1), "errors": between(0.5, 1)}
    yield Target(
        "fit", lambda design, values, errors: s.fit(design, _estimates(values, errors)), {"design": array(6, 2)} | line
    )
    yield Target(
        "extrapolate",
        lambda sizes, values, errors: _plain(s.extrapolate(sizes, _estimates(values, errors))),
        {"sizes": between(1, 9, 6)} | line,
    )
    yield Target(
        "zero_of_line",
        lambda x, values, errors: _plain([s.zero_of_line(x, _estimates(values, errors))]),
        {"x": array(6)} | line,
    )
    curve = {"x": fixed(lambda r: np.arange(5.0)), "level": between(-0.1, 0.1)}
    yield Target("first_crossing", s.first_crossing, {"x": array(5), "y": array(5), "level": between(-0.1, 0.1)}, True)
    yield Target(
        "level_crossing",
        s.level_crossing,
        curve | {"curves": Argument("array", lambda r: r.standard_normal((9, 5)) - np.arange(-2, 3))},
    )
    one = {"value": between(-1, 1), "error": between(0.5, 1), "freedom": between(3, 9)}
    yield Target(
        "Estimate.z", lambda expected, **e: Estimate(**e).z(expected), one | {"expected": between(-1, 1)}, True
    )
    yield Target(
        "Estimate.interval", lambda level, **e: Estimate(**e).interval(level), one | {"level": between(0.5, 0.9)}, True
    )
