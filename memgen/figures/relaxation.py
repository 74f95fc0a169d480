"""Chapter 2, drawn: the tilted variance, what a linear score leaves, and when the law itself is forgotten.

Blue is one Gaussian or the best linear score, orange two Gaussians or the tangent, green the skewed law. Expansions are
dotted.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import softmax

from memgen.experiments.relaxation import LAWS, Law, parts
from memgen.figures import plots
from memgen.statistics import Estimate, mean
from theory import mixture, relaxation
from theory.checks.report import Report

SCORES = (("least_squares", "best linear score"), ("taylor", "tangent"))
NAMES = {"gaussian": "one Gaussian", "mixture": "two Gaussians", "skewed": "skewed"}
Estimates = Mapping[tuple[str, str, float], Estimate]


def estimates(rows: pd.DataFrame) -> dict[tuple[str, str, float], Estimate]:
    """Means over replicas by law, measure and time."""
    return {key: mean(part.value.to_numpy()) for key, part in rows.groupby(["law", "measure", "t"])}


def times(found: Estimates) -> list[float]:
    """The times at which the laws were simulated."""
    return sorted({t for _, _, t in found})


def cumulants(law: Law, separation: float) -> dict[str, float]:
    """The cumulants κ₂ to κ₆ of the law: those of its Gaussians' means, and in κ₂ their variance as well."""
    weights, means, variance = parts(law, separation)
    mu2, mu3, mu4, mu5, mu6 = (float(weights @ means**k) for k in (2, 3, 4, 5, 6))
    sixth = mu6 - 15 * mu4 * mu2 - 10 * mu3**2 + 30 * mu2**3
    return {"k2": mu2 + variance, "k3": mu3, "k4": mu4 - 3 * mu2**2, "k5": mu5 - 10 * mu2 * mu3, "k6": sixth}


def tilt(t: Any) -> np.ndarray:
    """The tilt 1/τ² at time t, for the noise scale λ = 1."""
    return 1 / np.expm1(2 * np.asarray(t, float))


def quadratic_form(law: Law, separation: float, t: Any) -> np.ndarray:
    """Var(π_t)/τ² at times t, exact: each Gaussian of the law stays a Gaussian when tilted."""
    weights, means, variance = parts(law, separation)
    tau2 = np.expm1(2 * np.asarray(t, float))[..., None]
    p = softmax(np.log(weights) - means**2 / (2 * (variance + tau2)), axis=-1)
    centre, inner = means * tau2 / (variance + tau2), variance * tau2 / (variance + tau2)
    middle = (p * centre).sum(-1, keepdims=True)
    return (inner[..., 0] + (p * (centre - middle) ** 2).sum(-1)) / tau2[..., 0]


def expanded_form(law: Law, separation: float, t: Any) -> np.ndarray:
    """`quadratic_form` by its expansion to second order in the tilt."""
    k = cumulants(law, separation)
    return tilt(t) * relaxation.tilted_variance(tilt(t), k["k2"], k["k3"], k["k4"], k["k6"])


def passes_half(law: Law, separation: float) -> float:
    """The last time, to 0.001, at which Var(π_t)/τ² of the law falls below ½: its t_R by the paper's definition."""
    fine = np.arange(1e-3, np.log(separation) + 3, 1e-3)
    return float(fine[np.flatnonzero(quadratic_form(law, separation, fine) >= 0.5).max() + 1])


def linear_errors(law: Law, separation: float, t: float) -> tuple[float, float]:
    """Γ E|∇ln p_t − linear|² of the best linear score and of the tangent at 0; Γ the noised variance of one part.

    By the trapezoidal rule over each Gaussian of the law, which is exact to rounding: what is integrated is smooth.
    """
    weights, means, variance = parts(law, separation)
    spread2 = variance + float(np.expm1(2 * t))
    z = np.linspace(-12, 12, 2401)
    u = (means[:, None] + spread2**0.5 * z).ravel()
    p = (weights[:, None] * np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()).ravel()

    def middle(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the means of the parts that may have led to a noised point."""
        share = softmax(np.log(weights) - (at[:, None] - means) ** 2 / (2 * spread2), axis=1)
        centre = share @ means
        return centre, (share * (means - centre[:, None]) ** 2).sum(1)

    score = (middle(u)[0] - u) / spread2
    (centre,), (scatter,) = middle(np.zeros(1))
    tangent = centre / spread2 + (scatter / spread2 - 1) / spread2 * u
    best = -u / (spread2 + weights @ means**2)  # of centred data; E(score·u) = −1 whatever the law
    return spread2 * float(p @ (score - best) ** 2), spread2 * float(p @ (score - tangent) ** 2)


def contrast(half: float, t: Any) -> Any:
    """b² of two Gaussians at ±half: their squared distance from the middle over the noised variance of one."""
    return half**2 / (1 + np.expm1(2 * np.asarray(t, float)))


def relaxation_times(separation: float) -> dict[str, float]:
    """The time t_R at which Var(π_t)/τ² passes ½, by law: two Gaussians, and one Gaussian of the same variance."""
    one = float(relaxation.relaxation_time(1 + separation**2))
    return {"gaussian": one, "mixture": float(mixture.mixture_relaxation_time(separation))}


def draw_form(found: Estimates, separation: float) -> Figure:
    """Draw the quadratic form Var(π_t)/τ² against time, for the three laws."""
    fig, (axes,) = plots.figure(1, height=3.6)
    grid = times(found)
    fine = np.linspace(grid[0], grid[-1], 200)
    late = fine[fine > np.log(separation) + 0.35]
    for k, law in enumerate(LAWS):
        plots.theory(axes, fine, quadratic_form(law, separation, fine), k)
        axes.plot(late, expanded_form(law, separation, late), ":", color=f"C{k}")
        _simulated(axes, found, law, "share", k)
    for k, law in enumerate(LAWS):
        start = float(quadratic_form(law, separation, fine[0]))
        plots.label_line(axes, fine[0], start, NAMES[law], k, xytext=(4, (2, 5, -23)[k]))
    for name, t in relaxation_times(separation).items():
        plots.threshold(axes, t, "$t_R$, one" if name == "gaussian" else "$t_R$, two")
    for level in (0.5, 1):
        axes.axhline(level, color="0.7", linewidth=0.8)
    axes.set(xlabel="time $t$", ylabel=r"$\mathrm{Var}(\pi_t)/\tau^2$", yscale="log", ylim=(0.04, 4))
    axes.set_yticks([0.1, 0.5, 1], ["0.1", "½", "1"])
    return fig


def draw_errors(found: Estimates, separation: float) -> Figure:
    """Squared error of the best linear score and of the tangent against time: two Gaussians, and skewed data."""
    fig, panels = plots.figure(2, height=3.4)
    grid = times(found)
    fine = np.linspace(grid[0], grid[-1], 200)
    late = fine > np.log(separation) + 0.35
    laws: tuple[Law, ...] = ("mixture", "skewed")
    for axes, law in zip(panels, laws, strict=True):
        for k, exact in enumerate(np.transpose([linear_errors(law, separation, t) for t in fine])):
            plots.theory(axes, fine, exact, k)
        for k, ((measure, name), form) in enumerate(zip(SCORES, late_forms(law, separation, fine), strict=True)):
            axes.plot(fine[late], form[late], ":", color=f"C{k}")
            _simulated(axes, found, law, measure, k)
            at, where = ((grid[-1], {"xytext": (-22, -6), "ha": "right"}), (grid[0], {"xytext": (8, 0)}))[k]
            plots.label_line(axes, at, found[law, measure, at].value, name.replace("linear ", "linear\n"), k, **where)
        plots.threshold(axes, relaxation_times(separation)["gaussian" if law == "skewed" else law], "$t_R$")
        axes.set(xlabel=f"time $t$, {NAMES[law]}", ylabel=r"$\Gamma\,E|\nabla\ln p_t-\mathrm{linear}|^2$", yscale="log")
    return fig


def late_forms(law: Law, separation: float, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Late errors of the best linear score and of the tangent, times Γ = 1 + τ²."""
    k, a = cumulants(law, separation), tilt(t)
    scale = (1 + 1 / a) / (k["k2"] + 1 / a)  # the formulas come times the variance of x_t
    best = relaxation.late_score_error(a, k["k2"], k["k3"], k["k4"]) * scale
    return best, relaxation.taylor_score_error(a, k["k2"], k["k3"], k["k4"], k["k5"]) * scale


def draw_forgetting(found: Estimates, separation: float) -> Figure:
    """Left: KL of two Gaussians in many dimensions to pure noise. Right: that of one Gaussian, at two noise scales."""
    fig, (left, right) = plots.figure(2, height=3.4)
    grid = times(found)
    wide = np.linspace(grid[0], grid[-1] + 1, 200)
    relaxed = relaxation_times(separation)["mixture"]
    for k, (size, later) in enumerate({1: -0.4, 1024: 0.2, 65536: 0.55}.items()):
        entropy = relaxation.mixture_relaxation_kl(wide, separation, size)
        plots.theory(left, wide, entropy, k)
        place, where = relaxed + later, {"ha": "right", "xytext": (-4, -11)} if later < 0 else {}
        plots.label_line(left, place, np.interp(place, wide, entropy), f"d = {size}", k, **where)
    _simulated(left, found, "mixture", "kl", 0)
    left.axhline(0.1, color="0.7", linewidth=0.8)
    plots.threshold(left, relaxed, "$t_R$")
    ends, unit = np.linspace(0.2, 4, 200), np.ones(100)
    shrunk = [float(relaxation.relaxation_kl(end, unit, np.exp(-2 * end))) for end in ends]
    plots.theory(right, ends, relaxation.relaxation_kl(ends, unit), 0)
    plots.theory(right, ends, shrunk, 1)
    plots.label_line(right, ends[60], float(relaxation.relaxation_kl(ends[60], unit)), r"$\lambda = 1$", 0)
    plots.label_line(right, ends[60], shrunk[60], r"$\lambda = e^{-2T}$", 1)
    right.axhline(floor(100), color="0.3", linestyle=":")
    right.annotate(r"its limit", (2.2, floor(100)), xytext=(0, -12), textcoords="offset points", fontsize=9)
    left.set(xlabel="time $t$", ylabel="KL to pure noise [nats]", yscale="log", ylim=(2e-3, 60))
    right.set(xlabel="end time $T$", ylabel="KL to pure noise [nats]", yscale="log", ylim=(3e-2, 300))
    return fig


def floor(d: int) -> float:
    """The nats from pure noise left however late the end time T, with noise scale e^{−2T} and d unit variances.

    Signal and noise shrink together.
    """
    return d * (1 - float(np.log(2))) / 2


def _simulated(axes: Axes, found: Estimates, law: str, measure: str, k: int) -> None:
    grid = times(found)
    shown = [found[law, measure, t] for t in grid]
    low, high = np.transpose([e.interval() for e in shown])
    plots.simulated(axes, grid, [e.value for e in shown], low, high, k)


def left_over(half: float, late: float) -> dict[str, float]:
    """At `late` after t_R, for two Gaussians at ±half: b², the errors of the best linear score and of the tangent."""
    b2 = float(contrast(half, relaxation_times(half)["mixture"] + late))
    errors = float(mixture.linear_score_error(b2)), float(relaxation.mixture_taylor_error(b2))
    return {"b2": b2, "best": errors[0], "tangent": errors[1]}


def table_of_times(separation: float) -> str:
    """Markdown: when each thing that `relaxed` may mean has happened, by the law that is diffused."""
    at = relaxation_times(separation)
    reached = {d: float(relaxation.mixture_information_time(0.1, separation, d)) for d in (1, 1024, 65536)}
    equal = {d: float(relaxation.information_time(1e-3, np.ones(d))) for d in (1, 16, 256)}
    rows = [
        ("Var(π)/τ² at ½: $t_R$", "one Gaussian of the same variance", at["gaussian"]),
        ("", f"two at ±{separation:g}", at["mixture"]),
        *(("0.1 nats from pure noise", f"two at ±{separation:g}, d = {d}", t) for d, t in reached.items()),
        *(("0.001 nats from pure noise", f"one, d = {d} equal directions", t) for d, t in equal.items()),
    ]
    return _table(("what has happened", "law", "at time"), [(a, b, f"{t:.2f}") for a, b, t in rows])


def table_of_errors(separation: float) -> str:
    """Markdown: the errors of the best linear score and the tangent, two Gaussians at two separations and two times."""
    rows = []
    for half in (separation, 100.0):
        for late in (0.0, 0.5):
            left = left_over(half, late)
            rows.append(
                (
                    f"±{half:g}",
                    "$t_R$" if not late else "$t_R + ½$",
                    f"{left['best']:.1e}",
                    f"{left['tangent']:.1e}",
                    f"{left['tangent'] / left['best']:.1f}",
                )
            )
    return _table(("two at", "time", "best linear score", "tangent", "ratio"), rows)


def late_ratio(law: Law, separation: float) -> float:
    """The late limit of the tangent's error over that of the best linear score."""
    k = cumulants(law, separation)
    a = 1e-9 / k["k2"]
    tangent = relaxation.taylor_score_error(a, k["k2"], k["k3"], k["k4"], k["k5"])
    return float(tangent / relaxation.late_score_error(a, k["k2"], k["k3"], k["k4"]))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def state(report: Report, found: Estimates, separation: float) -> None:
    """State in `report` the chapter's comparisons: nine that must hold at every time, three to be rejected."""
    grid = times(found)
    middle = [t for t in grid if abs(t - relaxation_times(separation)["mixture"]) < 0.6]

    def scores(law: str, measure: str, exact: Callable[[float], Any], at: list[float] = grid) -> list[float]:
        return [found[law, measure, t].z(float(exact(t))) for t in at]

    for law in LAWS:
        report.meets(f"tilted variance, {law}", scores(law, "share", partial(quadratic_form, law, separation)))
    one = np.array([1 + separation**2])
    report.meets("KL, one Gaussian", scores("gaussian", "kl", lambda t: relaxation.relaxation_kl(t, one)))
    two = scores("mixture", "kl", lambda t: relaxation.mixture_relaxation_kl(t, separation, 1))
    report.meets("KL, two Gaussians", two)
    best = scores("mixture", "least_squares", lambda t: mixture.linear_score_error(contrast(separation, t)))
    report.meets("best linear score, two Gaussians", best)
    tangent = scores("mixture", "taylor", lambda t: relaxation.mixture_taylor_error(contrast(separation, t)))
    report.meets("tangent, two Gaussians", tangent)
    left = np.transpose([linear_errors("skewed", separation, t) for t in grid])
    for (measure, name), exact in zip(SCORES, left, strict=True):
        report.meets(f"{name}, skewed", scores("skewed", measure, dict(zip(grid, exact, strict=True)).__getitem__))
    wrong: dict[str, tuple[str, Callable[[float], Any]]] = {
        "the mixture as a Gaussian of its variance": ("share", lambda t: quadratic_form("gaussian", separation, t)),
        "the tangent as good as the best": ("taylor", lambda t: mixture.linear_score_error(contrast(separation, t))),
        "late form at speciation": ("least_squares", lambda t: 2 / 3 * contrast(separation, t) ** 4),
    }
    for name, (measure, predict) in wrong.items():
        report.rejects(name, scores("mixture", measure, predict, middle))
