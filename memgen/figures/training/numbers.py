"""Rows of the training sweeps, reduced to what chapter 11 plots, prints and compares."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from memgen.denoisers.exact import EmpiricalBayes
from memgen.experiments.training import law_distance, milestones
from memgen.laws.data import power_law
from memgen.measures import fractions
from memgen.runs.store import load
from memgen.statistics import mean
from memgen.streams import stream

KEYS = ["d", "n", "hidden", "replica", "step", "generator", "points", "tau", "measure"]
LEVEL = 0.3  # noise at which memory is shown, in units of σ
SHOWN = (32, 128, 512, 2048)  # sizes of the training set whose courses are drawn


class Stored:
    """The stored networks: those of the sweep and the wider ones, and the parameters of the sweep."""

    def __init__(self) -> None:
        table, made_by = load("training")
        wider, wider_by = load("training", "512-units")
        self.table = pd.concat([table, wider], ignore_index=True)
        self.parameters: Mapping[str, Any] = made_by["parameters"]
        self.hours, self.device = (made_by["seconds"] + wider_by["seconds"]) / 3600, made_by["device"]
        self.d, self.units = self.parameters["dims"][0], max(self.parameters["hidden"])
        self.widths = [*wider_by["parameters"]["hidden"], *self.parameters["hidden"]]

    @cached_property
    def network(self) -> pd.DataFrame:
        """The rows of networks, without those of ideal samplers."""
        return self.table[self.table.generator == "network"]

    @cached_property
    def wide(self) -> pd.DataFrame:
        """The rows of networks in the first dimension with the most units of the sweep."""
        return self.network[(self.network.d == self.d) & (self.network.hidden == self.units)]

    def at(self, tau: float, points: str, measure: str) -> pd.DataFrame:
        """The rows of `wide` of one measure, at one noise and one kind of points."""
        rows = self.wide
        return rows[(rows.tau == tau) & (rows.points == points) & (rows.measure == measure)]

    @cached_property
    def onset(self) -> pd.DataFrame:
        """The milestones of every network at the noise `LEVEL`; `memorized` is the step at which a passes 1/10."""
        found = milestones(self.table, 0.1)
        return found[found.tau == LEVEL]

    @cached_property
    def general(self) -> pd.DataFrame:
        """The milestones of the networks of `wide` at noise σ: when the error has halved, and when it is least.

        The error is the squared distance from D_pop.
        """
        found = milestones(self.wide, 0.5)
        return found[found.tau == 1.0]

    def last(self) -> pd.DataFrame:
        """The rows of the memorized fraction at the last step, of all widths in the first dimension."""
        rows = self.network
        rows = rows[(rows.d == self.d) & (rows.step == self.parameters["steps"]) & (rows.tau == LEVEL)]
        return rows[(rows.points == "train") & (rows.measure == "a")]

    def distance(self, n: int) -> pd.DataFrame:
        """Squared distance from D_pop at holdout points, τ = σ, over that at the first step: replica, step, value."""
        rows = self.wide
        rows = rows[(rows.tau == 1.0) & (rows.points == "holdout") & (rows.n == n)]
        fresh = rows.pivot(index=["replica", "step"], columns="measure", values="value")
        error = ((fresh.a**2 + fresh.b_squared) * fresh.separation).rename("value").reset_index()
        error["value"] /= error.groupby("replica").value.transform("first")
        return error

    def places(self, tau: float) -> pd.DataFrame:
        """Means over the networks of `wide`, at noised training points, of a, b_squared and more, by n and step."""
        rows = self.wide[(self.wide.tau == tau) & (self.wide.points == "train")]
        return rows.pivot_table(index=["n", "step"], columns="measure", values="value")


class Slope(NamedTuple):
    """The exponent of n in a time, by replica, the sizes that it was fitted on, and the exponents between neighbours.

    The last, (replicas, sizes − 1), say how far a time is from a power of n.
    """

    found: np.ndarray
    sizes: list[int]
    local: np.ndarray

    def ends(self) -> str:
        """The first and the last local exponent, means over replicas."""
        first, last = self.local.mean(0)[[0, -1]]
        return f"{first:.2f} to {last:.2f}"

    def __str__(self) -> str:
        low, high = mean(self.found).interval()
        return f"{self.found.mean():.2f} ({low:.2f} to {high:.2f}), n = {self.sizes[0]} to {self.sizes[-1]}"


def slope(times: pd.DataFrame, column: str = "memorized", most: float = np.inf) -> Slope:
    """The exponent of n in a column of times, by replica: a line through logarithms over sizes that all replicas reach.

    Sizes below 4d are left out: there a linear denoiser would memorize as well.
    """
    kept = times[(times.n >= 4 * times.d) & (times.n <= most)]
    ends = kept.groupby("n")[column].agg(["min", "max"])
    kept = kept[kept.n.isin(ends.index[(ends["min"] > 0) & np.isfinite(ends["max"])])]
    if kept.n.nunique() < 2:
        return Slope(np.empty(0), [], np.empty((0, 0)))
    logs = np.log(kept.pivot(index="n", columns="replica", values=column))
    log_n = np.log(logs.index.to_numpy(float))
    local = np.diff(logs.to_numpy(), axis=0) / np.diff(log_n)[:, None]
    return Slope(np.polyfit(log_n, logs.to_numpy(), 1)[0], [int(n) for n in logs.index], local.T)


def reached(times: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows of those sizes at which every network gets there, with the time as the column `value`."""
    named = times.rename(columns={column: "value"})
    return named[np.isfinite(named.groupby("n").value.transform("max"))]


def slopes(stored: Stored) -> dict[tuple[int, int], Slope]:
    """Exponents of the steps to a = 1/10 by dimension and units, where three sizes or more are reached."""
    onset, found = stored.onset, {}
    for d in stored.parameters["dims"]:
        for units in stored.widths if d == stored.d else [stored.units]:
            one = slope(onset[(onset.d == d) & (onset.hidden == units)])
            if len(one.sizes) > 2:
                found[d, units] = one
    return found


def linear_denoiser(n: int, d: int, replicas: int = 20) -> np.ndarray:
    """a and b² of the linear denoiser trained to the end on new sets of the law, at noise `LEVEL`: (replicas, 2)."""
    law, found = power_law(d), []
    spectrum = torch.tensor(law.eigenvalues)
    for r in range(replicas):
        rng = stream("11 linear", n, r)
        x = torch.from_numpy(law.sample(n, rng))
        u = x.repeat(max(1, 2048 // n), 1)
        u = u + LEVEL * torch.from_numpy(rng.standard_normal(tuple(u.shape)))
        best = torch.linalg.solve(x.T @ x / n + LEVEL**2 * torch.eye(d), x.T @ x / n)
        population = u * (spectrum / (spectrum + LEVEL**2))
        place = fractions(u @ best, population, EmpiricalBayes(x).denoise(u, LEVEL))
        found.append((float(place.a), float(place.b_squared)))
    return np.array(found)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def pace(stored: Stored) -> str:
    """Markdown: steps per training point until a = 1/10, by units and n, or how many networks get there."""
    own = stored.onset[stored.onset.d == stored.d]
    sizes = sorted(own.n.unique())

    def entry(units: int, n: int) -> str:
        part = own[(own.hidden == units) & (own.n == n)]
        there = np.isfinite(part.memorized)
        if not len(part):
            return "–"
        return f"{(part.memorized / part.n).mean():.1f}" if there.all() else f"{there.sum()} of {len(there)}"

    rows = [(str(units), *(entry(units, n) for n in sizes)) for units in stored.widths]
    return table(("units", *(f"n = {n}" for n in sizes)), rows)


def exponents(stored: Stored) -> str:
    """Markdown: how the steps to a = 1/10, to half the error and to the least error grow with n."""
    found = slopes(stored)
    rows = [("steps to a = 1/10", f"{d}", f"{units}", str(one), one.ends()) for (d, units), one in found.items()]
    for words, column, most in (("steps to half the error, σ", "generalized", np.inf), ("to the least", "best", 2048)):
        one = slope(stored.general, column, most)
        rows.append((words, f"{stored.d}", f"{stored.units}", str(one), one.ends()))
    return table(("time", "d", "units", "exponent of n (95%)", "between the first two sizes and the last"), rows)


def by_level(stored: Stored) -> str:
    """Markdown: the exponent of n in the steps to memorization, at other fractions and other noises."""
    rows = []
    for share, tau in ((0.05, LEVEL), (0.2, LEVEL), (0.1, 0.1), (0.1, 1.0)):
        times = milestones(stored.wide, share)
        rows.append((f"{share:g}", f"{tau:g} σ", str(slope(times[times.tau == tau]))))
    return table(("a", "noise", "exponent of n (95%)"), rows)


def harm(stored: Stored) -> list[str]:
    """Lines of text, at two noises: how bad fresh points' error is when a passes 1/10, and how long ago it was least.

    Means over the networks of a kind, of 64 units or more in the first dimension; the noise of a is `LEVEL`.
    """
    onset = stored.onset[(stored.onset.d == stored.d) & (stored.onset.hidden >= 64)]
    onset = onset.set_index(["hidden", "n", "replica"]).memorized
    error = law_distance(stored.network[stored.network.d == stored.d]).droplevel(["d", "weights"])
    lines = []
    for tau in (LEVEL, 1.0):
        rows, courses = [], error.xs(tau, level="tau").unstack("step")
        for (hidden, n, replica), step in onset[np.isfinite(onset)].items():
            course = courses.loc[n, hidden, replica].dropna()
            then = np.interp(np.log1p(step), np.log1p(course.index.to_numpy(float)), course)
            rows.append((hidden, n, then / course.min(), step / max(course.idxmin(), 1)))
        worse, later = pd.DataFrame(rows).groupby([0, 1]).mean().agg(["min", "max"]).T.to_numpy()
        lines += [
            f"at {tau:g} σ, when a = 1/10, fresh points' error is {worse[0]:.1f} to {worse[1]:.1f} times its least,",
            f"  which came {later[0]:.0f} to {later[1]:.0f} times earlier",
        ]
    return lines


def circle(stored: Stored) -> list[str]:
    """Lines of text: how far networks that memorize are off the circle b² = a(1−a), in means, at two noises."""
    lines = []
    for tau in (LEVEL, 1.0):
        seen = stored.places(tau)
        off = (seen.b_squared - seen.a * (1 - seen.a))[seen.a > 0.1]
        lines.append(f"at {tau} σ, where a > 0.1: b² − a(1−a) from {off.min():+.2f} to {off.max():+.2f}")
    return lines


def by_parameters(stored: Stored) -> str:
    """Markdown: the memorized fraction after the same number of steps, by number of parameters."""
    last, rows = stored.last(), []
    for n in (256, 512, 1024):
        few, many = (last[(last.n == n) & (last.hidden == h)] for h in (min(stored.widths), stored.units))
        rows.append((f"{n}", *(f"{part.value.mean():.2f} ({part.weights.iloc[0]})" for part in (few, many))))
    return table(("n", "a, fewest (parameters)", "a, most (parameters)"), rows)


def answers(stored: Stored) -> str:
    """Markdown: steps per training point to a tenth of the way to memory, least and most over n from 64 to 256."""
    own = stored.onset[(stored.onset.d == stored.d) & stored.onset.n.between(64, 256)]
    own = own.assign(pace=own.memorized / own.n)
    rows = []
    for units in stored.widths:
        paces = own[own.hidden == units].groupby("n").pace.mean()
        ends = [f"{end:.0f}" if np.isfinite(end) else "not all get there" for end in (paces.min(), paces.max())]
        rows.append((str(units), *ends))
    return table(("units a layer", "steps per training point: least", "most, n = 64 to 256"), rows)
