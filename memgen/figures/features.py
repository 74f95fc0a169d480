"""What chapter 10 draws, tabulates and compares."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.denoisers.kernels import gram, noised_copies
from memgen.experiments.features import EARLY, KERNEL, LATE, TIMES, WIDE
from memgen.experiments.lazy import TAU, Beside, distances, steps
from memgen.figures import plots
from memgen.figures.curves import Curve, curve, markers, means, of_logs
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import stream
from theory.checks.features import CHECKS
from theory.checks.report import Report
from theory.features import (
    ALL_NOISES,
    ARCSINE,
    Bands,
    Kernel,
    Setting,
    autoencoder_error,
    autoencoder_variance,
    features_test_loss,
    flow_losses,
    gram_bands,
    gram_density,
    half_times,
    halfway,
    limit_block,
    sine_setting,
    spectral_density,
)

ROOTS = (0.5, 1)  # powers of 1/d in which autoencoders approach infinite d
_DENSE = np.geomspace(TIMES[0], TIMES[-1], 200)
_ONE_TWO_FIVE = [lead * 10.0**k for k in range(-9, 9) for lead in (1, 2, 5)]


# -- random features by width ---------------------------------------------------------------------------------------


def part(rows: pd.DataFrame, name: str, measure: str = "test") -> pd.DataFrame:
    """The rows of one part and measure of the experiment."""
    return rows[(rows["part"] == name) & (rows["measure"] == measure)]


def widths(rows: pd.DataFrame, t: float) -> Figure:
    """Loss on fresh points against the number of features, by noises a point: trained long (left), stopped (right)."""
    fig, panels = plots.figure(2, height=3.2)
    found = part(rows, "width")
    samples = float(found["samples"].iloc[0])
    dense = samples * np.geomspace(0.2, 20, 90)
    stops = np.stack([np.full(len(dense), LATE), EARLY / dense], axis=1)
    lines = {m: flow_losses(sine_setting(dense, samples, m or ALL_NOISES, t), stops)[1] for m in _counts(found)}
    ends = np.array([(line.min(), line.max()) for line in lines.values()])
    for axes, time, title in zip(
        panels, (LATE, EARLY), ("trained for long", rf"stopped at $t_{{\rm train}}$ = {EARLY:g} d/p"), strict=True
    ):
        for k, m in enumerate(_counts(found)):
            plots.theory(axes, dense / samples, lines[m][:, (LATE, EARLY).index(time)], k)
            seen = limits(found[(found["noises"] == m) & (found["at"] == time)], "features")
            markers(axes, seen._replace(x=seen.x / samples), k, plots.MARKERS[k])
            label = f"m = {m}" if m else "all noises"
            plots.entry(axes, k, label)
        reach = (0.8 * min(0.9, ends.min()), max(10, 1.2 * ends.max()))
        axes.set(xscale="log", yscale="log", ylim=reach, xlabel="features over points, p/n", title=title)
        axes.set_xticks([0.25, 1, 2, 8], ["1/4", "1", "2", "8"])
        plots.plain_ticks(axes, _ONE_TWO_FIVE)
        axes.minorticks_off()
    panels[0].set(ylabel="loss on fresh points")
    panels[1].legend()
    return fig


def limits(found: pd.DataFrame, by: str, powers: tuple[float, ...] = (1, 2)) -> Curve:
    """The curve of `limit` along the column `by`."""
    return curve(*zip(*((x, limit(of, powers)) for x, of in found.groupby(by)), strict=True))


def limit(found: pd.DataFrame, powers: tuple[float, ...] = (1, 2)) -> Estimate:
    """The mean of the column `value`, extrapolated to d → ∞ in powers of 1/d, at most one fewer than there are d."""
    sizes, values = zip(*((d, mean(of["value"])) for d, of in found.groupby("d")), strict=True)
    return extrapolate(np.array(sizes), list(values), powers=powers[: len(sizes) - 1])[0]


def _counts(found: pd.DataFrame) -> list[int]:
    """The numbers of noises a point, rising; 0, which stands for all noises, comes last."""
    return sorted(found["noises"].unique().tolist(), key=lambda m: m or np.inf)


# -- random features in training ------------------------------------------------------------------------------------


def paces(rows: pd.DataFrame) -> tuple[Curve, Curve]:
    """Two curves along n/d, d → ∞: the times of `halfway` by which the law is half learnt, and the points by heart."""
    courses = rows[rows["part"] == "time"].pivot(
        index=["samples", "d", "replica"], columns=["measure", "at"], values="value"
    )
    times = courses["test"].columns.to_numpy()
    halves = [
        halfway(times, *both) for both in zip(courses["train"].to_numpy(), courses["test"].to_numpy(), strict=True)
    ]
    found = pd.DataFrame(np.log(halves), index=courses.index).reset_index()
    learnt, kept = (limits(found.rename(columns={k: "value"}), "samples") for k in (0, 1))
    return of_logs(learnt), of_logs(kept)


def _times(found: Curve, factor: float | np.ndarray) -> Curve:
    return Curve(found.x, *(part * factor for part in found[1:]))


def times(rows: pd.DataFrame, t: float) -> Figure:
    """Left: losses in the course of training, all noises seen. Right: when the law, and when the points, are learnt."""
    fig, (left, right) = plots.figure(2, height=3.3)
    sizes = sorted(part(rows, "time")["samples"].unique())
    shown = sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]})
    for k, samples in enumerate(shown):
        both = flow_losses(sine_setting(WIDE, samples, ALL_NOISES, t), _DENSE)
        for name, line, filled in zip(("train", "test"), both, (True, False), strict=True):
            plots.theory(left, _DENSE, line, k)
            seen = limits(part(rows, "time", name).loc[lambda r, at=samples: r["samples"] == at], "at")
            markers(left, Curve(*(v[::3] for v in seen)), k, plots.MARKERS[k], filled)
        plots.entry(left, k, f"n/d = {samples:g}")
    left.axhline(np.exp(-2 * t), color="0.4", linewidth=0.9, linestyle=":")
    left.set(xscale="log", yscale="log", xlabel=r"training time $t_{\rm train}$", ylabel="loss")
    plots.plain_ticks(left, _ONE_TWO_FIVE)
    left.minorticks_off()
    left.legend()
    dense = np.geomspace(0.4, 16, 9)
    drawn = {wide: half_times(sine_setting(wide, dense, ALL_NOISES, t)) * wide for wide in (WIDE, 4 * WIDE, 16 * WIDE)}
    for k, ((wide, lines), side) in enumerate(zip(drawn.items(), ("top", "center", "bottom"), strict=True)):
        plots.theory(right, dense, lines[:, 1], k)
        right.plot(dense, lines[:, 0], plots.LINES[k], color="0.4")
        plots.label_line(right, dense[-1], lines[-1, 1], f"p/d = {wide:g}", k, va=side, xytext=(4, 0))
    for seen, color, marker in zip(paces(rows), (1, 0), ("s", "o"), strict=True):
        markers(right, _times(seen, WIDE), color, marker)
    # Where no time is measured the intervals span decades: the lines set the limits. Room for their names at the right.
    reach = np.array([(lines.min(), lines.max()) for lines in drawn.values()])
    right.set(xscale="log", yscale="log", xlabel="points to a dimension, n/d")
    right.set(xlim=(0.8 * dense[0], 6 * dense[-1]), ylim=(reach.min() / 3, 3 * reach.max()))
    right.set_ylabel(r"training time $t_{\rm train}\cdot p/d$")
    right.set_xticks([0.5, 1, 2, 4, 8, 16], ["½", "1", "2", "4", "8", "16"])
    right.minorticks_off()
    return fig


# -- the spectrum ---------------------------------------------------------------------------------------------------


def spectrum(rows: pd.DataFrame, t: float) -> Figure:
    """Draw the number of eigenvalues of the features' covariance on the training set above u, over d."""
    fig, (axes,) = plots.figure(1, height=3.1)
    found = part(rows, "spectrum", "below")
    p, n = (float(found[name].iloc[0]) for name in ("features", "samples"))
    setting = sine_setting(p, n, ALL_NOISES, t)
    markers(axes, _counted(found, p), 0)
    dense = np.geomspace(1e-3, 1e2, 6000)
    plots.theory(axes, dense[:-1], _beyond(dense, spectral_density(setting, dense, 1e-4), p), 0)
    low, high = memory_edges(setting)
    axes.axvspan(low, high, color="0.9", zorder=0)
    for count, x, text in ((p, 2e-3, "p"), (n + 1, 2e-3, "n + d"), (1, 2e-3, "d")):
        axes.axhline(count, color="0.5", linewidth=0.8, linestyle=":")
        axes.annotate(text, (x, count), (0, 3), textcoords="offset points", fontsize=9, color="0.3")
    axes.set(xscale="log", yscale="log", xlim=(1e-3, 30), ylim=(0.05, 20))
    axes.set(xlabel="eigenvalue u, the rate of training", ylabel="eigenvalues above u, by d")
    axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    return fig


def _counted(found: pd.DataFrame, whole: float) -> Curve:
    """How many of `whole` eigenvalues lie above each place, by the shares below it; places with none are left out."""
    below = means(found, "at")
    above = Curve(below.x, *(whole * (1 - share) for share in (below.middle, below.high, below.low)))
    return Curve(*(values[above.middle > 0] for values in above))


def _beyond(z: np.ndarray, density: np.ndarray, whole: float) -> np.ndarray:
    """How many of `whole` eigenvalues lie between each z but the last and the last z, from their density at z."""
    mass = np.diff(z) * np.convolve(density, [0.5, 0.5], "valid")
    return whole * mass[::-1].cumsum()[::-1]


def memory_edges(s: Setting) -> tuple[float, float]:
    """The ends s² + v²(1 ± √(p/n))² of the points' band of eigenvalues, d ≪ n ≪ p (Bonnaire et al., Theorem 3.2)."""
    ratio = np.sqrt(s.features / s.samples)
    return float(s.fresh + s.common * (1 - ratio) ** 2), float(s.fresh + s.common * (1 + ratio) ** 2)


# -- infinitely wide networks ---------------------------------------------------------------------------------------


def kernels(rows: pd.DataFrame, t: float) -> Figure:
    """Draw how many eigenvalues of an infinitely wide network's Gram matrix lie above z, over d: all; the smallest."""
    fig, panels = plots.figure(2, height=3.2)
    found, (samples, m) = part(rows, "kernel", "below"), KERNEL
    sizes = sorted(found["d"].unique().tolist())
    bands, parts = bands_of_kernel(t), ARCSINE.parts(t)
    dense = np.geomspace(bands.copies / 20, 3 * bands.generalization, 20_000)
    far = _above(dense, limit_block(m, parts["common"], parts["fresh"]), t, bands.points / 1000)
    low = dense[dense < 5 * bands.points][:: len(dense) // 300]
    shown = {d: 1 + _above(low, blocks(t, d), t, bands.points / 500) for d in dict.fromkeys((sizes[0], sizes[-1]))}
    for axes, scale, last in zip(panels, ("log", "linear"), (np.inf, 1.3 * bands.points), strict=True):
        plots.theory(axes, dense[:-1], far, 3)
        for k, (d, line) in enumerate(shown.items()):
            seen = _counted(found[found["d"] == d], samples * m)
            markers(axes, Curve(*(values[seen.x < last] for values in seen)), k, plots.MARKERS[k])
            axes.plot(low[:-1], line, plots.LINES[k + 1], color=f"C{k}")
            axes.plot([], [], plots.LINES[k + 1], marker=plots.MARKERS[k], color=f"C{k}", mfc="white", label=f"d = {d}")
        axes.plot([], [], plots.LINES[3], color="C3", label="d → ∞")
        axes.set(xlabel="eigenvalue z, the rate of training", xscale=scale, yscale=scale)
    for count, text in ((samples * m, "n·m"), (samples + 1, "n + d"), (1, "d")):
        panels[0].axhline(count, color="0.5", linewidth=0.8, linestyle=":")
        panels[0].annotate(text, (0.06, count), (0, 3), ("axes fraction", "data"), "offset points", fontsize=9)
    panels[0].set(xlim=(dense[0], dense[-1]), ylim=(0.1, 2 * samples * m), ylabel="eigenvalues above z, by d")
    panels[0].set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    panels[1].axvline(bands.memorization, color="0.5", linewidth=0.8, linestyle=":")
    panels[1].annotate("memorization, n ≫ d", (bands.memorization, 1), (4, 0), textcoords="offset points", fontsize=9)
    panels[1].set(xlim=(0, 1.3 * bands.points), ylim=(0, 1.05 * samples * m))
    panels[1].legend()
    return fig


def bands_of_kernel(t: float, kernel: Kernel = ARCSINE) -> Bands:
    """Where the eigenvalues of the Gram matrix lie for many points, of the kernel shown unless another is given."""
    return gram_bands(*KERNEL, **kernel.parts(t))


def kernel_losses(t: float, ridges: Sequence[float] = (100.0, 10.0, 1.0, 0.1, 0.01)) -> str:
    """Markdown: loss on fresh points of kernel regression, by noises a point and ridge; for p = 10⁶ d features.

    In features' units the ridge λ of a kernel is λ p/(nm).
    """
    samples, wide = KERNEL[0], 1e6
    lines = [f"| noises a point | {' | '.join(f'λ = {ridge:g}' for ridge in ridges)} |", "|--:|" + "--:|" * len(ridges)]
    for m in (1, KERNEL[1], 64):
        size = {"features": wide, "samples": samples, "noises": m, **ARCSINE.parts(t)}
        left = [float(features_test_loss(ridge=ridge * wide / (samples * m), **size)) for ridge in ridges]
        lines.append(f"| {m} | {' | '.join(f'{value:.2f}' for value in left)} |")
    return "\n".join(lines)


def blocks(t: float, d: int, count: int = 300) -> np.ndarray:
    """The blocks (count, m, m) of the Gram matrix for the copies of single points, less what is linear, at finite d."""
    rng, m = stream("copies of a point", t, d), KERNEL[1]
    grams = np.stack([gram("arcsine", noised_copies(rng, 1, m, d, t)) for _ in range(count)])
    # (2/π)(arcsin s − s) is left: between different points there is s alone, linear in u and in u'
    return grams - 2 / np.pi * np.sin(np.pi / 2 * grams)


def spread(t: float) -> float:
    """√d times the standard deviation of the eigenvalues that belong to differences of a point's copies at finite d."""
    d, m = 4000, KERNEL[1]
    apart = np.linalg.svd(np.ones((1, m)))[2][1:]  # differences of copies
    rates = np.linalg.eigvalsh(apart @ blocks(t, d) @ apart.T)
    return float(rates.std() * np.sqrt(d))


def _above(z: np.ndarray, rest: np.ndarray, t: float, width: float) -> np.ndarray:
    """The number of eigenvalues over d that lie between each z but the last and the last z, by theory.

    `rest` is what of the Gram matrix is not linear among a point's copies, `width` the blur of the density.
    """
    samples, m = KERNEL
    parts = ARCSINE.parts(t)
    return _beyond(z, gram_density(samples, parts["of_point"], parts["of_noise"], rest, z, width), samples * m)


# -- a two-layer autoencoder ----------------------------------------------------------------------------------------


def autoencoders(stored: pd.DataFrame) -> Figure:
    """Left: n times the error of generated means. Right: generated variance. Both by n and noises a point, at d → ∞."""
    fig, (left, right) = plots.figure(2, height=3.2)
    decay, sigma = (float(stored[name].iloc[0]) for name in ("decay", "sigma"))
    sizes = sorted(stored["n"].unique().tolist())
    dense = np.geomspace(sizes[0], 1.3 * sizes[-1], 200)
    for axes, formula, measure in ((left, autoencoder_error, "error"), (right, autoencoder_variance, "variance")):
        power = 1 if measure == "error" else 0  # of n, by which values are multiplied
        for k, m in enumerate([*sorted(stored["noises"].unique()), ALL_NOISES]):
            plots.theory(axes, dense, dense**power * formula(dense, m, decay, sigma), k)
            found = stored[(stored["noises"] == m) & (stored["measure"] == measure)]
            if simulated := len(found) > 0:
                seen = limits(found, "n", ROOTS)
                markers(axes, _times(seen, seen.x**power), k, plots.MARKERS[k])
            marker, label = (plots.MARKERS[k], f"m = {m}") if simulated else ("", "all noises")
            axes.plot([], [], plots.LINES[k], marker=marker, color=f"C{k}", mfc="white", label=label)
        axes.axhline(sigma**2, color="0.5", linewidth=0.9, linestyle=":")
        axes.set(xscale="log", xlabel="training points n", xlim=(0.85 * sizes[0], dense[-1]), ylim=(0, None))
        axes.set_xticks(sizes, [str(n) for n in sizes])
        axes.minorticks_off()
    left.set(ylabel="n × error of the generated means")
    right.set(ylabel="generated variance within a class")
    left.legend()
    return fig


# -- networks beside their linearisation ----------------------------------------------------------------------------

_SHOWN = (("network", "o", True, "-"), ("linearised", "s", False, "--"))


def lazy(stored: pd.DataFrame) -> Figure:
    """Draw networks beside linearisations: memory and distance from the law by steps; time to memory, copies by n."""
    fig, panels = plots.figure(4, height=3.0)
    widths, sizes = (sorted(stored[name].unique()) for name in ("hidden", "n"))
    courses = stored[(stored["tau"] == TAU) & (stored["points"] == "train") & (stored["measure"] == "a")]
    for k, n in enumerate(sizes[1::2], len(widths)):  # colours of their own
        seen = _courses(panels[0], courses[(courses["hidden"] == widths[-1]) & (courses["n"] == n)], k)
        risen = int((seen.middle < 0.65).sum())  # in the first half of the rise
        at = min(risen, len(seen.x) - 1)
        plots.label_line(
            panels[0],
            seen.x[at],
            seen.middle[at],
            f"n = {n}",
            k,
            ha="right" if n == sizes[1] else "left",
            xytext=(-8 if n == sizes[1] else 10, -4),
        )
    panels[0].set(ylim=(-0.05, 1.02), ylabel=f"memorized fraction, {widths[-1]} units")
    far = distances(stored).reset_index()
    far = far[far["n"] == sizes[-1]]
    start = far.groupby(["generator", "hidden", "replica"])["value"].transform("first")
    far = far.assign(value=far["value"] / start)
    for k, hidden in enumerate(widths):
        seen = _courses(panels[1], far[far["hidden"] == hidden], k)
        plots.label_line(panels[1], seen.x[-1], seen.middle[-1], f"{hidden} units", k, ha="right", xytext=(2, 9))
    panels[1].set(yscale="log", ylabel=f"distance from the law, n = {sizes[-1]}")
    panels[1].set_yticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
    for axes in panels[:2]:
        axes.set(xscale="log", xlabel="steps")
    found, top = steps(stored), 2 * float(stored["step"].max())
    last = stored[(stored["measure"] == "flagged") & (stored["step"] == stored["step"].max())]
    for k, hidden in enumerate(widths):
        for name, marker, filled, line in _SHOWN:
            own = found[(found["generator"] == name) & (found["hidden"] == hidden)].groupby("n")["memorized"]
            there = {n: v for n, v in own if np.isfinite(v).all()}
            if there:
                logs = curve(there, (mean(np.log(v.to_numpy())) for v in there.values()))
                markers(panels[2], of_logs(logs), k, marker, filled)
                if filled:
                    end = list(there)[-1]
                    place = {"ha": "right", "xytext": (-8, 3)} if k == 0 else {"ha": "right", "xytext": (10, -16)}
                    plots.label_line(panels[2], end, np.exp(logs.middle[-1]), f"{hidden} units", k, **place)
            never = [n * 1.1 ** (k - 0.5) for n in sizes if n not in there]
            panels[2].plot(never, np.full(len(never), top), ls="none", marker=r"$\uparrow$", ms=9, color=f"C{k}")
            made = means(last[(last["generator"] == name) & (last["hidden"] == hidden)], "n")
            markers(panels[3], made, k, marker, filled)
            panels[3].plot(made.x, made.middle, line, color=f"C{k}", linewidth=0.8)
            if filled:
                plots.label_line(panels[3], made.x[0], made.middle[0], f"{hidden} units", k, xytext=(8, 2))
    panels[2].set(yscale="log", ylabel="steps to a fraction of 0.2")
    panels[3].set(ylabel="copies among what is generated", ylim=(-0.03, 1))
    for name, marker, filled, line in _SHOWN:
        face = "0.3" if filled else "white"
        panels[3].plot([], [], line, marker=marker, color="0.3", mfc=face, linewidth=0.8, label=name)
    panels[3].legend()
    for axes in panels[2:]:
        axes.set(xscale="log", xlabel="training points n")
        axes.set_xticks(sizes, [str(n) for n in sizes])
        axes.minorticks_off()
    return fig


def _courses(axes: Axes, rows: pd.DataFrame, k: int) -> Curve:
    """Draw means over replicas by step, of networks and of linearisations; return the curve of the networks."""
    found = []
    for name, marker, filled, line in _SHOWN:
        seen = means(rows[(rows["generator"] == name) & (rows["step"] >= 10)], "step")
        markers(axes, Curve(*(v[::2] for v in seen)), k, marker, filled)
        axes.plot(seen.x, seen.middle, line, color=f"C{k}", linewidth=0.8)
        found.append(seen)
    return found[0]


# -- statements -----------------------------------------------------------------------------------------------------


def state(report: Report, narrow: Beside) -> None:
    """State in `report` what the chapter claims; `narrow` compares a narrow network with its linearisation."""
    for check in CHECKS:
        report.confronts(check)
    report.rejects("a narrow network is 1.5 times nearer to the law", [narrow.law.z(np.log(1.5))], -1)
    report.rejects("its linearisation is 1.5 times nearer to the law", [narrow.law.z(-np.log(1.5))], 1)
    report.rejects("its linearisation memorizes as much, to 0.1", [narrow.memory.z(0.1)], 1)
