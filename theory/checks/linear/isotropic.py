"""Limits of many points in many dimensions, for data of equal variances."""

from math import e

import numpy as np

from memgen.experiments.fluctuations import logdets
from memgen.statistics import Estimate, mean
from theory import linear
from theory.checks.check import Check, Observation
from theory.checks.linear.reductions import coefficient_of_log
from theory.checks.linear.simulated import RHO, limits, typical

# By dimension: of any given time, this is how the coefficient of ln d gets its least error.
_REPLICAS = {18: 50_000, 36: 60_000, 144: 7000}


def _affinity_root() -> list[Observation]:
    found = []
    for o in limits("log_affinity"):
        value = np.exp(o.estimate.value)
        found.append(Observation(o.args, Estimate(value, value * o.estimate.error)))
    return found


def _correction() -> list[Observation]:
    """The coefficient of ln d in E ln det AAᵀ − d·limit, fitted with a constant and a 1/d term.

    AAᵀ is drawn from its exact law (met by `linear.representation`), which affords thousands of replicas.
    """
    found = []
    for gamma, share in ((0.25, 0.15), (0.75, 1)):
        gaps = []
        for d, replicas in _REPLICAS.items():
            key = ("check", "linear.logdet_correction", gamma, d)
            drawn = logdets(d, int(d / gamma), RHO, round(share * replicas), key)
            gaps.append(mean(drawn - d * linear.generated_logdet(gamma, RHO)))
        found.append(Observation({"gamma": gamma, "rho": RHO}, coefficient_of_log(list(_REPLICAS), gaps, powers=(1,))))
    return found


CHECKS = [
    Check(
        "linear.logdet",
        linear.generated_logdet,
        2,
        lambda: limits("logdet"),
        {
            "plateau everywhere": lambda gamma, rho: np.log(rho),
            "ρ and 1−ρ exchanged, no plateau": lambda gamma, rho: (
                np.log(gamma) + (1 - gamma) / gamma * np.log((1 - gamma) / rho) * (gamma > rho)
            ),
            "logarithm of the trace": lambda gamma, rho: np.log(rho + (1 - rho) * gamma / (1 - gamma)),
        },
    ),
    Check(
        "linear.logdet_correction",
        linear.logdet_correction,
        2,
        _correction,
        {
            "none: annealed = quenched to all orders": lambda gamma, rho: 0.0,
            "in both phases": lambda gamma, rho: -0.5,
            "without Laplace's prefactor": lambda gamma, rho: -1.0 * (gamma > rho),
        },
        predict=lambda gamma, rho: linear.logdet_correction(e, gamma, rho) * e,
    ),
    Check(
        "linear.kl_generated_true",
        linear.kl_generated_true,
        2,
        lambda: limits("kl_generated_true"),
        {
            "factor 2": lambda gamma, rho: 2 * linear.kl_generated_true(gamma, rho),
            "infinite-sample floor": lambda gamma, rho: (rho - 1 - np.log(rho)) / 2,
            "trace term missing": lambda gamma, rho: (rho - 1 - linear.generated_logdet(gamma, rho)) / 2,
        },
    ),
    Check(
        "linear.kl_true_generated",
        linear.kl_true_generated,
        1,
        typical,
        {
            "the other direction": linear.kl_generated_true,
            "threshold at n = d": lambda gamma, rho: ((1 - gamma) / (1 - gamma) / rho - 1 + np.log(rho)) / 2,
        },
    ),
    Check(
        "linear.affinity",
        linear.log_affinity,
        2,
        lambda: limits("log_affinity"),
        {
            "infinite samples": lambda gamma, rho: np.log(rho) / 4 - np.log((1 + rho) / 2) / 2,
            "factor 2": lambda gamma, rho: 2 * linear.log_affinity(gamma, rho),
        },
    ),
    Check(
        "linear.shifted_logdet",
        linear.shifted_logdet,
        2,
        lambda: [
            Observation(
                {"gamma": o.args["gamma"], "rho": RHO, "shift": 1.0},
                Estimate(
                    float(linear.generated_logdet(o.args["gamma"], RHO)) / 2 - 2 * o.estimate.value + np.log(2),
                    2 * o.estimate.error,
                ),
            )
            for o in limits("log_affinity")
        ],
        {
            "Jensen: ln(1 + trace)": lambda shift, gamma, rho: np.log(shift + rho + (1 - rho) * gamma / (1 - gamma)),
            "population denoiser": lambda shift, gamma, rho: np.log(shift + rho),
        },
    ),
    Check(
        "linear.hellinger2",
        linear.hellinger2,
        2,
        _affinity_root,
        {
            "H² itself": lambda gamma, rho: linear.hellinger2(1, gamma, rho),
            "infinite samples": lambda gamma, rho: rho**0.25 / np.sqrt((1 + rho) / 2),
        },
        predict=lambda gamma, rho: 1 - linear.hellinger2(1, gamma, rho),
    ),
]
