"""The transition probability P(Δ > 0) of the linear model, over training sets.

Δ = E_TG − E_OG compares the distance of the generated law G from its training set T with that from an original set
O. Fig. 3 of the paper shows how often Δ > 0. Its public code makes four choices, and each is a switch here.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field, PositiveFloat, field_validator
from torch import Tensor

from memgen.denoisers.linear import fit, one_step
from memgen.devices import Device, batches, resolve_device
from memgen.measures import (
    KernelEstimate,
    combine,
    factor,
    kernel_estimate,
    log_cross,
    position,
    single_precision,
)
from memgen.runs.parameters import ChapterParams
from memgen.statistics import mean, proportion
from memgen.streams import stream

VERSION = 2
MEAN = 10.0  # of every coordinate, as in the public code: float32 loses digits to it, float64 none that matter
REFERENCES = 30  # independent sets O; replica r is compared with set r modulo 30
# n/d for Fig. 3: the paper's own 1/4 … 1, many close to n = d, and on to where the overlap gap changes sign.
RATIOS = (0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1, 1.02, 1.05, 1.1, 1.25, 1.5, 2, 3, 4, 7, 10, 16)
OVERLAP_RATIOS = (0.5, 1, 2, 4)  # n/d^{3/2}
_SIZES = {"smoke": (16,), "standard": (16,), "paper": (16, 100)}
_OVERLAP_SIZES = {"smoke": (16,), "standard": (16, 36), "paper": (16, 36, 64, 100, 256)}

Study = Literal["figure3", "overlap"]


class Choice(NamedTuple):
    """How Δ is computed: at each of four places what the public code does, or what should be done instead."""

    precision: Literal["float32", "float64"]
    covariance: Literal["BtB", "BBt"]
    references: Literal["unequal", "equal"]  # O has 10⁴ points, or is a holdout as large as T
    generator: Literal["one-step", "multi-step", "ideal"]  # ideal: G is the true law, whatever T is

    def __str__(self) -> str:
        return " ".join(self)


PUBLIC = Choice("float32", "BtB", "unequal", "one-step")
# The public code; each of its two errors mended alone, then both; then an equal holdout, then many steps. The last two
# show a perfect generator.
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
# τ is that of the public code: T = 2, λ = e^{−2T}.
_ALWAYS = {"tau": float(np.sqrt(-np.expm1(-4))), "choices": tuple(map(str, LADDER))}


class Params(ChapterParams):
    """Parameters of the chapter. The preset sets those that are None; with d = None all its dimensions are run."""

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
        """The dimensions of the study of Fig. 3."""
        return _SIZES[self.preset] if self.d is None else (self.d,)

    @property
    def overlap_sizes(self) -> tuple[int, ...]:
        """The dimensions of the overlap study."""
        return _OVERLAP_SIZES[self.preset] if self.d is None else (self.d,)


class Cell(NamedTuple):
    """One cell of the grid: n points of N(10·1, I) in d dimensions. A replica sees the same data under every choice."""

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
    """All cells of the chapter; each has at least three points."""
    p = params.resolved()
    assert p.replicas is not None and p.tau is not None and p.original is not None and p.choices is not None
    figure3 = [
        Cell("figure3", d, n, p.tau, p.replicas, p.original, p.choices, p.seed, p.device)
        for d in params.sizes
        for n in sorted({max(3, round(ratio * d)) for ratio in RATIOS})
    ]
    overlap = [
        Cell("overlap", d, n, p.tau, p.replicas * more, 0, (str(LADDER[5]),), p.seed, p.device)
        for d in params.overlap_sizes
        for more in [min(8, max(1, 256 // d))]  # small dimensions are cheap
        for n in sorted({max(3, round(ratio * d**1.5)) for ratio in OVERLAP_RATIOS})
    ]
    return figure3 + overlap


def cell(at: Cell) -> pd.DataFrame:
    """Rows of one cell: study, d, n, the four switches, replica, measure, value.

    Study figure3 has sign and log_abs of Δ for every choice. In float64 it also has the four terms of Δ, named as in
    `measures.Delta`, and log_generated = ln‖G‖² in the same units (∞ for n ≤ d): E_XG = 1 + pair(X) − cross(X) + ‖G‖².
    Study overlap has overlap_gap = ln⟨G,H⟩ − ln⟨G,T⟩ of the multi-step model; no pairs are summed for it.
    """
    if at.study == "overlap":
        key = (at.seed, "transition", "overlap", at.d, at.n)
        values = overlap_gaps(at.n, at.d, at.replicas, key, device=resolve_device(at.device))
        table = pd.DataFrame({"replica": np.arange(at.replicas), "measure": "overlap_gap", "value": values})
        return _labelled(table, at, at.choices[0])
    found: dict[str, list[dict[str, float]]] = {choice: [] for choice in at.choices}
    for replica in range(at.replicas):
        for choice, delta in _replica(at, replica).items():
            found[choice].append(delta)
    tables = []
    for choice, rows in found.items():
        table = pd.DataFrame(rows).rename_axis("replica").reset_index().melt(id_vars="replica", var_name="measure")
        tables.append(_labelled(table, at, choice))
    return pd.concat(tables, ignore_index=True)


def _labelled(table: pd.DataFrame, at: Cell, choice: str) -> pd.DataFrame:
    switches = dict(zip(Choice._fields, choice.split(), strict=True))
    return table.assign(study=at.study, d=at.d, n=at.n, **switches)


def _replica(at: Cell, replica: int) -> dict[str, dict[str, float]]:
    """Sign, size and terms of Δ of one training set, by choice (see `cell`)."""
    n, d, tau = at.n, at.d, at.tau
    device = resolve_device(at.device)
    rng = stream(at.seed, "transition", d, n, replica)
    train, holdout = MEAN + rng.standard_normal((2, n, d))
    noise = rng.standard_normal((n, d))
    choices = {name: Choice._make(name.split()) for name in at.choices}
    double, single = ({c.references for c in choices.values() if c.precision == p} for p in ("float64", "float32"))
    shared = replica % REFERENCES
    found = {}
    if double:
        t = kernel_estimate(torch.from_numpy(train).to(device))
        laws = _laws(t.points, t.points + tau * torch.from_numpy(noise).to(device), tau)
        sets = {
            kind: kernel_estimate(torch.from_numpy(holdout).to(device))
            if kind == "equal"
            else _reference(at.seed, d, at.original, shared, device)
            for kind in double
        }
    if single:
        law32, t32 = single_precision.generator(train, noise, tau), single_precision.reference(train)
        sets32 = {
            kind: single_precision.reference(holdout)
            if kind == "equal"
            else _reference32(at.seed, d, at.original, shared)
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
            # With n ≤ d points the covariance is singular, though rounding may leave it a determinant.
            flat = n <= d and choice.generator != "ideal"
            found[name] = delta | {"log_generated": np.inf if flat else -float(factor(covariance).logdet) / 2}
    return found


def _laws(x: Tensor, u: Tensor, tau: float) -> dict[str, tuple[Tensor, Tensor]]:
    """By name, mean and covariance of what each generator makes of n points; transposed: one step with BᵀB for BBᵀ."""
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
    """ln⟨G,H⟩ − ln⟨G,T⟩, (replicas,), of the multi-step G = N(x̄, S) on data N(0, I); H is a holdout of n points.

    The kernels' variance is the paper's, n^{−2/d}, unless one is given. Replica r depends on the key and on r alone.
    """
    variance = n ** (-2 / d) if variance is None else variance
    gaps = []
    for many in batches(replicas, n * d):
        sets = np.stack([stream(*key, r).standard_normal((2, n, d)) for r in many], 1)
        train, holdout = torch.from_numpy(sets).to(device or torch.device("cpu"))
        gaps.append(overlap_gap(train, holdout, variance).cpu())
    return torch.cat(gaps).numpy()


def overlap_gap(train: Tensor, holdout: Tensor, variance: float) -> Tensor:
    """ln⟨G,H⟩ − ln⟨G,T⟩, (...), of G = N(x̄, S) for given sets (..., n, d) and this variance of the kernels."""
    mean = train.mean(-2)
    centred = train - mean[..., None, :]
    covariance = centred.mT @ centred / (train.shape[-2] - 1)
    near, far = (log_cross(x, mean, covariance, variance) for x in (train, holdout))
    return far - near


def sharpness(n: Any, d: float) -> Any:
    """q = σ²/(σ²+ε²) of the paper's kernels, σ = 1."""
    return 1 / (1 + n ** (-2 / d))


def probabilities(table: pd.DataFrame, statistic: Literal["delta", "overlap"] = "delta") -> pd.DataFrame:
    """P(Δ > 0), or P(overlap gap > 0), with its 95% Wilson interval: d, n, choice, p, low, high, replicas.

    `table` is that of a sweep; the overlap gap exists in float64 only.
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


# -- the plane of a and b² -----------------------------------------------------------------------------------------

PLANE_D = 3  # where the norms of T, O and G are comparable
PLANE_COUNTS = (16, 32, 64, 128, 256)
PLANE_FACTORS = (0.3, 0.5, 0.8, 1.25, 2, 3)  # of the true variance, for laws that never saw the training set
PLANE_UNTRAINED = 512  # the size of the training sets which those are compared with
Generate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # mean and covariance of G, from the training points


def plane(tau: float, replicas: int, seed: int) -> pd.DataFrame:
    """Mean place of generated laws in the plane through O along T − O: law, tau, n, factor, and what `_place` finds.

    The laws are one step at two levels of noise and many steps, at growing n, and the true law with `factor` times its
    variance.
    """
    rng = stream(seed, "transition", "plane")

    def one(noise: float) -> Generate:
        def generate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            middle, covariance = one_step(x, noise, rng)
            return middle, (covariance + covariance.T) / 2

        return generate

    def fixed(factor: float) -> Generate:
        return lambda x: (np.zeros(PLANE_D), factor * np.eye(PLANE_D))

    kinds: list[tuple[str, float, int, float, Generate]] = [
        *(("one step", noise, n, np.nan, one(noise)) for noise in (tau, 0.5) for n in PLANE_COUNTS),
        *(("many steps", np.nan, n, np.nan, lambda x: (x.mean(0), np.cov(x.T))) for n in PLANE_COUNTS),
        *(("true law", np.nan, PLANE_UNTRAINED, factor, fixed(factor)) for factor in PLANE_FACTORS),
    ]
    rows = [
        {"law": law, "tau": noise, "n": n, "factor": factor, **_place(n, replicas, generate, rng)}
        for law, noise, n, factor, generate in kinds
    ]
    return pd.DataFrame(rows)


def _place(n: int, replicas: int, generate: Generate, rng: np.random.Generator) -> dict[str, float]:
    """The mean a, and the mean b²‖T−O‖² as `off`, in units of ‖O‖², over training sets; with their 95% intervals."""
    found = []
    for _ in range(replicas):
        x = rng.standard_normal((n, PLANE_D))
        found.append(position(kernel_estimate(x), *generate(x), np.zeros(PLANE_D), np.eye(PLANE_D)))
    a, b_squared, separation = np.array(found).T
    middle = np.mean(a * separation) / np.mean(separation)  # a ratio of means, whose error is taken to first order
    along = mean((a - middle) * separation / np.mean(separation)).interval()
    across = mean(b_squared * separation)
    low, high = across.interval()
    return {
        "a": middle,
        "a_low": middle + along[0],
        "a_high": middle + along[1],
        "off": across.value,
        "off_low": low,
        "off_high": high,
    }
