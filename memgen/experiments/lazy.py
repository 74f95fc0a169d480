"""When networks memorize, and when their own linearisation does: small networks on a Gaussian of known law.

Each network is trained beside the regression on its tangent features, from the same start, on the same points and the
same draws (`memgen.denoisers.tangent`). Law, training sets, noise levels and step size are those of the experiment
`training`.
"""

from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch

from memgen.denoisers.tangent import FromStart, Linearised
from memgen.denoisers.training import Training
from memgen.devices import resolve_device
from memgen.experiments import training
from memgen.experiments.training import BATCH, DEPTH, LEVELS, LR, Cell, law_distance, milestones
from memgen.laws.data import power_law
from memgen.statistics import Estimate, mean

VERSION = 1
MODELS = {"network": FromStart, "linearised": Linearised}
TAU, SHARE = 0.3, 0.2  # where paces are compared: noise in units of σ, and the memorized fraction that counts


class Params(training.Params):
    """Parameters of the experiment; what is None is set by the preset. Every width is run at every size."""

    presets: ClassVar = {
        "smoke": {"dims": (16,), "sizes": (16,), "hidden": (16,), "steps": 60, "replicas": 2},
        "standard": {"dims": (16,), "sizes": (16, 64), "hidden": (64,), "steps": 1000, "replicas": 2},
        "paper": {
            "dims": (16,),
            "sizes": (16, 32, 64, 128, 256),
            "hidden": (64, 256),
            "steps": 20_000,
            "replicas": 4,
        },
    }


def grid(params: Params) -> list[Cell]:
    """All cells: a dimension, a width and a number of training points."""
    p = params.resolved()
    assert p.dims and p.sizes and p.hidden and p.steps and p.replicas
    return [
        Cell(d, n, hidden, p.steps, p.replicas, p.seed, p.device)
        for d in p.dims
        for hidden in p.hidden
        for n in p.sizes
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: d, n, hidden, weights, generator, replica, step, points, tau, measure, value.

    `generator` is network or linearised. At noise τ, on noised training points (`points` = train) and noised new ones
    (holdout), the measures are a, b_squared, separation and loss of `training.cell`; at two steps a decade from 100 on
    and at the last also `flagged`, the share of generated points whose nearest training point is less than a third as
    far away as the next. `weights` is the number of parameters of one network.
    """
    device, law = resolve_device(at.device), power_law(at.d)
    keys, sets = training.point_sets(at.d, at.n, at.replicas, at.seed)
    data = {name: torch.from_numpy(np.stack([known[name] for known in sets])) for name in sets[0]}
    noised = training.probes(data, np.array(law.eigenvalues), at)
    rows, steps, weights = [], training.looked_at(at.steps), 0
    for name, kind in MODELS.items():
        model = kind(at.d, at.replicas, at.hidden, DEPTH, keys=keys).to(device)
        weights = sum(p.numel() for p in model.parameters()) // at.replicas
        course = Training(model, data["train"].float(), keys, LEVELS, BATCH, LR)
        for step in steps:
            course.run(step - course.step)
            rows.append(training.between_limits(model, noised).assign(generator=name, step=step))
            if step in (*steps[9::4], steps[-1]):
                made = training.of_points(training.sampled(model, law.eigenvalues, at), sets)
                rows.append(made[made["measure"] == "flagged"].assign(generator=name, step=step))
    table = pd.concat(rows, ignore_index=True).assign(d=at.d, n=at.n, hidden=at.hidden, weights=weights)
    return table[["d", "n", "hidden", "weights", "generator", "replica", "step", "points", "tau", "measure", "value"]]


def steps(stored: pd.DataFrame) -> pd.DataFrame:
    """The `milestones` of every network and linearisation at noise TAU, with SHARE as the fraction that counts."""
    found = [milestones(of, SHARE).assign(generator=name) for name, of in stored.groupby("generator")]
    table = pd.concat(found, ignore_index=True)
    return table[table["tau"] == TAU]


def distances(stored: pd.DataFrame) -> pd.Series:
    """The `law_distance` of networks and linearisations at noise TAU, by generator, d, n, hidden, replica, step."""
    found = {name: law_distance(of) for name, of in stored.groupby("generator")}
    far = pd.concat(found, names=["generator"]).xs(TAU, level="tau").droplevel("weights")
    return far.rename("value")


class Beside(NamedTuple):
    """Networks of one width beside their linearisations, after the same steps on the same draws."""

    law: Estimate  # ln of the linearisation's squared distance from the law over the network's, at the latter's best
    memory: Estimate  # memorized fraction at the last step, network less linearisation, averaged over sizes


def beside(stored: pd.DataFrame, hidden: int) -> Beside:
    """Compare networks of one width with their linearisations: how near they come to the law, and their memory.

    All networks that halve their distance from the law count for the first, all networks for the second. Raises
    ValueError where fewer than two networks halve the distance.
    """
    own = stored[stored["hidden"] == hidden]
    far = distances(own).unstack("generator")
    ratios = []
    for _, course in far.groupby(["d", "n", "replica"]):
        network = course["network"].to_numpy()
        best = int(network.argmin())
        if network[best] < 0.5 * network[0]:
            ratios.append(np.log(course["linearised"].to_numpy()[best] / network[best]))
    last = own[(own["measure"] == "a") & (own["points"] == "train") & (own["tau"] == TAU)]
    last = last[last["step"] == last["step"].max()].pivot_table(index="replica", columns="generator", values="value")
    return Beside(mean(np.array(ratios)), mean((last["network"] - last["linearised"]).to_numpy()))
