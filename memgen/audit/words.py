"""What an audit says in words, and what the theory says of its nulls."""

import math
from collections.abc import Sequence

import numpy as np

from memgen.audit.decide import Decision
from memgen.audit.power import POWER
from memgen.audit.result import Test, Verdict

_SINGLE = ("near copies", "surest first")  # tests whose evidence is single points


def answer(
    verdict: Verdict,
    tests: Sequence[Test],
    sizes: dict[str, int],
    copies: float,
    power: dict[str, float],
    detectable: dict[str, float],
) -> str:
    """Why this is the verdict, and what would decide if nothing did."""
    if verdict == "memorized":
        found = [test for test in tests if test.significant]
        first = min(found, key=lambda test: test.adjusted)
        single = any(test.name in _SINGLE for test in found)
        how = "Single generated points are copies of training records" if single else _BULK
        return f"{how}: {len(found)} of {len(tests)} tests say so, first “{first.name}” (p = {first.adjusted:.2g})."
    if verdict == "no evidence":
        least = " and ".join(f"{share:.2g} of {kind} copies" for kind, share in detectable.items())
        return f"No test of {len(tests)} speaks for it; this audit would have found a share of {least}."
    weak = [kind for kind, p in power.items() if p < POWER]
    needed = "; ".join(_needed(kind, sizes, copies, detectable[kind]) for kind in weak)
    shares = ", ".join(f"{power[kind]:.0%} of plantings of {kind} copies" for kind in weak)
    return f"No test speaks for it, but at these sizes a share of {copies:g} is found in only {shares}. {needed}"


_BULK = "The generated points as a whole lie closer to the training records than to fresh ones, without single copies"


def _needed(kind: str, sizes: dict[str, int], copies: float, share: float) -> str:
    if math.isfinite(share):
        generated = math.ceil(share * sizes["generated"] / copies)
        return f"To decide on {kind} copies take {generated} generated points."
    more = "a larger holdout and training set" if sizes["holdout"] else "a holdout as large as the training set"
    return f"No number of generated points decides on {kind} copies here: take {more}."


def too_few(sizes: dict[str, int], least: int) -> str:
    """Why nothing was tested."""
    short = [f"{sizes[name]} {name}" for name in ("train", "generated") if sizes[name] < least]
    return f"Nothing can be tested with {' and '.join(short)} points: at least {least} of each are needed."


def cannot(sizes: dict[str, int], copies: float) -> tuple[str, ...]:
    """What this audit cannot tell."""
    lines = [
        f"Whether fewer than a share of about {copies:g} of the points, or points that were not generated, are copies.",
        "Whether content was copied in another place, pose or colour: points are compared number by number, unless you"
        " give features that do not see such changes.",
        "Whether the generated points are any good: a generator of noise passes.",
    ]
    if sizes["holdout"]:
        return (*lines, "Anything, if the holdout was not drawn as the training set was, or has relatives in it.")
    return (
        *lines,
        "Without a holdout: whether the generated points as a whole are closer to the training set than fresh points"
        " are, which no training set can tell alone. A tenth of the training data, held out, would do.",
        "Without a holdout: whether a close pair is a copy or a frequent motif of the law; look at the pairs.",
    )


def closed(decision: Decision) -> list[str]:
    """What is known in closed form of the null of each test, and where it holds."""
    from theory.criteria import authpct_null, null_flag_rate

    records, around = decision.around.records, decision.around
    ratios, dimension = decision.ratios(), float(np.median(around.own.dimension()))
    flagged = {name: float(np.mean(values < 1 / 3)) for name, values in ratios.items()}
    held = around.rows[~records.in_train[around.rows]]
    weights = np.bincount(decision.cell[held]) / max(len(held), 1)
    known = {
        "near copies": (
            f"⅓ rule: {flagged['generated']:.2%} of generated, {flagged['fresh']:.2%} of other points have d₁/d₂ < ⅓;"
            f" locally uniform in D = {dimension:.1f} dimensions 3^(−D) = {float(null_flag_rate(dimension)):.1e} have"
        ),
        "surest first": "",
        "closest record": "mean n_train/(n_train + n_holdout), exact; not binomial, since points share records",
        "AuthPct": (
            f"{float(authpct_null(dimension)):.1f} for a perfect generator, locally uniform in D = {dimension:.1f}"
            " dimensions, sets of equal size; above some 8 dimensions hubs raise it"
        ),
        "C_T": f"mean 0 for a perfect generator; deviation √Σw² = {np.linalg.norm(weights):.2f}, w weights of cells",
        "overlap": "mean 0, exact",
        "membership": "mean ½, exact",
    }
    return [known[test.name] for test in decision.tests]
