"""Who was in the training set, asked of the generated law, of samples of it, and of denoisers.

For laws, G = N(x̄, S) of n points of a Gaussian law, or of pictures, the attack gives a score to the training points
and to fresh ones.  For denoisers, the loss |x − D(x+τξ)|² of networks and of the exact score is the (negative) score.
"""

from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from sklearn.datasets import load_sample_images
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.mlp import MLP
from memgen.denoisers.training import Training
from memgen.devices import Device, resolve_device
from memgen.laws.data import Gaussian, isotropic, power_law
from memgen.laws.pictures import pictures
from memgen.laws.schedules import LogUniform
from memgen.measures import fractions
from memgen.measures.membership import auc, distances, losses
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

Study = Literal["isotropic", "power law", "low rank", "digits", "patches", "network", "exact"]

VERSION = 1
RATIOS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # n/d^{3/2}; those with n > d + 1
KNOWN_RATIOS = (0.25, 1.0, 4.0)  # n/d²
SHARES = (1.25, 2.0, 4.0)  # generated points over dimensions, m/d
FRESH = 2000  # points that are not in the training set
_LARGEST = 2**24  # numbers in a training set
PICTURES: dict[Study, tuple[int, ...]] = {"digits": (100, 200, 400, 800), "patches": (100, 200, 400, 1000, 4000)}  # n
TAUS = (0.1, 0.2, 0.3, 0.5, 1.0)  # at which the loss of a network is taken
HIDDEN = 128  # units in each layer of a network
NOISES = 8  # ξ for each point
_LEVELS, _BATCH, _LR, _DEPTH = LogUniform(0.03, 20.0), 64, 1e-3, 3
_PROBES = 512  # points at which the loss of a network is taken, on each side
EXACT_D = 16
_EXACT_N, _EXACT_WIDTHS = (100, 1000), (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)

Dimension = Annotated[int, Field(ge=2)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"dims": (16,), "replicas": 4, "sizes": (32,), "steps": 100, "networks": 2},
        "standard": {"dims": (16,), "replicas": 10, "sizes": (32,), "steps": 316, "networks": 2},
        "paper": {"dims": (16, 64, 256), "replicas": 30, "sizes": (32, 64, 128, 512), "steps": 4000, "networks": 5},
    }

    device: Device = "cpu"
    dims: Annotated[tuple[Dimension, ...], Distinct] | None = Field(None, min_length=1)
    replicas: int | None = Field(None, ge=3)
    sizes: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Distinct] | None = Field(None, min_length=1)
    steps: int | None = Field(None, ge=10)
    networks: int | None = Field(None, ge=2)


class Cell(NamedTuple):
    """Training sets of n points in d dimensions, or networks that are trained on such sets for `steps` steps."""

    study: Study
    d: int
    n: int
    replicas: int
    steps: int
    seed: int
    device: str = "cpu"


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter."""
    p = params.resolved()
    assert p.dims and p.replicas and p.sizes and p.steps and p.networks
    found = []
    for d in p.dims:
        sizes = {round(ratio * d**1.5) for ratio in RATIOS} | {round(ratio * d**2) for ratio in KNOWN_RATIOS}
        usable = sorted(n for n in sizes if n > d + 3 and n * d <= _LARGEST)
        found += [Cell("isotropic", d, n, p.replicas, 0, p.seed) for n in usable]
    d = p.dims[0]
    for ratio in (0.5, 1.0, 2.0):
        n = max(d + 4, round(ratio * d**1.5))
        found += [Cell("power law", d, n, p.replicas, 0, p.seed), Cell("low rank", d, n, p.replicas, 0, p.seed)]
    found += [Cell(study, 64, n, p.replicas, 0, p.seed) for study, sizes in PICTURES.items() for n in sizes]
    found += [Cell("exact", EXACT_D, n, p.replicas, 0, p.seed) for n in _EXACT_N]
    return found + [Cell("network", EXACT_D, n, p.networks, p.steps, p.seed, p.device) for n in p.sizes]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: study, d, n, replica, step, measure, at, value.

    For a Gaussian law or pictures there is one AUC for each training set, by measure: distance, the attack by −Q;
    known, by |x|² − Q, and ratio, by the likelihood ratio, |x| being in the metric of the true law; and sampled, by −Q
    in the mean and covariance of m points drawn from G, `at` = m/d. Low rank is d dimensions in a space of twice as
    many.

    For denoisers, at noise `at` = τ and over _PROBES points of either side, there is auc; for the exact score, with one
    noise a point, own, the share of training points with more than half of the posterior weight; for networks, with
    NOISES noises a point and at some steps, a, b_squared and separation (at noised training points), error (the mean
    squared distance from D_pop per dimension, at noised fresh points), gap (mean loss of fresh points less that of
    training points) and spread (the mean variance of both losses).
    """
    if at.study == "network":
        table = _networks(at)
    else:
        one = _exact if at.study == "exact" else _law
        rows = [
            {"replica": r, "measure": measure, "at": place, "value": value}
            for r in range(at.replicas)
            for (measure, place), value in one(at, stream(at.seed, "membership", at.study, at.d, at.n, r)).items()
        ]
        table = pd.DataFrame(rows).assign(step=0)
    table = table.assign(study=at.study, d=at.d, n=at.n)
    return table[["study", "d", "n", "replica", "step", "measure", "at", "value"]]


# -- laws ----------------------------------------------------------------------------------------------------------


def _law(at: Cell, rng: np.random.Generator) -> dict[tuple[str, float], float]:
    if at.study in PICTURES:
        train, fresh = _pictures(at, rng)
        return {("distance", 0.0): attack(train, fresh)["distance"]}
    law = power_law(at.d, 2.0) if at.study == "power law" else isotropic(at.d)
    frame = np.linalg.qr(rng.standard_normal((2 * at.d, at.d)))[0].T if at.study == "low rank" else np.eye(at.d)
    train, fresh = (law.sample(size, rng) @ frame + 1 for size in (at.n, FRESH))
    mean, covariance = np.ones(frame.shape[1]), frame.T @ law.covariance @ frame
    found = {(name, 0.0): value for name, value in attack(train, fresh, mean, covariance).items()}
    for share in SHARES if at.study == "isotropic" else ():
        m = round(share * at.d)
        made = sample_law(train.mean(0), np.cov(train.T), m, rng)
        law_of = made.mean(0), np.cov(made.T)
        found["sampled", share] = auc(*(-distances(x, *law_of) for x in (train, fresh)))
    return found


def attack(
    train: np.ndarray, fresh: np.ndarray, mean: np.ndarray | None = None, covariance: np.ndarray | None = None
) -> dict[str, float]:
    """AUC of attacks on G = N(x̄, S) of training points (n, d), by name: distance; if O is given, known and ratio.

    `mean` and `covariance` are those of the true law O.
    """
    n, law = len(train), (train.mean(0), np.cov(train.T))
    inside, outside = (distances(x, *law) for x in (train, fresh))
    found = {"distance": auc(-inside, -outside)}
    if mean is None or covariance is None:
        return found
    rank = np.linalg.matrix_rank(covariance, hermitian=True)
    true_in, true_out = (distances(x, mean, covariance) for x in (train, fresh))
    found["known"] = auc(true_in - inside, true_out - outside)
    # Q of a training point is below (n−1)²/n; beyond that the likelihood ratio is 0.
    ratios = []
    for q, true in ((inside, true_in), (outside, true_out)):
        left = 1 - np.minimum(q * n / (n - 1) ** 2, 1)
        with np.errstate(divide="ignore"):
            ratios.append((n - rank - 3) / 2 * np.log(left) + true / 2)
    found["ratio"] = auc(*ratios)
    return found


def sample_law(mean: np.ndarray, covariance: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """m points of N(mean, covariance), (m, d)."""
    return mean + rng.standard_normal((m, len(mean))) @ np.linalg.cholesky(covariance).T


def _pictures(at: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n training pictures and at most FRESH others, dithered within a grey level; without replacement."""
    pool = digits() if at.study == "digits" else patches()
    chosen = pool[rng.permutation(len(pool))[: at.n + FRESH]]
    chosen = chosen + rng.uniform(-0.5, 0.5, chosen.shape)
    return chosen[: at.n], chosen[at.n :]


@cache
def digits() -> np.ndarray:
    """1797 scans of handwritten digits of 8×8 pixels in 17 grey levels, (1797, 64)."""
    return 16 * pictures("digits").values.astype(float)


@cache
def patches() -> np.ndarray:
    """The 8×8 squares of the two photographs that come with scikit-learn, as 256 grey levels, (8480, 64)."""
    found = []
    for picture in load_sample_images().images:
        grey = picture.mean(-1).round()
        rows, columns = (size // 8 for size in grey.shape)
        squares = grey[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).swapaxes(1, 2)
        found.append(squares.reshape(-1, 64))
    return np.concatenate(found)


# -- denoisers -----------------------------------------------------------------------------------------------------


def _exact(at: Cell, rng: np.random.Generator) -> dict[tuple[str, float], float]:
    """The measures auc and own of the exact score of a training set, by (measure, τ), for `_EXACT_WIDTHS`."""
    train, fresh = (torch.from_numpy(rng.standard_normal((size, at.d))) for size in (at.n, _PROBES))
    points = train[:_PROBES], fresh
    score, found = EmpiricalBayes(train), {}
    for width in _EXACT_WIDTHS:
        tau = width / np.sqrt(at.n ** (2 / at.d) - 1)
        noise = [torch.from_numpy(rng.standard_normal((1, len(x), at.d))) for x in points]
        inside, outside = (losses(score.denoise, x, xi, tau).numpy() for x, xi in zip(points, noise, strict=True))
        found["auc", tau] = auc(-inside, -outside)
        u, xi = points[0] + tau * noise[0][0], noise[0][0]
        own = -xi.square().sum(1) / 2 - at.d * np.log(2 * np.pi * tau**2) / 2 - np.log(at.n)  # ln of its density at u
        own = torch.exp(own - score.log_density(u, tau))
        found["own", tau] = float((own > 0.5).double().mean())
    return found


def _networks(at: Cell) -> pd.DataFrame:
    device, law = resolve_device(at.device), power_law(at.d)
    keys = [(at.seed, "membership", "network", at.d, at.n, r) for r in range(at.replicas)]
    sets = {
        name: torch.from_numpy(np.stack([law.sample(size, stream(*key, name)) for key in keys]))
        for name, size in (("train", at.n), ("fresh", _PROBES))
    }
    model = MLP(at.d, at.replicas, HIDDEN, _DEPTH, keys=keys).to(device)
    training = Training(model, sets["train"].float(), keys, _LEVELS, _BATCH, _LR)
    tables = []
    for step in looked_at(at.steps):
        training.run(step - training.step)
        tables.append(_probed(model, law, sets, keys).assign(step=step))
    return pd.concat(tables, ignore_index=True)


def looked_at(steps: int) -> list[int]:
    """Steps at which a network is attacked: four a decade from 100 on, and the last."""
    spaced = (100 * 10 ** (np.arange(0, 4 * np.log10(max(steps, 100) / 100) + 1e-9) / 4)).round().astype(int)
    return sorted({*(step for step in spaced.tolist() if step <= steps), steps})


def _probed(model: MLP, law: Gaussian, sets: dict[str, Tensor], keys: list[tuple]) -> pd.DataFrame:
    """The attack on each network, and where it is between the population's denoiser and the training set's."""
    spectrum = torch.tensor(law.eigenvalues, dtype=torch.float64)
    rows = []
    for tau in TAUS:
        seen = {}
        for name, points in sets.items():
            points = points[:, :_PROBES]
            shape = (NOISES, *points.shape[1:])
            noise = torch.from_numpy(
                np.stack([stream(*key, "noise", name, tau).standard_normal(shape) for key in keys])
            )
            noised = points[:, None] + tau * noise
            with torch.no_grad():
                denoised = model(noised.to(model.last.weight), tau).cpu().double()
            seen[name] = points, noised, denoised, (denoised - points[:, None]).square().mean((1, 3))
        for r in range(len(keys)):
            inside, outside = (seen[name][3][r].numpy() for name in ("train", "fresh"))
            flat = [part[r].reshape(-1, len(spectrum)) for part in seen["train"][1:3]]
            population = spectrum / (spectrum + tau**2)
            empirical = EmpiricalBayes(sets["train"][r]).denoise(flat[0], tau)
            place = fractions(flat[1], flat[0] * population, empirical)
            values = {name: float(value) for name, value in place._asdict().items()}
            values["error"] = float((seen["fresh"][2][r] - seen["fresh"][1][r] * population).square().mean())
            values |= {"auc": auc(-inside, -outside), "gap": outside.mean() - inside.mean()}
            values["spread"] = (inside.var() + outside.var()) / 2
            rows += [{"replica": r, "measure": k, "at": tau, "value": float(v)} for k, v in values.items()]
    return pd.DataFrame(rows)
