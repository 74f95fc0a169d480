"""The tables of chapter 3 in Markdown, every number in them computed."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from memgen.figures.linear import numbers
from memgen.statistics import Estimate
from theory import linear


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. A vertical bar inside a cell must be written as \\mid or \\|."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def interval(estimate: Estimate) -> str:
    """The value with its 95% interval, as text."""
    return "{:.2f} [{:.2f}, {:.2f}]".format(estimate.value, *estimate.interval())


def answers(stored: pd.DataFrame) -> str:
    """Markdown: what is asked, the formula, and its value for unit data under unit noise or for the digits."""
    unit = float(linear.likelihood_threshold(np.ones(8), 1.0)) / 8
    found = numbers.digit_thresholds(stored)
    floor = float(linear.kl_generated_true(1e-12, 0.5))
    jump = float(np.exp(linear.log_affinity(1 - 1e-9, 0.5)))
    smallest, largest = found.dims[[0, -1]]
    predicted = round(float(smallest * found.predicted))
    return table(
        ("what is asked", "theory", "value"),
        [
            ("the variance of $G$ diverges at, $\\mathrm{KL}(G\\Vert O)$ is finite beyond", "$n = d$", "$d$"),
            (
                "$\\mathrm{KL}(O\\Vert G)/d$ has a limit beyond; unit data, unit noise",
                "$d + \\tau^2\\,\\mathrm{tr}\\,\\Sigma^{-1}$",
                f"${unit:g}\\,d$",
            ),
            (
                "the same for digits with a dither of variance 1/12, unit noise",
                "the same",
                f"${found.predicted:.2f}\\,d$, $n = {predicted}$",
            ),
            (
                f"measured for digits, $d = {smallest}$ and ${largest}$",
                "",
                f"${found.digits[0].value.value:.2f}\\,d$ and ${found.digits[-1].value.value:.2f}\\,d$",
            ),
            (
                "$\\mathrm{KL}(G\\Vert O)/d$ for infinitely many samples",
                "$(\\rho - 1 - \\ln\\rho)/2$",
                f"{floor:.3f} nats at $\\rho = ½$",
            ),
            ("of Hellinger's $H$, $(1-H^2)^{1/d}$ jumps from 0 at", "$n = d$", f"to {jump:.2f} at $\\rho = ½$"),
            ("and has a weak bend at", "$n = d/\\rho$", f"${1 / 0.5:g}\\,d$ at $\\rho = ½$"),
        ],
    )


def slopes(stored: pd.DataFrame) -> str:
    """Markdown: the coefficient of ln d in d times the gap of the log-determinant, fitted and predicted."""
    rows = []
    for gamma in (numbers.ON_PLATEAU, numbers.BEYOND):
        found = numbers.slope(stored, gamma)
        half = found.free.interval()[1] - found.free.value
        chi2 = f"{found.chi2:.1f} on {len(found.dims) - 1}"
        rows.append((f"{gamma:g}", f"{found.free.value:+.2f} ± {half:.2f}", f"{found.predicted:+.1f}", chi2))
    return table(("$\\gamma$", "coefficient of $\\ln d$", "predicted", "$\\chi^2$ of the drawn line"), rows)


def thresholds(stored: pd.DataFrame) -> str:
    """Markdown: predicted and measured thresholds of the digits, and of the Gaussian with their spectrum."""
    found = numbers.digit_thresholds(stored)

    def measured(data: str, d: int, at: numbers.Threshold) -> tuple[str, ...]:
        above = f"{at.value.value / found.predicted - 1:.0%}"
        return data, str(d), interval(at.value), f"{d * at.value.value:.0f}", above, f"{at.chi2:.1f}"

    beyond = f"{found.limit.value / found.predicted - 1:.0%}"
    predicted = (f"{found.predicted:.2f}", f"{64 * found.predicted:.0f}")
    return table(
        ("data", "$d$", "$n^\\star/d$", "$n^\\star$", "above theory", "$\\chi^2$ of the line, 2 free"),
        [
            ("digits, predicted", "64", *predicted, "", ""),
            measured("digits", 64, found.digits[0]),
            measured("Gaussian, same spectrum", 64, found.surrogate),
            *(measured("digits", int(d), t) for d, t in zip(found.dims[1:], found.digits[1:], strict=True)),
            ("digits, extrapolated", "∞", interval(found.limit), "", beyond, ""),
        ],
    )
