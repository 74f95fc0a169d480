"""The tables of chapter 5 in Markdown, every number in them computed."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from memgen.experiments.network import SAMPLES, difference
from memgen.figures.network import numbers
from memgen.figures.network.numbers import ONE_SCALE, PUBLISHED, Run
from memgen.statistics import Estimate, mean, proportion, threshold

_DISTANCES = {"train": "$E_{TG}$", "truth": "$E_{OG}$"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. A vertical bar inside a cell must be written as \\mid or \\|."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def interval(found: Estimate) -> str:
    """The value with its 95% interval, as text."""
    low, high = found.interval()
    return f"{found.value:+.1f} ({low:+.1f} to {high:+.1f})"


def answers(rows: pd.DataFrame, found: Mapping[tuple[int, int], Run]) -> str:
    """Markdown: what networks of the smallest n learnt and what criteria say, beside an ideal sampler and a copier."""
    first = min(n for n, _ in found)
    own = [run for run in found.values() if run.n == first]
    tau = numbers.low_levels(rows)[1]
    columns = [
        (
            f"{run.steps:,} steps".replace(",", " "),
            f"{numbers.by_level(run.rows, 'a')[tau].mean():.2f}",
            _copies(run.rows),
            *(f"{difference(run.rows, *scales).mean():+.1f}" for scales in (PUBLISHED, ONE_SCALE)),
        )
        for run in own
    ]
    at = rows[rows.n == first]
    for generator, memory in (("ideal", "0"), ("copier", "1")):
        values = (f"{difference(at, *scales, generator).mean():+.1f}" for scales in (PUBLISHED, ONE_SCALE))
        columns.append(
            (
                ("an " if generator == "ideal" else "a ") + numbers.CALLED[generator],
                memory,
                _copies(at, generator),
                *values,
            )
        )
    head = (
        f"$n = {first}$",
        f"memorized fraction at {numbers.in_sigmas(tau):.2g} σ",
        "copies among what is generated",
        "$\\Delta$ as published",
        "$\\Delta$ on one scale",
    )
    return table(head, columns)


def _copies(rows: pd.DataFrame, generator: str = "network") -> str:
    made = [round(SAMPLES * share) for share in numbers.flagged(rows, generator)]
    return f"{sum(made)} of {SAMPLES * len(made)}"


def published(rows: pd.DataFrame) -> str:
    """Markdown: P(Δ > 0) as published, of the network at the four smallest n, and of each generator over all sizes."""
    counts = numbers.positive(rows, PUBLISHED)
    lines = []
    for n, (hits, size) in list(zip(counts.index, counts.to_numpy(), strict=True))[:4]:
        p, low, high = proportion(int(hits), int(size))
        lines.append(("network", str(n), f"{p:.1f} ({low:.2f} to {high:.2f})", ""))
    for generator, name in numbers.CALLED.items():
        values = numbers.deltas(rows, generator, PUBLISHED).value
        lines.append((name, "all", f"{(values > 0).mean():.2f}", f"{values.mean():+.2f}"))
    return table(("generator", "$n$", "$P(\\Delta > 0)$ as published (95%)", "mean $\\Delta$"), lines)


def apart(rows: pd.DataFrame) -> str:
    """Markdown: the distances of Fig. 4 from the network's images to training points and to the truth, by size."""
    own = rows[(rows.generator == "network") & (rows.measure == "published")]
    means = own.pivot_table(index="points", columns="n", values="value")
    shown = means.iloc[:, [0, 1, *range(3, means.shape[1], 3)]]
    lines = [(name, *(f"{value:.1f}" for value in shown.loc[points])) for points, name in _DISTANCES.items()]
    return table(("mean over networks, published scale", *(f"$n = {n}$" for n in shown.columns)), lines)


def memory(rows: pd.DataFrame) -> str:
    """Markdown: the network's memorized fraction by noise, beside that of a linear denoiser trained to the end."""
    seen = numbers.of_network(rows, "a")
    first, lines = int(rows.n.min()), []
    for tau in numbers.low_levels(rows):
        by_size = seen[seen.tau == tau].groupby("n").value.mean()
        noise = numbers.in_sigmas(tau)
        limit = f"{float(numbers.linear_limit(first, noise)):.2f}" if noise < numbers.COLLAPSE else "–"
        lines.append((f"{noise:.2g} σ", f"{by_size.mean():+.3f}", f"{by_size.abs().max():.2f}", limit))
    head = ("noise", "mean over the sizes", "farthest from 0", f"linear, trained to the end, n = {first}")
    return table(head, lines)


def spread(rows: pd.DataFrame) -> str:
    """One line on the variance of what is generated."""
    own = numbers.generated_variance(rows, "network").groupby("n").value.mean()
    ideal = numbers.generated_variance(rows, "ideal").groupby("n").value.std().mean()
    return (
        f"Generated variance, in units of the data's: {own.iloc[0]:.0f} at $n = {own.index[0]}$, {own.iloc[-1]:.1f} at "
        f"$n = {own.index[-1]}$. That of {SAMPLES} images from an ideal sampler varies by {ideal:.0%} from set to set."
    )


def precisions(pairs: pd.DataFrame) -> str:
    """One line on what training in bfloat16 changes."""
    count, largest, single = numbers.moved(pairs)
    return (
        f"bfloat16 less float32, network by network: {count} means, the largest $\\lvert z\\rvert$ {largest:.1f} "
        f"({threshold(count):.1f} would be news); single networks move by {single:.2f} of their spread."
    )


def longer(found: Mapping[tuple[int, int], Run], rows: pd.DataFrame) -> str:
    """Markdown: what the longer trainings have memorized, at three noise levels."""
    levels = numbers.low_levels(rows)
    lines = []
    for run in found.values():
        a, b_squared = (numbers.by_level(run.rows, measure).mean() for measure in ("a", "b_squared"))
        at = (f"{a[tau]:.2f}, {b_squared[tau]:.2f}" for tau in levels)
        effort = f"{run.per_point:.2g}", f"{run.epochs:.0f}"
        linear = f"{float(numbers.linear_limit(run.n, numbers.in_sigmas(levels[1]))):.2f}"
        lines.append((str(run.n), str(run.steps), *effort, *at, linear))
    noise = [f"{numbers.in_sigmas(tau):.2g} σ" for tau in levels]
    head = ("$n$", "steps", "a point", "epochs", *(f"$a$, $b^2$ at {x}" for x in noise), f"linear $a$ at {noise[1]}")
    return table(head, lines)


def noticed(found: Mapping[tuple[int, int], Run]) -> str:
    """Markdown: what the longer trainings generate, and what Δ says of it, with 95% intervals."""
    lines = []
    for run in found.values():
        made = numbers.generated_variance(run.rows, "network").value
        copies = ", ".join(f"{SAMPLES * share:.0f}" for share in numbers.flagged(run.rows))
        scales = (interval(mean(difference(run.rows, *which))) for which in (PUBLISHED, ONE_SCALE))
        lines.append((str(run.n), str(run.steps), copies, f"{made.min():.2f} to {made.max():.2f}", *scales))
    head = ("$n$", "steps", f"copies of {SAMPLES}, by network", "variance", "Δ as published", "Δ on one scale")
    return table(head, lines)


def equal_effort(found: Mapping[tuple[int, int], Run], rows: pd.DataFrame, by: str) -> str:
    """A sentence on memory after about equal effort (`per_point` or `epochs`) by size, and how the largest differs."""
    tau = numbers.low_levels(rows)[1]
    many = max(found.values(), key=lambda run: run.n)
    near = (run for run in found.values() if abs(getattr(run, by) / getattr(many, by) - 1) < 0.1)
    alike = sorted(near, key=lambda run: run.n)
    effort = {"per_point": "steps per training point", "epochs": "epochs"}[by]
    means = [mean(numbers.by_level(run.rows, "a")[tau]) for run in alike]
    each = (
        f"{a.value:.2f} ({a.interval()[0]:.2f} to {a.interval()[1]:.2f}) at $n = {run.n}$ ({run.steps} steps, copies "
        f"{_copies(run.rows)})"
        for a, run in zip(means, alike, strict=True)
    )
    apart = numbers.gap(*(numbers.by_level(run.rows, "a")[tau] for run in (many, alike[0])))
    low, high = apart.interval()
    return (
        f"After {getattr(many, by):.0f} {effort}, at noise {numbers.in_sigmas(tau):.2g} σ, the memorized "
        f"fraction is {', '.join(each)}. From the smallest size to the largest: {apart.value:+.2f} "
        f"(95%: {low:+.2f} to {high:+.2f})."
    )
