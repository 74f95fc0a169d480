"""What the seed's Fig. 4 shows, decided by the networks of `results/network/`, `long_50/` and `long_200/`."""

from functools import cache

import pandas as pd

from memgen.experiments.network import SAMPLES, SPREAD
from memgen.statistics import Estimate, mean
from memgen.store import RESULTS, read
from theory.checks.ruling import Ruling


@cache
def _table() -> pd.DataFrame:
    return read(RESULTS / "network")[0]


def _of(table: pd.DataFrame, measure: str, points: str = "", generator: str = "network") -> pd.DataFrame:
    return table[(table["measure"] == measure) & (table["points"] == points) & (table["generator"] == generator)]


def _measure(measure: str, points: str = "", generator: str = "network") -> pd.Series:
    """Means over networks, by n."""
    return _of(_table(), measure, points, generator).groupby("n")["value"].mean()


def _published_probability(generator: str) -> pd.Series:
    """P(Δ > 0) on the script's scales, by n."""
    table = _table()
    own = table[(table["measure"] == "published") & (table["generator"] == generator)]
    wide = own.pivot(index=["n", "replica"], columns="points", values="value")
    return (wide["train"] > wide["truth"]).groupby("n").mean()


def transition() -> Ruling:
    table = _table()
    seen = table[(table["measure"] == "a") & (table["points"] == "train")]
    low = seen[seen["tau"] <= sorted(seen["tau"].unique())[2]]  # where there is something to memorize
    a = mean(low.groupby("replica")["value"].mean().to_numpy())
    margin = float(max(abs(end) for end in a.interval()))
    variance = _measure("variance")
    few, many = (read(RESULTS / folder / "network")[0] for folder in ("long_50", "long_200"))
    tau = sorted(few["tau"].dropna().unique())[1]
    memorized = [mean(_of(long[long["tau"] == tau], "a", "train")["value"].to_numpy()) for long in (few, many)]
    flagged = [float(_of(long, "flagged")["value"].mean()) for long in (few, many)]
    networks = int(few["replica"].nunique())
    delta = _of(few, "published", "train")["value"].mean() - _of(few, "published", "truth")["value"].mean()
    return Ruling(
        "fails" if margin < 0.1 and variance.min() > 1.5 else "undecided",
        f"At the script's budget of 10 to 80 gradient steps it has learnt neither its training set nor the law: the "
        f"memorized fraction is {a.value:+.3f} (95%: within ±{margin:.3f}) on average over n, and what it generates "
        f"has {variance.iloc[0]:.0f} (n = {variance.index[0]}) to {variance.iloc[-1]:.1f} times the variance of the "
        f"data (n = {variance.index[-1]}). What rises with n is the number of steps. After 4000 of them ({networks} "
        f"networks a size, products in bfloat16) few points are memorized: at noise {tau / SPREAD:.2g} σ the fraction "
        f"is {_told(memorized[0])} at n = 50 and {_told(memorized[1])} at n = 200, and {flagged[0]:.0%} and "
        f"{flagged[1]:.0%} of {networks * SAMPLES} generated points are copies. The published Δ does not see it: at "
        f"n = 50 it is {delta:+.1f}, as for an ideal sampler.",
        {
            "memorized_fraction": a.value,
            "variance_first": float(variance.iloc[0]),
            "variance_last": float(variance.iloc[-1]),
            "memorized_long_50": memorized[0].value,
            "memorized_long_200": memorized[1].value,
            "flagged_long_50": flagged[0],
            "published_delta_long_50": float(delta),
        },
    )


def _told(found: Estimate) -> str:
    low, high = found.interval()
    return f"{found.value:.2f} (95%: {low:.2f} to {high:.2f})"


def distances() -> Ruling:
    train, truth = (_measure("published", points) for points in ("train", "truth"))
    gap = train - truth
    fall = float(train.iloc[0] / train.iloc[-1]), float(truth.iloc[0] / truth.iloc[-1])
    ideal = _measure("published", "train", "ideal") - _measure("published", "truth", "ideal")
    copier = _measure("published", "train", "copier") - _measure("published", "truth", "copier")
    return Ruling(
        "holds" if min(fall) > 1.1 and gap.min() > 0 else "undecided",
        f"On the script's three pixel scales both fall, by factors {fall[0]:.2f} and {fall[1]:.2f} from n = "
        f"{train.index[0]} to {train.index[-1]}, and their difference stays positive ({gap.min():.2f} to "
        f"{gap.max():.2f}). It is a matter of scales: an ideal sampler has {ideal.mean():.2f} and a copier of training "
        f"points {copier.mean():.2f}. They fall because the network's excess variance does.",
        {
            "gap_least": float(gap.min()),
            "gap_most": float(gap.max()),
            "ideal": float(ideal.mean()),
            "copier": float(copier.mean()),
        },
    )


def probability() -> Ruling:
    network = _published_probability("network")
    others = [float(_published_probability(name).mean()) for name in ("ideal", "copier")]
    replicas = int(_table()["replica"].nunique())
    return Ruling(
        "holds" if network.mean() > 0.8 and min(others) > 0.8 else "undecided",
        f"Reproduced with {replicas} networks a size: {network.mean():.2f} on average on the script's scales. There an "
        f"ideal sampler has {others[0]:.2f} and a copier {others[1]:.2f}, so it says nothing about memorization.",
        {"network": float(network.mean()), "ideal": others[0], "copier": others[1]},
    )


def quality() -> Ruling:
    variance = _measure("variance")
    ideal = float(_measure("variance", generator="ideal").mean())
    return Ruling(
        "holds" if variance.min() > 1.5 else "undecided",
        f"And it decides: where Fig. 4 is read as a transition, the generated pixels have {variance.max():.0f} to "
        f"{variance.min():.1f} times the variance of the data (an ideal sampler: {ideal:.2f}).",
        {"variance_most": float(variance.max()), "variance_least": float(variance.min()), "ideal": ideal},
    )
