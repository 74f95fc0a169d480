"""The linear one-step model, simulated: fit on fresh data, measure the law it generates."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat
from torch import Tensor

from memgen.data import Digits, Law, isotropic, power_law
from memgen.denoisers.linear import generated
from memgen.measures import factor, kl, log_affinity
from memgen.process import noised
from memgen.streams import stream

_PRESETS = {  # d, replicas, sizes of the finite-size study
    "smoke": (16, 20, (8, 16, 32)),
    "standard": (64, 60, (16, 32, 64, 128)),
    "paper": (100, 300, (16, 32, 64, 128, 256)),
}
# Numbers per tensor of a batch: a few megabytes stay in cache, and in memory that is not handed back each time.
_BATCH_NUMBERS = 400_000
# n/d from deep inside minimum norm to far beyond both thresholds.
RATIOS = (0.125, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 10, 20, 40)
SIZE_RATIOS = (0.25, 0.75)  # γ = d/(n−1) of the finite-size study: on the plateau and beyond it at ρ = ½
SPECTRUM_RATIOS = (1.25, 1.5, 2, 3, 4, 5, 6, 8, 12, 20)


class Params(BaseModel):
    """Parameters of the chapter; what is None is set by the preset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    preset: Literal["smoke", "standard", "paper"] = "standard"
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    seed: int = Field(0, ge=0)
    d: int | None = Field(None, ge=1)
    replicas: int | None = Field(None, ge=12)
    rhos: tuple[float, ...] = Field((0.25, 0.5, 0.8), min_length=1)
    tau_spectrum: PositiveFloat = 0.5
    tau_digits: PositiveFloat = 1.0

    def resolved(self) -> "Params":
        """The same with every None filled in from the preset."""
        d, replicas, _ = _PRESETS[self.preset]
        return self.model_copy(update={"d": self.d or d, "replicas": self.replicas or replicas})

    @property
    def sizes(self) -> tuple[int, ...]:
        return _PRESETS[self.preset][2]


class Cell(NamedTuple):
    """One point of the grid: n points of a law in d dimensions at noise τ, so many independent replicas."""

    study: Literal["ratio", "size", "spectrum", "digits"]
    d: int
    n: int
    tau: float
    replicas: int
    seed: int
    device: str = "cpu"

    @property
    def law(self) -> Law:
        if self.study == "digits":
            return Digits()
        return power_law(self.d) if self.study == "spectrum" else isotropic(self.d)


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter, n ≥ 2 in each."""
    params = params.resolved()
    assert params.d is not None and params.replicas is not None
    common = {"replicas": params.replicas, "seed": params.seed, "device": params.device}
    cells = []
    for rho in params.rhos:
        tau = float(np.sqrt(1 / rho - 1))
        for ratio in RATIOS:
            cells.append(Cell("ratio", params.d, max(2, round(ratio * params.d)), tau, **common))
    for size in params.sizes:
        for gamma in SIZE_RATIOS:
            # The fluctuations of a mean per dimension fall as 1/size: small sizes get more replicas.
            replicas = 4 * params.replicas * max(params.sizes) // (2 * size)
            cells.append(Cell("size", size, 1 + round(size / gamma), 1.0, **common | {"replicas": replicas}))
    for ratio in SPECTRUM_RATIOS:
        cells.append(Cell("spectrum", params.d, round(ratio * params.d), params.tau_spectrum, **common))
        cells.append(Cell("digits", 64, round(ratio * 64), params.tau_digits, **common))
    return cells


def cell(point: Cell) -> pd.DataFrame:
    """Rows of one cell: study, d, n, tau, replica, measure, value; the measures are those of `simulate`."""
    key = (point.seed, "linear", point.study, point.d, point.n, point.tau)
    values = simulate(point.law, point.n, point.tau, point.replicas, key, resolve_device(point.device))
    table = pd.DataFrame(values).rename_axis("replica").reset_index()
    table = table.melt(id_vars="replica", var_name="measure")
    return table.assign(study=point.study, d=point.d, n=point.n, tau=point.tau)


def simulate(
    law: Law, n: int, tau: float, replicas: int, key: tuple, device: torch.device | None = None
) -> dict[str, np.ndarray]:
    """Fit on `replicas` training sets of n points of the law and measure what is generated. Arrays (replicas,).

    Per dimension: trace (1/d) tr Σ⁻¹Σ_G, inverse_trace (1/d) tr ΣΣ_G⁻¹, logdet (1/d) ln det Σ⁻¹Σ_G (Σ_G from the
    true noised covariance); kl_generated_true, kl_true_generated, log_affinity between G and the Gaussian with the
    law's moments; mean_error |μ−m|²/tr Σ. Singular laws give ∞. Replica r depends on the key and on r alone.
    """
    device = device or torch.device("cpu")
    d = len(law.mean)
    mean, covariance = torch.from_numpy(law.mean).to(device), torch.from_numpy(law.covariance).to(device)
    late = covariance + tau**2 * torch.eye(d, dtype=covariance.dtype, device=device)
    whiten = factor(covariance)
    batch = max(1, _BATCH_NUMBERS // (max(n, d) * d))
    parts: list[dict[str, Tensor]] = []
    for start in range(0, replicas, batch):
        draws = [_draw(law, n, tau, (*key, r)) for r in range(start, min(start + batch, replicas))]
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


def resolve_device(name: str) -> torch.device:
    """The torch device of "auto", "cpu" or "cuda"; asking for a CUDA device that is not there is an error."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = cuda: no CUDA device is available")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
