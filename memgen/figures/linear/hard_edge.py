"""Between n = d and n = d/ρ: quartiles of KL(O‖G), drawn along n/d and along d, and reduced to scores."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pandas.api.typing import SeriesGroupBy

from memgen.figures import plots
from memgen.figures.linear import numbers
from memgen.statistics import Estimate, extrapolate, quantile, quantile_estimate
from theory import linear
from theory.linear import edge_law

QUARTILES = (0.25, 0.5, 0.75)
_MEASURE = "kl_true_generated"  # KL(O‖G)/d


def quartiles(rows: pd.DataFrame) -> Figure:
    """The median of KL(O‖G)/d² along n/d at each ρ; its quartiles per dimension along d, at ρ = ½ and γ = ¾."""
    fig, (along, grown) = plots.figure(2)
    (d,) = rows[rows.study == "ratio"].d.unique()
    ratio = np.linspace(1 + 1 / d, 4.4, 2000)
    for k, tau in enumerate(sorted(rows[rows.study == "ratio"].tau.unique(), reverse=True)):
        rho = 1 / (1 + tau**2)
        groups = numbers.values(rows[(rows.n > d) & (rows.n < 4.5 * d)], "ratio", _MEASURE, tau=tau)
        middle, low, high = _quantiles(groups, 0.5) / d
        plots.simulated(along, np.array(list(groups.groups)) / d, middle, low, high, k, rf"$\rho = {rho:g}$")
        limit = linear.kl_true_generated_scale(d / (ratio * d - 1), rho) * edge_law.quantile(0.5)
        plots.theory(along, ratio, np.where(limit > 0, limit, np.nan), k)
    along.set(xlabel="samples per dimension $n/d$", ylabel=rf"median of $\mathrm{{KL}}(O\Vert G)/d^2$, $d = {d}$")
    along.set(xlim=(0.9, 4.5), ylim=(0, None))
    along.legend()
    groups = numbers.sizes(rows, _MEASURE, numbers.BEYOND)
    dims = np.array([size for size, _ in groups.groups])
    for k, p in enumerate(QUARTILES):
        middle, low, high = _quantiles(groups, p)
        plots.simulated(grown, dims, middle, low, high, k, f"{p:.0%} of training sets below")
        plots.theory(grown, dims, dims * _scales(groups) * edge_law.quantile(p), k)
    grown.set(xscale="log", yscale="log", xlabel=r"dimension $d$ ($\rho = ½$, $\gamma = ¾$)")
    grown.set(ylabel=r"$\mathrm{KL}(O\Vert G)/d$ [nats]", xticks=dims, xticklabels=[f"{d:g}" for d in dims])
    grown.set_ylim(3, 2e4)  # room for the legend
    grown.minorticks_off()
    grown.legend()
    return fig


def scores(rows: pd.DataFrame) -> list[float]:
    """z of each quartile of KL(O‖G)/d² at ρ = ½ and γ near ¾, extrapolated to d → ∞, against that of the limit law."""
    return [limit(rows, p).z(edge_law.quantile(p)) for p in QUARTILES]


def limit(rows: pd.DataFrame, p: float) -> Estimate:
    """The quantile p of KL(O‖G)/d² over its predicted scale, d → ∞: the quantile of Y if the theory is right."""
    groups = numbers.sizes(rows, _MEASURE, numbers.BEYOND)
    found = []
    for scale, ((d, _), replicas) in zip(_scales(groups), groups, strict=True):
        value, error, freedom = quantile_estimate(replicas, p)
        found.append(Estimate(value / (d * scale), error / (d * scale), freedom))
    return extrapolate(np.array([d for d, _ in groups.groups]), found, powers=(1,))[0]


def _scales(groups: SeriesGroupBy) -> np.ndarray:
    """The predicted scale of KL(O‖G)/d² at each (d, n), ρ = ½."""
    gammas = np.array([d / (n - 1) for d, n in groups.groups])
    return np.asarray(linear.kl_true_generated_scale(gammas, numbers.RHO_OF_SIZES))


def _quantiles(groups: SeriesGroupBy, p: float) -> np.ndarray:
    """The quantile p of each group with its interval: value, low and high, (3, groups)."""
    return np.array([quantile(replicas, p) for _, replicas in groups]).T
