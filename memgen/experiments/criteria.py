"""Every criterion of memorization on the same runs: the linear generator of n points in d dimensions.

A run draws a training set T, a holdout H as large, a second training set and m fresh points; its generator is
G = N(x̄, S), the linear denoiser sampled in many steps, and m points are drawn from it.  Each criterion is computed
where it can turn and is cheap: see `cell`.
"""

from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import ot
import pandas as pd
import torch
from pydantic import Field
from scipy.special import logsumexp

from memgen import measures
from memgen.denoisers.linear import generated as generated_by
from memgen.laws.data import Gaussian, isotropic, power_law
from memgen.measures.copies import Neighbours
from memgen.measures.membership import auc
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
TAU = 1.0  # noise of the one-step generator, in units of σ
_TRANSPORT = 2000  # points of G at once in the Wasserstein distance from T
_WIDTHS = np.geomspace(0.2, 1.6, 16)  # kernel widths that are tried for the best likelihood, in units of σ
_MOST = 16_384  # points of a run
_REPLICAS = {16: 8.0, 36: 16.0, 64: 8.0, 100: 4.0}  # times as many runs in few dimensions
_FEWER = 0.5  # beyond 200

Spectrum = Literal["isotropic", "power law"]
Dimension = Annotated[int, Field(ge=2)]


class Params(ChapterParams):
    """Parameters of the chapter; the preset sets those that are None."""

    presets: ClassVar = {
        "smoke": {"sizes": (20,), "spectra": ("isotropic",), "replicas": 3, "generated": 100, "largest": 1.0},
        "standard": {"sizes": (16,), "spectra": ("isotropic",), "replicas": 3, "generated": 500, "largest": 0.5},
        "paper": {
            "sizes": (16, 36, 64, 100, 256, 400),
            "spectra": ("isotropic", "power law"),
            "replicas": 24,
            "generated": 500,
            "largest": 6.0,
        },
    }

    sizes: Annotated[tuple[Dimension, ...], Distinct] | None = Field(None, min_length=1)
    spectra: Annotated[tuple[Spectrum, ...], Distinct] | None = Field(None, min_length=1)
    replicas: int | None = Field(None, ge=3)
    generated: int | None = Field(None, ge=20)
    largest: float | None = Field(None, gt=0)


class Cell(NamedTuple):
    """Independent runs with n points in d dimensions."""

    spectrum: Spectrum
    d: int
    n: int
    replicas: int
    generated: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """Cells for n from 4 to `largest` × d^{3/2}, or 16 384, in steps of √2, and for d and d + 1.

    The power law is run up to 64 dimensions.
    """
    p = params.resolved()
    assert p.sizes and p.spectra and p.replicas and p.generated and p.largest
    cells = []
    for spectrum in p.spectra:
        for d in p.sizes:
            if spectrum == "isotropic" or d <= 64:
                steps = int(2 * np.log2(max(1, min(_MOST, p.largest * d**1.5) / 4)))
                counts = sorted({round(4 * 2 ** (k / 2)) for k in range(steps + 1)} | {d, d + 1})
                runs = max(3, int(p.replicas * _REPLICAS.get(d, 1.0 if d <= 200 else _FEWER)))
                cells += [Cell(spectrum, d, n, runs, p.generated, p.seed) for n in counts]
    return cells


def cell(at: Cell) -> pd.DataFrame:
    """Rows: spectrum, d, n, replica, measure, value. Lengths are in units of σ, the root of the mean variance.

    flagged                 share of generated points that the ⅓ rule calls copies
    authenticity            share of generated points that AuthPct calls authentic
    closest_record          share of generated points that are closer to T than to H
    flagged_null, …         the same three of fresh points in place of generated ones: a perfect generator
    nearness                P(a generated point is nearer to T than a fresh one), what C_T ranks
    wasserstein_training    W₂²(T, G)/d, T bare points                                                 n ≤ 2d
    wasserstein_truth       W₂²(O, G)/d                                                                n ≤ 2d
    model_similarity        x₁·x₂/d of two models from the same noise                                  n ≤ 4d
    record_similarity       x₁·x/d, x the training point nearest to x₁                                 n ≤ 4d
    kl_generated_true       KL(G‖O), ∞ for n ≤ d; kl_true_generated: KL(O‖G)
    inverse_trace           d/tr(Σ Σ_G⁻¹) of the one-step generator at noise τ = σ, late covariance Σ + τ²  n > d
    likelihood_gain         nats a dimension by which G explains fresh points better than the best T_ε d < n ≤ 16d
    overlap_gap             ln⟨G,H⟩ − ln⟨G,T⟩ at the width n^{−1/d}
    membership              P(Q_in < Q_out), Q the Mahalanobis distance in G                           n > d + 1
    membership_known        the same with the true law known: |x|² − Q in place of −Q                  n > d + 1
    """
    law = isotropic(at.d) if at.spectrum == "isotropic" else power_law(at.d)
    rows = [
        {"replica": replica, "measure": measure, "value": float(value)}
        for replica in range(at.replicas)
        for measure, value in _run(law, at, replica).items()
    ]
    return pd.DataFrame(rows).assign(spectrum=at.spectrum, d=at.d, n=at.n)


class _Model(NamedTuple):
    """The generator G = N(x̄, S): the mean, and eigenvalues and eigenvectors of S, cut at rank n − 1."""

    mean: np.ndarray
    values: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> "_Model":
        centred = x - x.mean(0)
        values, vectors = np.linalg.eigh(centred.T @ centred / (len(x) - 1))
        values[: max(0, x.shape[1] - len(x) + 1)] = 0
        return cls(x.mean(0), values, vectors)

    @property
    def covariance(self) -> np.ndarray:
        return (self.vectors * self.values) @ self.vectors.T

    def points(self, noise: np.ndarray) -> np.ndarray:
        """The points that the probability flow makes of noise (m, d): x̄ + √S z."""
        return self.mean + noise @ (self.vectors * np.sqrt(self.values)) @ self.vectors.T

    def mahalanobis2(self, x: np.ndarray) -> np.ndarray:
        return ((((x - self.mean) @ self.vectors) ** 2) / self.values).sum(1)


def _run(law: Gaussian, at: Cell, replica: int) -> dict[str, float]:
    n, d = at.n, at.d
    rng = stream(at.seed, "criteria", at.spectrum, d, n, replica)
    train, holdout, fresh = (law.sample(size, rng) for size in (n, n, at.generated))
    noise = rng.standard_normal((at.generated, d))
    model = _Model.of(train)
    generated = model.points(noise)
    near = Neighbours(generated, train, holdout)
    perfect = Neighbours(fresh, train, holdout)
    found = copies(near) | {f"{name}_null": value for name, value in copies(perfect).items()}
    found["nearness"] = auc(perfect.to_train[0][:, 0], near.to_train[0][:, 0])
    found |= _divergences(law, train, model, n > d, rng)
    if n <= 2 * d:
        found |= _wasserstein(law, train, model, rng)
    if n <= 4 * d:
        other = _Model.of(law.sample(n, rng)).points(noise)
        records = train[near.to_train[1][:, 0]]
        found["model_similarity"] = (generated * other).sum(1).mean() / d
        found["record_similarity"] = (generated * records).sum(1).mean() / d
    if d < n <= 16 * d:
        found["likelihood_gain"] = _likelihood_gain(train, fresh, model)
    if n > d + 1:
        inside, outside = model.mahalanobis2(train), model.mahalanobis2(holdout)
        found["membership"] = auc(outside, inside)
        own = [(x**2 / law.eigenvalues).sum(1) for x in (train, holdout)]
        found["membership_known"] = auc(outside - own[1], inside - own[0])
    return found | {"overlap_gap": _overlap_gap(train, holdout, model)}


def copies(near: Neighbours) -> dict[str, float]:
    """The criteria that need the training points nearest to generated ones: flagged, authenticity, closest_record."""
    return {
        "flagged": float(np.mean(near.ratios() < 1 / 3)),
        "authenticity": near.authenticity() / 100,
        "closest_record": near.closest_record_share(),
    }


def _divergences(
    law: Gaussian, train: np.ndarray, model: _Model, full: bool, rng: np.random.Generator
) -> dict[str, float]:
    if not full:
        return {"kl_generated_true": np.inf, "kl_true_generated": np.inf}
    truth = torch.from_numpy(law.mean), torch.from_numpy(law.covariance)
    own = torch.from_numpy(model.mean), torch.from_numpy(model.covariance)
    x = torch.from_numpy(train)
    noised = x + TAU * torch.from_numpy(rng.standard_normal(x.shape))
    one_step = generated_by(x, noised, TAU, truth[1] + TAU**2 * torch.eye(len(truth[0]), dtype=x.dtype))
    factor = measures.factor(one_step.covariance)
    trace = torch.linalg.solve_triangular(factor.lower, truth[1].sqrt(), upper=False).square().sum()
    return {
        "kl_generated_true": float(measures.kl(*own, *truth)),
        "kl_true_generated": float(measures.kl(*truth, *own)),
        "inverse_trace": len(law.eigenvalues) / float(trace),
    }


def _wasserstein(law: Gaussian, train: np.ndarray, model: _Model, rng: np.random.Generator) -> dict[str, float]:
    """W₂² per dimension of G from the truth, in closed form, and from the bare points T, by the dual problem.

    Weights of the points are fitted on one half of a sample of G and the transport is priced on the other. So there is
    no bias of a fit to its own sample, and the result is too small only by the second order of the error of the
    weights.
    """
    d = train.shape[1]
    truth = torch.from_numpy(law.mean), torch.from_numpy(law.covariance)
    own = torch.from_numpy(model.mean), torch.from_numpy(model.covariance)
    fitted, priced = (model.points(rng.standard_normal((_TRANSPORT, d))) for _ in range(2))
    cost, size = ot.dist(fitted, train), (train**2).sum(1)
    _, log = ot.emd2(ot.unif(_TRANSPORT), ot.unif(len(train)), cost, numItermax=1_000_000, log=True)
    if log["warning"]:
        raise ArithmeticError(f"the transport problem was not solved: {log['warning']}")
    weights = log["v"]
    nearest = (size - weights - 2 * priced @ train.T).min(1)
    # E|g|² by its exact value in place of the sample's
    total = float(nearest.mean() + weights.mean() + model.values.sum() + (model.mean**2).sum())
    return {
        "wasserstein_training": total / d,
        "wasserstein_truth": float(measures.wasserstein2_squared(*truth, *own)) / d,
    }


def _likelihood_gain(train: np.ndarray, fresh: np.ndarray, model: _Model) -> float:
    """Mean log-likelihood of fresh points under G less that under the best kernel estimate, per dimension."""
    n, d = train.shape
    squares = np.maximum((fresh**2).sum(1)[:, None] + (train**2).sum(1) - 2 * fresh @ train.T, 0)
    kernels = [logsumexp(-squares / (2 * w**2), axis=1).mean() - np.log(n) - d * np.log(w) for w in _WIDTHS]
    best = np.argmax(kernels)
    own = -(model.mahalanobis2(fresh).mean() + np.log(model.values).sum()) / 2
    if best in (0, len(_WIDTHS) - 1):
        raise ArithmeticError(f"the best kernel width of n = {n}, d = {d} is outside {_WIDTHS[0]} to {_WIDTHS[-1]}")
    # The likelihood at its largest, by the parabola through three widths
    left, top, right = kernels[best - 1 : best + 2]
    return float(own - top - (right - left) ** 2 / (8 * (2 * top - left - right))) / d


def _overlap_gap(train: np.ndarray, holdout: np.ndarray, model: _Model) -> float:
    n, d = train.shape
    smooth = model._replace(values=model.values + float(n) ** (-2 / d))
    ours, theirs = (logsumexp(-smooth.mahalanobis2(x) / 2) for x in (train, holdout))
    return float(theirs - ours)
