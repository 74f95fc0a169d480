"""What chapter 5 compares: exact statements on ideal samplers and rounding, and what the same data must reject."""

from collections.abc import Mapping

import pandas as pd

from memgen.experiments.network import difference
from memgen.figures.curves import Again
from memgen.figures.network import numbers
from memgen.figures.network.numbers import ONE_SCALE, PUBLISHED, Run
from memgen.statistics import mean
from theory.checks.report import Report


def state(
    report: Report, rows: pd.DataFrame, found: Mapping[tuple[int, int], Run], pairs: pd.DataFrame, shared: Again
) -> None:
    """State in `report` what the chapter claims; `shared` are the rows computed again."""
    ideal = numbers.generated_variance(rows, "ideal").value
    delta = {name: difference(rows, *ONE_SCALE, name) for name in numbers.CALLED}
    report.meets("ideal sampler, Δ against a holdout is 0", mean(delta["ideal"]).z(0))
    report.meets("ideal sampler, generated variance is 1", mean(ideal).z(1 - 1 / 640))
    report.meets("network, Δ against a holdout is 0", mean(delta["network"]).z(0))
    levels = numbers.low_levels(rows)
    seen = numbers.of_network(rows, "a")
    for tau in levels:
        a = seen[seen.tau == tau].groupby("replica").value.mean()
        report.meets(f"network, a = 0 at τ = {numbers.in_sigmas(tau):.2g} σ", mean(a).z(0))
    for measure, points, level in (
        ("variance", "", None),
        ("wasserstein", "train", None),
        *(("a", "train", t) for t in levels),
    ):
        two = numbers.rounding(pairs, measure, points, level)
        where = "" if level is None else f" at {numbers.in_sigmas(level):.2g} σ"
        report.meets(f"bfloat16 less float32, {measure}{where}", mean(two.value - two.value_precise).z(0))
    shared.state(report)

    tau, noise = levels[1], numbers.in_sigmas(levels[1])
    long, larger = (numbers.by_level(found[n, 4000].rows, "a")[tau] for n in (50, 200))
    spread = numbers.rounding(pairs, "variance")
    made = numbers.generated_variance(rows, "network").value
    report.rejects("the network copies (Δ of a copier)", mean(delta["network"]).z(delta["copier"].mean()), 1)
    report.rejects("the network generates the law (variance 1)", mean(made).z(1.0), 1)
    report.rejects("bfloat16 generates 1% more variance", mean(spread.value / spread.value_precise).z(1.01), -1)
    report.rejects(f"after 4000 steps at n = 50 nothing is memorized at {noise:.2g} σ", mean(long).z(0.0), 1)
    report.rejects("and no more than by a linear denoiser", mean(long).z(float(numbers.linear_limit(50, noise))), 1)
    report.rejects("and no more than at n = 200 (Welch's t)", numbers.welch(long, larger), 1)
    report.rejects("and the published Δ sees it, Δ < 0", mean(difference(found[50, 4000].rows, *PUBLISHED)).z(0), 1)
    report.rejects("on the script's scales a copier has Δ < 0", mean(difference(rows, *PUBLISHED, "copier")).z(0), 1)
