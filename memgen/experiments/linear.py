"""Simulate the linear one-step model: fit a denoiser to fresh data and measure the law it generates."""

from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from memgen.denoisers.linear import generated
from memgen.devices import Device, batches, resolve_device
from memgen.laws.data import Digits, Law, isotropic, power_law
from memgen.laws.process import noised
from memgen.measures import factor, kl, log_affinity
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1  # of the rows that `cell` gives: raised whenever they change, so that a store never mixes two
_SIZES = {"smoke": (16, 32, 64), "standard": (16, 32, 64, 128), "paper": (16, 32, 64, 128, 256)}
_COPIES = {"smoke": (1,), "standard": (1,), "paper": (1, 2, 3, 4, 6, 8)}
# n/d from deep inside minimum norm to far beyond both thresholds.
RATIOS = (0.125, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 10, 20)
SIZE_RATIOS = (0.25, 0.75)  # γ = d/(n−1) of the finite-size study: on the plateau and beyond it at ρ = ½
SPECTRUM_RATIOS = (1.25, 1.5, 2, 3, 4, 6, 10, 20)
DIGIT_RATIOS = (4.75, 6, 8.5, 16)  # n/d, beyond the threshold of the digits

Study = Literal["ratio", "size", "spectrum", "digits", "surrogate"]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Params(ChapterParams):
    """Parameters of the chapter; the preset sets those that are None."""

    presets: ClassVar = {
        "smoke": {"d": 16, "replicas": 60},
        "standard": {"d": 64, "replicas": 60},
        "paper": {"d": 100, "replicas": 300},
    }

    device: Device = "cpu"
    d: int | None = Field(None, ge=2)
    replicas: int | None = Field(None, ge=12)
    rhos: Annotated[tuple[Fraction, ...], Distinct] = Field((0.25, 0.5, 0.8), min_length=1)
    tau_spectrum: PositiveFloat = 0.5
    tau_digits: float = Field(1.0, gt=0, le=4)  # above, thresholds need too many points

    @property
    def sizes(self) -> tuple[int, ...]:
        """The dimensions of the finite-size study."""
        return _SIZES[self.preset]

    @property
    def copies(self) -> tuple[int, ...]:
        """The numbers of independent digits, side by side, that make one point; each number is studied."""
        return _COPIES[self.preset]


class Cell(NamedTuple):
    """One place of the grid: `replicas` training sets, of n points each of the law in d dimensions at noise τ."""

    study: Study
    d: int
    n: int
    tau: float
    replicas: int
    seed: int
    device: str = "cpu"

    @property
    def law(self) -> Law:
        """The data law: digits and their Gaussian surrogate, a power-law spectrum, or N(0, I)."""
        if self.study in ("digits", "surrogate"):
            digits = Digits(self.d // 64)
            return digits if self.study == "digits" else digits.surrogate()
        return power_law(self.d) if self.study == "spectrum" else isotropic(self.d)


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter; each has n ≥ 2."""
    params = params.resolved()
    d, replicas = params.d, params.replicas
    assert d is not None and replicas is not None
    cells: list[Cell] = []

    def add(study: Study, size: int, ratios: tuple[float, ...], tau: float, many: int) -> None:
        for ratio in ratios:
            n = max(2, round(ratio * size))
            cells.append(Cell(study, size, n, tau, many, params.seed, params.device))

    for rho in params.rhos:
        add("ratio", d, RATIOS, float(np.sqrt(1 / rho - 1)), replicas)
    # A mean per dimension fluctuates as 1/d: small dimensions get more replicas for the same error.
    for size in params.sizes:
        at = tuple(1 / gamma + 1 / size for gamma in SIZE_RATIOS)
        add("size", size, at, 1.0, 2 * replicas * max(params.sizes) // size)
    add("spectrum", d, SPECTRUM_RATIOS, params.tau_spectrum, replicas)
    add("surrogate", 64, DIGIT_RATIOS, params.tau_digits, 2 * replicas)
    for copies in params.copies:
        add("digits", 64 * copies, DIGIT_RATIOS, params.tau_digits, max(24, 2 * replicas // copies**2))
    return cells


def cell(at: Cell) -> pd.DataFrame:
    """Rows of one cell: study, d, n, tau, replica, measure, value; the measures are those of `simulate`."""
    key = (at.seed, "linear", at.study, at.d, at.n, at.tau)
    values = simulate(at.law, at.n, at.tau, at.replicas, key, resolve_device(at.device))
    table = pd.DataFrame(values).rename_axis("replica").reset_index()
    table = table.melt(id_vars="replica", var_name="measure")
    return table.assign(study=at.study, d=at.d, n=at.n, tau=at.tau)


def simulate(
    law: Law, n: int, tau: float, replicas: int, key: tuple, device: torch.device | None = None
) -> dict[str, np.ndarray]:
    """Fit a denoiser to each of `replicas` training sets of n points and measure the law G that it generates.

    Returns one array (replicas,) for each measure. Per dimension: trace (1/d) tr Σ⁻¹Σ_G, inverse_trace
    (1/d) tr ΣΣ_G⁻¹, logdet (1/d) ln det Σ⁻¹Σ_G, where Σ_G starts from the true noised covariance; kl_generated_true,
    kl_true_generated and log_affinity compare G with the Gaussian that has the law's moments. Also mean_error
    |μ−m|²/tr Σ. A singular G has infinite divergences. Replica r depends on the key and on r alone.
    """
    device = device or torch.device("cpu")
    d = len(law.mean)
    mean, covariance = torch.from_numpy(law.mean).to(device), torch.from_numpy(law.covariance).to(device)
    late = covariance + tau**2 * torch.eye(d, dtype=covariance.dtype, device=device)
    whiten = factor(covariance)
    parts: list[dict[str, Tensor]] = []
    for many in batches(replicas, max(n, d) * d):
        draws = [_draw(law, n, tau, (*key, r)) for r in many]
        x, u = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*draws, strict=True))
        fitted = generated(x, u, tau, late)
        lower = torch.linalg.solve_triangular(whiten.lower, fitted.covariance, upper=False)
        relative = torch.linalg.solve_triangular(whiten.lower, lower.mT, upper=False)
        own = factor(fitted.covariance)
        inverse = torch.linalg.solve_triangular(own.lower, whiten.lower, upper=False).square().sum((-1, -2))
        part = {
            "trace": relative.diagonal(dim1=-1, dim2=-2).sum(-1),
            "inverse_trace": torch.where(own.singular, torch.inf, inverse),
            "logdet": own.logdet - whiten.logdet,
            "kl_generated_true": kl(fitted.mean, fitted.covariance, mean, covariance),
            "kl_true_generated": kl(mean, covariance, fitted.mean, fitted.covariance),
            "log_affinity": log_affinity(fitted.mean, fitted.covariance, mean, covariance),
        }
        part = {name: value / d for name, value in part.items()}
        part["mean_error"] = (fitted.mean - mean).square().sum(-1) / covariance.diagonal().sum()
        parts.append(part)
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}


def _draw(law: Law, n: int, tau: float, key: tuple) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(*key)
    x = law.sample(n, rng)
    return x, noised(x, tau, rng)
