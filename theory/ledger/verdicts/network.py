"""What the paper's Fig. 4 shows, decided by the networks of `results/network/`."""

from functools import cache

import pandas as pd

from memgen.experiments.network import SAMPLES, SPREAD, difference
from memgen.runs.store import load
from memgen.statistics import mean, proportion
from theory.ledger.ruling import Ruling, Verdict


@cache
def _table() -> pd.DataFrame:
    return load("network")[0]


def _of(table: pd.DataFrame, measure: str, points: str = "", generator: str = "network") -> pd.DataFrame:
    return table[(table["measure"] == measure) & (table["points"] == points) & (table["generator"] == generator)]


def _measure(measure: str, points: str = "", generator: str = "network") -> pd.Series:
    """Means over networks, by n."""
    return _of(_table(), measure, points, generator).groupby("n")["value"].mean()


def _published_probability(generator: str) -> pd.DataFrame:
    """P(Δ > 0) on the script's scales with its 95% interval, by n: columns p, low, high."""
    positive = (difference(_table(), "published", "truth", generator) > 0).groupby("n")
    found = [proportion(int(hits.sum()), len(hits)) for _, hits in positive]
    return pd.DataFrame(found, columns=["p", "low", "high"], index=sorted(positive.groups))


def transition() -> Ruling:
    table = _table()
    seen = table[(table["measure"] == "a") & (table["points"] == "train")]
    low = seen[seen["tau"] <= sorted(seen["tau"].unique())[2]]  # where there is something to memorize
    a = mean(low.groupby("replica")["value"].mean().to_numpy())
    margin = float(max(abs(end) for end in a.interval()))
    variance = _measure("variance")
    few, many = (load("network", f"{n}-points-4000-steps")[0] for n in (50, 200))
    levels = sorted(few["tau"].dropna().unique())[:3]
    memorized = [[mean(_of(long[long["tau"] == tau], "a", "train")["value"]) for tau in levels] for long in (few, many)]
    noise = ", ".join(f"{tau / SPREAD:.2g}" for tau in levels)
    told = [", ".join(f"{e.value:.2f}" for e in row) for row in memorized]
    copies = [SAMPLES * _of(long, "flagged")["value"] for long in (few, many)]
    networks, published = int(few["replica"].nunique()), difference(few, "published", "truth").mean()
    here = mean(difference(few, "marginal", "holdout"))
    low, high = here.interval()
    copier = difference(table[table["n"] == 50], "marginal", "holdout", "copier").mean()
    return Ruling(
        "fails" if margin < 0.1 and variance.min() > 1.5 else "undecided",
        f"Memorized fraction {a.value:+.3f}; variance {variance.iloc[-1]:.1f} times the data's.",
        f"At the script's budget of 10 to 80 gradient steps it has learnt neither its training set nor the law: the "
        f"memorized fraction is {a.value:+.3f} (95%: within ±{margin:.3f}) on average over n, and what it generates "
        f"has {variance.iloc[0]:.0f} (n = {variance.index[0]}) to {variance.iloc[-1]:.1f} times the variance of the "
        f"data (n = {variance.index[-1]}). What rises with n is the number of steps. After 4000 of them ({networks} "
        f"networks a size, products in bfloat16) sets are memorized in part: at noise {noise} σ the fraction is "
        f"{told[0]} at n = 50 and {told[1]} at n = 200, and {copies[0].sum():.0f} and {copies[1].sum():.0f} of "
        f"{networks * SAMPLES} generated points are copies. The published Δ does not see it: at n = 50 it is "
        f"{published:+.1f}, as for an ideal sampler. On one scale, against a holdout, it is {here.value:.1f} (95%: "
        f"{low:.1f} to {high:.1f}); a copier has {copier:.1f}.",
        {
            "memorized_fraction": a.value,
            "variance_first": float(variance.iloc[0]),
            "variance_last": float(variance.iloc[-1]),
            "memorized_long_50": memorized[0][1].value,
            "memorized_long_200": memorized[1][1].value,
            "copies_long_50": float(copies[0].sum()),
            "published_delta_long_50": float(published),
            "delta_long_50": here.value,
        },
    )


def distances() -> Ruling:
    train, truth = (_measure("published", points) for points in ("train", "truth"))
    gap = {n: mean(values) for n, values in difference(_table(), "published", "truth").groupby("n")}
    clear = [n for n, found in gap.items() if found.interval()[0] > 0]
    fall = float(train.iloc[0] / train.iloc[-1]), float(truth.iloc[0] / truth.iloc[-1])
    ideal, copier = (float(difference(_table(), "published", "truth", name).mean()) for name in ("ideal", "copier"))
    sizes, values = list(gap), [found.value for found in gap.values()]
    if min(values) <= 0 or clear != sizes[-len(clear) :]:
        return Ruling(
            "undecided",
            "Their difference changes sign.",
            f"Their difference is {min(values):.2f} at least.",
            {"gap_least": min(values)},
        )
    hardly = f", where {len(_table()['replica'].unique())} networks do not tell it from 0" if clear != sizes else ""
    return Ruling(
        "holds" if min(fall) > 1.1 else "undecided",
        f"Factors {fall[0]:.2f} and {fall[1]:.2f}; their difference stays positive.",
        f"On the script's three pixel scales both fall, by factors {fall[0]:.2f} and {fall[1]:.2f} from n = {sizes[0]} "
        f"to {sizes[-1]}, and the mean of their difference stays positive: {values[0]:.1f} at n = {sizes[0]}"
        f"{hardly}, {max(values):.1f} at most, and clearly so from n = {clear[0]} on. It is "
        f"a matter of scales: an ideal sampler has {ideal:.2f} and a copier of training points {copier:.2f}. They fall "
        "because the network's excess variance does.",
        {"gap_first": values[0], "gap_most": max(values), "clear_from": clear[0], "ideal": ideal, "copier": copier},
    )


def probability() -> Ruling:
    network = _published_probability("network")
    others = [float(_published_probability(name)["p"].mean()) for name in ("ideal", "copier")]
    first, replicas = network.iloc[0], int(_table()["replica"].nunique())
    verdict: Verdict = "holds" if network["p"].min() > 0.8 else "holds with a correction"
    if network["high"].min() < 0.8:
        verdict = "fails"
    if min(others) <= 0.8:
        verdict = "undecided"
    if network["p"].min() == 1:
        return Ruling(verdict, "It is 1 at every n.", "It is 1 at every n.", {"mean": 1.0})
    always = int(network.index[network["p"] < 1].max())
    return Ruling(
        verdict,
        f"It rises from {first['p']:.1f}; a mere copier has {others[1]:.2f}.",
        f"With {replicas} networks a size it is {first['p']:.1f} (95%: {first['low']:.2f} to {first['high']:.2f}) at n "
        f"= {network.index[0]}, {network.loc[always, 'p']:.1f} at {always} and 1 beyond: it does rise"
        f"{'' if verdict == 'fails' else ', though no size excludes 0.8'}. But on the script's "
        f"scales an ideal sampler has {others[0]:.2f} and a copier {others[1]:.2f}, "
        "so neither the level nor the rise says anything about memorization.",
        {"first": float(first["p"]), "mean": float(network["p"].mean()), "ideal": others[0], "copier": others[1]},
    )


def quality() -> Ruling:
    variance = _measure("variance")
    ideal = float(_measure("variance", generator="ideal").mean())
    return Ruling(
        "holds" if variance.min() > 1.5 else "undecided",
        f"Its pixels vary {variance.min():.1f} to {variance.max():.0f} times too much.",
        f"And it decides: where Fig. 4 is read as a transition, the generated pixels have {variance.max():.0f} to "
        f"{variance.min():.1f} times the variance of the data (an ideal sampler: {ideal:.2f}).",
        {"variance_most": float(variance.max()), "variance_least": float(variance.min()), "ideal": ideal},
    )
