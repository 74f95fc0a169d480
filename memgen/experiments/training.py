"""How long a network trains before it generalizes, and before it memorizes: small networks on a Gaussian of known law.

The law is N(0, Σ), its eigenvalues ∝ 1/j with mean 1. The network starts as the best denoiser of an isotropic law, so
that there is something left to learn. All networks of one size n see the same training sets, whatever their width;
batches, noise and noise levels depend on (d, n, replica) as well and not on the width.
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.levels import karras
from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import Noise, heun
from memgen.denoisers.training import Training
from memgen.devices import Device, resolve_device
from memgen.laws.data import power_law
from memgen.laws.schedules import LogUniform
from memgen.measures import fractions, mmd2, nearest_ratio, points_l2_delta, wasserstein2
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.statistics import first_crossing
from memgen.streams import stream

VERSION = 1
LEVELS = LogUniform(0.03, 20.0)  # of the noise, in units of the data's standard deviation
TAUS = (0.1, 0.3, 1.0)  # at which the network is compared with the two known denoisers
BATCH, LR, DEPTH = 64, 1e-3, 3
GENERATED = 256  # points made by each network
_WIDTHS = karras(20.0, 0.03, 32)  # of the sampler
_PROBES = 256  # noised points at each level

Size = Annotated[int, Field(ge=2)]
Dimension = Annotated[int, Field(ge=1)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset.

    The first dimension is run at every width, the others at the first width alone.
    """

    presets: ClassVar = {
        "smoke": {"dims": (16,), "sizes": (32,), "hidden": (32,), "steps": 100, "replicas": 2},
        "standard": {"dims": (16,), "sizes": (32, 128), "hidden": (64,), "steps": 1000, "replicas": 2},
        "paper": {
            "dims": (16, 32, 64),
            "sizes": tuple(32 * 2**k for k in range(8)),
            "hidden": (256, 128, 64, 32),
            "steps": 20_000,
            "replicas": 5,
        },
    }

    device: Device = "cpu"
    dims: Annotated[tuple[Dimension, ...], Distinct] | None = Field(None, min_length=1)
    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    hidden: Annotated[tuple[Dimension, ...], Distinct] | None = Field(None, min_length=1)
    steps: int | None = Field(None, ge=10)
    replicas: int | None = Field(None, ge=1)


class Cell(NamedTuple):
    """Some networks of one width, trained at once on training sets of one size."""

    d: int
    n: int
    hidden: int
    steps: int
    replicas: int
    seed: int
    device: str


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter."""
    p = params.resolved()
    assert p.dims and p.sizes and p.hidden and p.steps and p.replicas
    rest = (p.steps, p.replicas, p.seed, p.device)
    return [
        Cell(d, n, hidden, *rest)
        for k, d in enumerate(p.dims)
        for hidden in (p.hidden if k == 0 else p.hidden[:1])
        for n in p.sizes
    ]


def looked_at(steps: int) -> list[int]:
    """Steps at which a network is measured: 0, eight a decade from 10 on, and the last."""
    spaced = (10 * 10 ** (np.arange(0, 8 * np.log10(max(steps, 10) / 10) + 1e-9) / 8)).round().astype(int)
    return sorted({0, *spaced.tolist(), steps})


def cell(at: Cell) -> pd.DataFrame:
    """Rows: d, n, hidden, weights, replica, step, generator, points, tau, measure, value.

    Generator `network`, at noise τ, on noised training points (`points` = train) and noised new ones (holdout): a,
    b_squared and separation of `measures.fractions`, and loss, the mean squared distance from the clean points.

    Generators `network` (GENERATED points at two steps a decade from 100 on, and at the last) and `ideal` (as many
    points of the true law, at step 0): flagged, the share of points whose nearest training point is less than a third
    as far away as the next; wasserstein and mmd2, the distances to the training set and to a holdout of its size;
    overlap_gap and sign of the paper's kernel Δ, with that holdout for O (in 64 dimensions mostly noise of the
    generated points, unless they are copies). `weights` is the number of parameters of one network.
    """
    device, law = resolve_device(at.device), power_law(at.d)
    keys, sets = point_sets(at.d, at.n, at.replicas, at.seed)
    data = {name: torch.from_numpy(np.stack([known[name] for known in sets])) for name in sets[0]}
    model = MLP(at.d, at.replicas, at.hidden, DEPTH, keys=keys).to(device)
    training = Training(model, data["train"].float(), keys, LEVELS, BATCH, LR)
    noised = probes(data, np.array(law.eigenvalues), at)
    ideal = np.stack([law.sample(GENERATED, stream(*key, "ideal")) for key in keys])
    rows = [of_points(ideal, sets).assign(generator="ideal", step=0)]
    steps = looked_at(at.steps)
    for step in steps:
        training.run(step - training.step)
        rows.append(between_limits(model, noised).assign(generator="network", step=step))
        if step in (*steps[9::4], steps[-1]):
            made = sampled(model, law.eigenvalues, at)
            rows.append(of_points(made, sets).assign(generator="network", step=step))
    weights = sum(p.numel() for p in model.parameters()) // at.replicas
    table = pd.concat(rows, ignore_index=True)
    table = table.assign(d=at.d, n=at.n, hidden=at.hidden, weights=weights)
    return table[["d", "n", "hidden", "weights", "replica", "step", "generator", "points", "tau", "measure", "value"]]


def point_sets(d: int, n: int, replicas: int, seed: int) -> tuple[list[tuple], list[dict[str, np.ndarray]]]:
    """The key of each replica's streams, and its sets by name: n training points and n holdout points, (n, d)."""
    keys = [(seed, "training", d, n, r) for r in range(replicas)]
    law = power_law(d)
    return keys, [{name: law.sample(n, stream(*key, name)) for name in ("train", "holdout")} for key in keys]


_NETWORK = ["d", "n", "hidden", "weights", "replica", "tau"]


def law_distance(table: pd.DataFrame) -> pd.Series:
    """The mean squared distance of each network from D_pop at holdout points, by noise and step, in rows of `cell`."""
    fresh = _by_step(table)["holdout"]
    return (fresh.a**2 + fresh.b_squared) * fresh.separation


def _by_step(table: pd.DataFrame) -> pd.DataFrame:
    seen = table[table.tau.notna() & table.measure.isin(["a", "b_squared", "separation"])]
    return seen.pivot(index=[*_NETWORK, "step"], columns=["points", "measure"], values="value").sort_index()


def milestones(table: pd.DataFrame, share: float = 0.5) -> pd.DataFrame:
    """When each network in the rows of `cell` learns the law and when it memorizes, at each noise τ.

    Columns d, n, hidden, weights, replica, tau, and

    generalized   the step at which the squared distance from D_pop, at holdout points, is down to `share` of the first
    best, least   the step at which this distance is least, and what it is then, relative to the first
    memorized     the step at which a, at training points, has risen to `share`
    last          a at the last step

    `generalized` and `memorized` are interpolated linearly in ln(1 + step); they are ∞ if it does not happen.
    """
    wide, errors = _by_step(table), law_distance(table)
    rows = []
    for key, error in errors.groupby(level=_NETWORK):
        steps, a = error.index.get_level_values("step").to_numpy(), wide.loc[error.index, ("train", "a")].to_numpy()
        error, at = error.to_numpy() / error.iloc[0], np.log1p(steps)
        found = {
            "generalized": np.expm1(first_crossing(at, -error, -share)),
            "best": steps[error.argmin()],
            "least": error.min(),
            "memorized": np.expm1(first_crossing(at, a, share)),
            "last": a[-1],
        }
        rows.append({**dict(zip(_NETWORK, key, strict=True)), **found})
    return pd.DataFrame(rows)


class Probe(NamedTuple):
    """Noised points (M, _PROBES, d), training or holdout, at one noise level, with both known denoisers' values."""

    points: str
    tau: float
    clean: Tensor
    noised: Tensor
    population: Tensor
    empirical: Tensor


def probes(data: dict[str, Tensor], eigenvalues: np.ndarray, at: Cell) -> list[Probe]:
    """Training points and holdout points (M, n, d), each noised at every level, with what both known denoisers make."""
    chosen = np.arange(_PROBES) % at.n  # if there are fewer points than probes, each is noised several times
    spectrum = torch.from_numpy(eigenvalues)
    found = []
    for name, points in data.items():
        clean = points[:, chosen]
        for tau in TAUS:
            names = np.arange(at.replicas * _PROBES).reshape(at.replicas, -1)
            noised = clean + tau * Noise(names, at.seed, "training probes", at.d, at.n, name)(tau, clean)
            empirical = [EmpiricalBayes(x).denoise(u, tau) for x, u in zip(data["train"], noised, strict=True)]
            population = noised * (spectrum / (spectrum + tau**2))
            found.append(Probe(name, tau, clean, noised, population, torch.stack(empirical)))
    return found


def between_limits(model: MLP, probes: list[Probe]) -> pd.DataFrame:
    """Compare the network with the posterior means over the true law and over the training set: rows of `cell`."""
    rows = []
    for probe in probes:
        with torch.no_grad():
            denoised = model(probe.noised.to(model.last.weight), probe.tau).cpu().double()
        found = fractions(denoised, probe.population, probe.empirical)
        values = {**found._asdict(), "loss": (denoised - probe.clean).square().mean((1, 2))}
        rows += [
            {"replica": r, "points": probe.points, "tau": probe.tau, "measure": measure, "value": float(value[r])}
            for measure, value in values.items()
            for r in range(len(probe.clean))
        ]
    return pd.DataFrame(rows)


def sampled(model: MLP, eigenvalues: tuple[float, ...], at: Cell) -> np.ndarray:
    """Points (M, GENERATED, d) that the networks make from the true noised law at the widest level.

    So all errors are the network's.
    """
    names = np.arange(at.replicas * GENERATED).reshape(at.replicas, GENERATED)
    noise = Noise(names, at.seed, "training samples", at.d, at.n)
    top = float(_WIDTHS[0])
    spread = torch.tensor([(value + top**2) ** 0.5 for value in eigenvalues]).to(model.last.weight)
    start = spread * noise(top, torch.zeros(*names.shape, at.d).to(spread))
    return heun(model, start, _WIDTHS).cpu().double().numpy()


def of_points(generated: np.ndarray, sets: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """Rows of `cell` that measure the generated points (M, GENERATED, d) of each replica."""
    rows = []
    for r, (points, known) in enumerate(zip(generated, sets, strict=True)):
        delta = points_l2_delta(known["train"], known["holdout"], points)
        values = {
            ("", "flagged"): float((nearest_ratio(points, known["train"]) < 1 / 3).mean()),
            ("", "overlap_gap"): delta.overlap_gap,
            ("", "sign"): float(delta.sign),
        }
        for name, others in known.items():
            values[name, "wasserstein"] = wasserstein2(points, others)
            values[name, "mmd2"] = mmd2(points, others)
        rows += [
            {"replica": r, "points": name, "measure": measure, "value": v} for (name, measure), v in values.items()
        ]
    return pd.DataFrame(rows).assign(tau=np.nan)
