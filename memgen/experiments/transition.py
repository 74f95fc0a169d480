"""The transition probability P(Δ > 0) of the linear model (E6, Fig. 3); every choice of the public code is a switch."""

import re
from functools import lru_cache
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field, PositiveFloat, field_validator
from torch import Tensor

from memgen.denoisers.linear import fit
from memgen.devices import Device, batches, resolve_device
from memgen.measures import KernelEstimate, combine, factor, kernel_estimate, log_cross, single_precision
from memgen.runs.parameters import ChapterParams
from memgen.statistics import proportion
from memgen.streams import stream

VERSION = 1
MEAN = 10.0  # of every coordinate, as in the public code: it costs digits in float32 and none in float64
REFERENCES = 30  # independent sets O that the replicas share
# n/d of Fig. 3: the seed's own 1/4 … 1, close to n = d, and out to the transition of the overlap.
RATIOS = (0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1, 1.02, 1.05, 1.1, 1.25, 1.5, 2, 3, 4, 7, 10, 16)
OVERLAP_RATIOS = (0.5, 1, 2, 4)  # n/d^{3/2}
_SIZES = {"smoke": (16,), "standard": (16,), "paper": (16, 100)}
_OVERLAP_SIZES = {"smoke": (16,), "standard": (16, 36), "paper": (16, 36, 64, 100, 256)}

Study = Literal["figure3", "overlap"]


class Choice(NamedTuple):
    """How Δ is computed: what the public code does, or what should be done, at four places."""

    precision: Literal["float32", "float64"]
    covariance: Literal["BtB", "BBt"]
    references: Literal["unequal", "equal"]  # T against 10⁴ points, or against a holdout of the size of T
    generator: Literal["one-step", "multi-step", "ideal"]  # ideal: the true law, whatever the training set

    def __str__(self) -> str:
        return " ".join(self)


PUBLIC = Choice("float32", "BtB", "unequal", "one-step")
# Each differs from the one before in one place, but for those that only ask what a perfect generator would show.
LADDER = (
    PUBLIC,
    PUBLIC._replace(covariance="BBt"),
    PUBLIC._replace(precision="float64"),
    Choice("float64", "BBt", "unequal", "one-step"),
    Choice("float64", "BBt", "equal", "one-step"),
    Choice("float64", "BBt", "equal", "multi-step"),
    Choice("float64", "BBt", "unequal", "ideal"),
    Choice("float64", "BBt", "equal", "ideal"),
)
_CHOICE = re.compile(r"(float32|float64) (BtB|BBt) (unequal|equal) (one-step|multi-step|ideal)")
# Of the public code, whose O has 10⁴ points: T = 2, λ = e^{−2T}.
_ALWAYS = {"tau": float(np.sqrt(-np.expm1(-4))), "choices": tuple(map(str, LADDER))}


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset, but for d: None is all of the preset's."""

    presets: ClassVar = {
        "smoke": {"replicas": 12, "original": 1000, **_ALWAYS},
        "standard": {"replicas": 100, "original": 10_000, **_ALWAYS},
        "paper": {"replicas": 300, "original": 10_000, **_ALWAYS},
    }

    device: Device = "cpu"
    d: int | None = Field(None, ge=2)
    replicas: int | None = Field(None, ge=12)
    tau: PositiveFloat | None = None
    original: int | None = Field(None, ge=3)
    choices: tuple[str, ...] | None = Field(None, min_length=1)

    @field_validator("choices")
    @classmethod
    def _known(cls, choices: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for choice in choices or ():
            if not _CHOICE.fullmatch(choice):
                raise ValueError(f"{choice!r} is not of the form '{_CHOICE.pattern}'")
            if choice.startswith("float32") and not choice.endswith("one-step"):
                raise ValueError(f"{choice!r}: float32 emulates the public code, whose generator is one-step")
        return choices

    @property
    def sizes(self) -> tuple[int, ...]:
        """Dimensions of Fig. 3."""
        return _SIZES[self.preset] if self.d is None else (self.d,)

    @property
    def overlap_sizes(self) -> tuple[int, ...]:
        """Dimensions of the overlap study."""
        return _OVERLAP_SIZES[self.preset] if self.d is None else (self.d,)


class Cell(NamedTuple):
    """One point of the grid: n points of N(10·1, I) in d dimensions, all choices on the same data in every replica."""

    study: Study
    d: int
    n: int
    tau: float
    replicas: int
    original: int
    choices: tuple[str, ...]
    seed: int
    device: str = "cpu"


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter, n ≥ 3 in each."""
    p = params.resolved()
    assert p.replicas is not None and p.tau is not None and p.original is not None and p.choices is not None
    figure3 = [
        Cell("figure3", d, n, p.tau, p.replicas, p.original, p.choices, p.seed, p.device)
        for d in params.sizes
        for n in sorted({max(3, round(ratio * d)) for ratio in RATIOS})
    ]
    overlap = [
        Cell("overlap", d, round(ratio * d**1.5), p.tau, p.replicas * more, 0, (str(LADDER[5]),), p.seed, p.device)
        for d in params.overlap_sizes
        for more in [min(8, max(1, 256 // d))]  # small dimensions are cheap
        for ratio in OVERLAP_RATIOS
    ]
    return figure3 + overlap


def cell(point: Cell) -> pd.DataFrame:
    """Rows of one cell: study, d, n, the four switches, replica, measure, value.

    figure3: sign and log_abs of Δ for every choice; in float64 its four terms as well, named as in `measures.Delta`,
    and log_generated = ln‖G‖² in the same units (∞ for n ≤ d), with which E_XG = 1 + pair(X) − cross(X) + ‖G‖².
    overlap: overlap_gap = ln⟨G,H⟩ − ln⟨G,T⟩ of the multi-step model, whose pair sums nobody needs.
    """
    if point.study == "overlap":
        key = (point.seed, "transition", "overlap", point.d, point.n)
        values = overlap_gaps(point.n, point.d, point.replicas, key, device=resolve_device(point.device))
        table = pd.DataFrame({"replica": np.arange(point.replicas), "measure": "overlap_gap", "value": values})
        return _labelled(table, point, point.choices[0])
    found: dict[str, list[dict[str, float]]] = {choice: [] for choice in point.choices}
    for replica in range(point.replicas):
        for choice, delta in _replica(point, replica).items():
            found[choice].append(delta)
    tables = []
    for choice, rows in found.items():
        table = pd.DataFrame(rows).rename_axis("replica").reset_index().melt(id_vars="replica", var_name="measure")
        tables.append(_labelled(table, point, choice))
    return pd.concat(tables, ignore_index=True)


def _labelled(table: pd.DataFrame, point: Cell, choice: str) -> pd.DataFrame:
    switches = dict(zip(Choice._fields, choice.split(), strict=True))
    return table.assign(study=point.study, d=point.d, n=point.n, **switches)


def _replica(point: Cell, replica: int) -> dict[str, dict[str, float]]:
    """Δ of one training set under every choice."""
    n, d, tau = point.n, point.d, point.tau
    device = resolve_device(point.device)
    rng = stream(point.seed, "transition", d, n, replica)
    train, holdout = MEAN + rng.standard_normal((2, n, d))
    noise = rng.standard_normal((n, d))
    choices = {name: Choice._make(name.split()) for name in point.choices}
    double, single = ({c.references for c in choices.values() if c.precision == p} for p in ("float64", "float32"))
    shared = replica % REFERENCES
    found = {}
    if double:
        t = kernel_estimate(torch.from_numpy(train).to(device))
        laws = _laws(t.points, t.points + tau * torch.from_numpy(noise).to(device), tau)
        sets = {
            kind: kernel_estimate(torch.from_numpy(holdout).to(device))
            if kind == "equal"
            else _reference(point.seed, d, point.original, shared, device)
            for kind in double
        }
    if single:
        law32, t32 = single_precision.generator(train, noise, tau), single_precision.reference(train)
        sets32 = {
            kind: single_precision.reference(holdout)
            if kind == "equal"
            else _reference32(point.seed, d, point.original, shared)
            for kind in single
        }
    for name, choice in choices.items():
        if choice.precision == "float32":
            to = (t32, sets32[choice.references])
            near, far = (single_precision.distance(*law32, x, choice.covariance) for x in to)
            size = abs(near - far)
            found[name] = {"sign": float(np.sign(near - far)), "log_abs": float(np.log(size)) if size else -np.inf}
        else:
            o = sets[choice.references]
            mean, covariance = laws["transposed" if choice.covariance == "BtB" else choice.generator]
            crosses = [float(log_cross(x.points, mean, covariance, x.variance)) for x in (t, o)]
            delta = combine(t.log_pair, o.log_pair, *crosses)._asdict()
            del delta["cancellation"]
            found[name] = delta | {"log_generated": -float(factor(covariance).logdet) / 2}
    return found


def _laws(x: Tensor, u: Tensor, tau: float) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and covariance of the laws that the generators make of n points, and what BᵀB makes of the first."""
    b0, slope = fit(x, u)
    middle = x.mean(0)
    variance = (x - middle).square().mean() * len(x) / (len(x) - 1) + tau**2
    eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return {
        "one-step": (b0 + slope @ middle, variance * slope @ slope.mT),
        "transposed": (b0 + slope @ middle, variance * slope.mT @ slope),
        "multi-step": (middle, torch.cov(x.mT)),
        "ideal": (MEAN * torch.ones_like(middle), eye),
    }


def _original(seed: int, d: int, size: int, k: int) -> np.ndarray:
    return MEAN + stream(seed, "transition", "original", d, k).standard_normal((size, d))


@lru_cache(maxsize=REFERENCES)
def _reference(seed: int, d: int, size: int, k: int, device: torch.device) -> KernelEstimate:
    return kernel_estimate(torch.from_numpy(_original(seed, d, size, k)).to(device))


@lru_cache(maxsize=REFERENCES)
def _reference32(seed: int, d: int, size: int, k: int) -> single_precision.Reference:
    return single_precision.reference(_original(seed, d, size, k))


def overlap_gaps(
    n: int, d: int, replicas: int, key: tuple, variance: float | None = None, device: torch.device | None = None
) -> np.ndarray:
    """ln⟨G,H⟩ − ln⟨G,T⟩ of the multi-step G = N(x̄, S), data N(0, I), H a holdout of n points. (replicas,)

    Kernels have the variance n^{−2/d} of the seed unless one is given. Replica r depends on the key and on r alone.
    """
    variance = n ** (-2 / d) if variance is None else variance
    gaps = []
    for many in batches(replicas, n * d):
        sets = np.stack([stream(*key, r).standard_normal((2, n, d)) for r in many], 1)
        train, holdout = torch.from_numpy(sets).to(device or torch.device("cpu"))
        mean = train.mean(-2)
        centred = train - mean[..., None, :]
        covariance = centred.mT @ centred / (n - 1)
        near, far = (log_cross(x, mean, covariance, variance) for x in (train, holdout))
        gaps.append((far - near).cpu())
    return torch.cat(gaps).numpy()


def probabilities(table: pd.DataFrame, statistic: Literal["delta", "overlap"] = "delta") -> pd.DataFrame:
    """P(Δ > 0), or P(overlap gap > 0), with its 95% Wilson interval: d, n, choice, p, low, high, replicas.

    Of the table of a sweep; the overlap gap is there for float64 only.
    """
    switches = list(Choice._fields)
    if statistic == "delta":
        values = table[table["measure"] == "sign"]
    else:
        keys = ["d", "n", *switches, "replica"]
        near, far = (
            table[table["measure"] == f"log_cross_{of}"].set_index(keys)["value"] for of in ("train", "original")
        )
        values = pd.concat([(far - near).reset_index(), table[table["measure"] == "overlap_gap"]])
    rows = []
    for (d, n, *choice), group in values.groupby(["d", "n", *switches]):
        p, low, high = proportion(int((group["value"] > 0).sum()), len(group))
        rows.append((d, n, " ".join(choice), p, low, high, len(group)))
    return pd.DataFrame(rows, columns=["d", "n", "choice", "p", "low", "high", "replicas"])
