"""What an audit says in words, and what the theory says of its nulls."""

import math
from collections.abc import Sequence

import numpy as np

from memgen.audit.decide import SINGLE, Decision
from memgen.audit.neighbours import Neighbourhoods
from memgen.audit.power import KINDS, POWER
from memgen.audit.result import Test, Verdict
from memgen.audit.statistics import Scan


def answer(
    verdict: Verdict,
    tests: Sequence[Test],
    scan: Scan,
    sizes: dict[str, int],
    copies: float,
    power: dict[str, float],
    detectable: dict[str, float],
) -> str:
    """Return in words why this is the verdict, and what would find the copies that could not have been found."""
    if verdict == "memorized":
        speaking = [test for test in tests if test.significant]
        first = min(speaking, key=lambda test: test.adjusted)
        named = {test.name for test in speaking}
        how = _COPIES if named & SINGLE else _BULK
        said = f"{how}: {len(speaking)} of {len(tests)} tests say so, first “{first.name}” (p = {first.adjusted:.2g})."
        expected = scan.cut * scan.generated / scan.total
        head = (
            f" Of the {scan.cut} closest pairs {scan.found} are of generated points, where {expected:.1f} are expected."
        )
        return said + (head if "near copies" in named else "")
    near = f"near copies, at {KINDS['near']:g} of the usual distance between records"
    loose = f"loose copies, at {KINDS['loose']:g} of it"
    if verdict == "undecidable":
        found = f"a share of {copies:g} of {near}, is found in only {power['near']:.0%} of trials"
        return (
            f"No test speaks for it, but at these sizes {found}. {_needed('near', sizes, copies, detectable['near'])}"
        )
    found = f"it finds {near}, from a share of {detectable['near']:.2g} on"
    if power["loose"] >= POWER:
        return f"No test of {len(tests)} speaks for it; {found}, and {loose}, from {detectable['loose']:.2g} on."
    more = _needed("loose", sizes, copies, detectable["loose"])
    return f"No test of {len(tests)} speaks for it; {found}. On {loose}, it cannot decide. {more}"


STRANGE = (
    "holdout: it is not a draw of the training set's law, since records of either set have their own for neighbours too"
    " often; tests that compare the two are left out (are there relatives within a set? then name them as groups)"
)
UNLIKE = (
    "No test speaks for it, but generated points and training records scatter so differently that they may be in other"
    " units, and then no copy can be found. Give both in the same one."
)
_COPIES = "Single generated points are copies of training records"
_BULK = "The generated points lie closer to training records than to fresh ones, though none is plainly a copy"


def _needed(kind: str, sizes: dict[str, int], copies: float, share: float) -> str:
    if math.isfinite(share):
        generated = math.ceil(share * sizes["generated"] / copies)
        return f"To find a share of {copies:g} of {kind} copies take {generated} generated points."
    more = "a larger holdout and training set" if sizes["holdout"] else "a holdout as large as the training set"
    return f"No number of generated points decides on {kind} copies here; take {more}."


def too_few(sizes: dict[str, int], least: int) -> str:
    """Return in words why nothing was tested."""
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


def crowded(test: Test) -> str:
    """Return in words what the count of equal rows says where nearly all generated rows are training rows."""
    often = "more often than fresh rows are" if test.significant else "but not clearly more often than fresh rows are"
    return (
        f"Nearly all generated rows are training rows, number for number, {often} (p = {test.adjusted:.2g}). Data that "
        "repeat themselves so much can be judged by nothing else."
    )


def closed(decision: Decision) -> list[str]:
    """Return for each test a line on what is known in closed form of its null, and where that holds."""
    from theory.criteria import authpct_null, null_flag_rate

    records, around = decision.around.records, decision.around
    ratios, dimension = decision.ratios(), max(1.0, float(np.median(around.own_dimension)))
    flagged = {name: float(np.mean(values < 1 / 3)) for name, values in ratios.items()}
    held = around.rows[~records.in_train[around.rows]]
    weights = np.bincount(decision.cell[held]) / max(len(held), 1)
    known = {
        "near copies": (
            f"⅓ rule: {flagged['generated']:.2%} of generated, {flagged['fresh']:.2%} of other points have d₁/d₂ < ⅓;"
            f" locally uniform in D = {dimension:.1f} dimensions 3^(−D) = {float(null_flag_rate(dimension)):.1e} have"
        ),
        "verbatim": "",
        "surest first": "",
        "closest record": "mean n_train/(n_train + n_holdout), exact; not binomial, since points share records",
        "AuthPct": (
            f"{float(authpct_null(dimension)):.1f} for a perfect generator, locally uniform in D = {dimension:.1f}"
            " dimensions, sets of equal size; above some 8 dimensions hubs raise it"
        ),
        "C_T": f"mean 0 for a perfect generator; deviation √Σw² = {np.linalg.norm(weights):.2f}, w weights of cells",
        "overlap": "mean 0, exact",
        "membership": "mean ½, exact",
        "membership in the law": _linear(around),
    }
    return [known[test.name] for test in decision.tests]


def _linear(around: Neighbourhoods) -> str:
    """Return a line on the null of membership in the law, and on what a linear denoiser would show instead."""
    from theory.membership import membership_auc

    n, d = int(around.records.in_train.sum()), around.records.pool.shape[1]
    if n <= d + 1:
        return "mean ½, exact"
    auc = float(membership_auc(n, d))
    return f"mean ½, exact; a Gaussian fitted to {n} points of a Gaussian law in {d} dimensions shows {auc:.3f}"
