"""Random-feature denoisers A sin(Wx_t/√d), which predict the noise ξ: for σ = sin, averages over ξ are known."""

from typing import NamedTuple

import numpy as np

from memgen import arrays


class Losses(NamedTuple):
    """The losses E|ξ − ξ̂|²/d on the training points and their noises, and on fresh ones; numbers, or one for each
    time."""

    train: np.ndarray
    test: np.ndarray


class Parts(NamedTuple):
    """What is added to the Bayes error in the loss on fresh points, per dimension.

    `bias`: squared distance, from the best prediction, of the mean over weights, training points and noises; `weights`:
    the variance, over weights, of the mean over points and noises; `points`: the variance, over points, of the mean
    over noises; `noises`: what is left.
    """

    bias: float
    weights: float
    points: float
    noises: float


def unit_rows(rng: np.random.Generator, p: int, d: int) -> np.ndarray:
    """Random weights (p, d) of features, each row of length √d."""
    weights = rng.standard_normal((p, d))
    return weights * (np.sqrt(d) / np.linalg.norm(weights, axis=1, keepdims=True))


class SineFeatures:
    """p features of training points x (n, d) at diffusion time t, weights (p, d), and what a regression makes of them.

    x_t = e^{−t}x + √(1−e^{−2t}) ξ. Each point is noised `noises` times with draws of `rng`; if None, the average over
    all noises is taken exactly, in n p² products. Fresh points and their noise are averaged exactly, over N(0, I).
    Attributes: `gram` U = E σσᵀ (p, p) and `learnt` K = E σξᵀ (p, d) of the training set, `power` E|ξ|²/d of its noise;
    `true_gram` and `true_learnt` of fresh points. Raises ValueError on shapes that do not fit, t ≤ 0, noises < 1 and
    weights too long.
    """

    def __init__(
        self,
        weights: arrays.Numbers,
        x: arrays.Numbers,
        t: float,
        noises: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        w = arrays.points("weights", arrays.array("weights", weights).astype(float, copy=False))
        x = arrays.points("x", arrays.array("x", x).astype(float))
        if w.shape[1] != x.shape[1]:
            raise ValueError(f"weights and x must have as many columns, got {w.shape[1]} and {x.shape[1]}")
        t, self.d = arrays.positive("t", t), x.shape[1]
        noise = -np.expm1(-2 * t)
        overlap = w @ w.T / self.d
        size = np.diag(overlap)
        self.weights, self.t = w, t
        if not size.max() < 600:  # where e^{w·w'/d} leaves the range of float64
            raise ValueError(f"rows of weights must be shorter than √(600 d), got |w|² = {size.max():g} d")
        scaled = np.sqrt(noise / self.d) * w
        shrunk = np.exp(-size / 2)
        self.true_gram = shrunk[:, None] * np.sinh(overlap) * shrunk
        self.true_learnt = shrunk[:, None] * scaled
        self.power = 1.0
        if noises is None:
            angles = np.exp(-t) * x @ w.T / np.sqrt(self.d)
            sines, cosines = np.sin(angles), np.cos(angles)
            # sin a sin b = ½[cos(a−b) − cos(a+b)], and noise of variance δ leaves e^{−δ/2} of a cosine
            near, shrunk = np.exp(noise * overlap), np.exp(-noise * size / 2)
            even, odd = (near + 1 / near) / 2, (near - 1 / near) / 2
            self.gram = odd * (cosines.T @ cosines) + even * (sines.T @ sines)
            self.gram *= np.outer(shrunk, shrunk) / len(x)
            self.learnt = (shrunk * cosines.mean(0))[:, None] * scaled
            return
        if rng is None:
            raise ValueError("noises to be drawn need rng, a generator")
        draws = arrays.count("noises", noises)
        self.gram, self.learnt, self.power = np.zeros_like(overlap), np.zeros_like(w), 0.0
        for _ in range(draws):
            xi = rng.standard_normal(x.shape)
            features = np.sin((np.exp(-t) * x + np.sqrt(noise) * xi) @ w.T / np.sqrt(self.d))
            self.gram += features.T @ features / (draws * len(x))
            self.learnt += features.T @ xi / (draws * len(x))
            self.power += float((xi**2).mean()) / draws

    def fitted(self, ridge: float) -> np.ndarray:
        """Aᵀ (p, d) of ridge regression. Raises ValueError on a ridge that is negative."""
        ridge = arrays.number("ridge", ridge, 0)
        return np.linalg.solve(self.gram + ridge * np.eye(len(self.gram)), self.learnt)

    def ridge(self, ridge: float) -> Losses:
        """Losses of ridge regression. Raises ValueError on a ridge that is negative."""
        fitted = self.fitted(ridge)
        train, test = (
            power - 2 * (cross * fitted).sum() / self.d + ((gram @ fitted) * fitted).sum() / self.d
            for cross, gram, power in (
                (self.learnt, self.gram, self.power),
                (self.true_learnt, self.true_gram, 1.0),
            )
        )
        return Losses(train, test)

    def together(self, mine: np.ndarray, other: "SineFeatures", theirs: np.ndarray) -> float:
        """Return E (ξ̂ − ξ*)·(ξ̂' − ξ*)/d at fresh points, for the fits `mine` (p, d) to this and `theirs` (p', d) to
        `other`.

        ξ* is the best prediction. Raises ValueError where the other has another d or t.
        """
        if (self.d, self.t) != (other.d, other.t):
            raise ValueError(f"d and t must be the same, got {self.d}, {self.t:g} and {other.d}, {other.t:g}")
        products = self.true_gram
        if other.weights is not self.weights:
            mine_, theirs_ = (np.exp(-(of.weights**2).sum(1) / (2 * self.d)) for of in (self, other))
            products = mine_[:, None] * np.sinh(self.weights @ other.weights.T / self.d) * theirs_
        known = -np.expm1(-2 * self.t)
        met = sum((of.true_learnt * fitted).sum() for of, fitted in ((self, mine), (other, theirs)))
        return float(known + (((products @ theirs) * mine).sum() - met) / self.d)

    def flow(self, times: arrays.Numbers) -> Losses:
        """Losses of gradient flow from A = 0 after the times, in units in which an eigenvalue u has learnt 1 − e^{−uτ}.

        Raises ValueError on a time below 0.
        """
        times = arrays.vector("times", times)
        if not (times >= 0).all():
            raise ValueError(f"times must not be negative, got {times.min():g}")
        values, vectors = np.linalg.eigh(self.gram)
        cross, fresh = (vectors.T @ k for k in (self.learnt, self.true_learnt))
        turned = vectors.T @ self.true_gram @ vectors
        own, met = (cross**2).sum(1), (cross * fresh).sum(1)
        pairs = turned * (cross @ cross.T)
        values = np.maximum(values, 1e-14 * values.max())  # of a direction that no point has, cross is 0
        shares = -np.expm1(-np.outer(times, values)) / values
        train = self.power - (-np.expm1(-2 * np.outer(times, values)) / values) @ own / self.d
        test = 1 - 2 * shares @ met / self.d + ((shares @ pairs) * shares).sum(1) / self.d
        return Losses(train, test)


def loss_parts(rng: np.random.Generator, p: int, n: int, m: int | None, d: int, t: float, ridge: float) -> Parts:
    """Draw each part once, without bias, from four regressions: the first two share weights and points, three share
    weights.

    m noises a point, or all of them if None. Raises ValueError as `SineFeatures` does.
    """
    weights, points = unit_rows(rng, p, d), rng.standard_normal((n, d))
    given = ((weights, points), (weights, points), (weights, rng.standard_normal((n, d))))
    models = [SineFeatures(w, x, t, m, rng) for w, x in (*given, (unit_rows(rng, p, d), rng.standard_normal((n, d))))]
    fits = [model.fitted(ridge) for model in models]

    def shared(*pairs: tuple[int, int]) -> float:
        return sum(models[i].together(fits[i], models[j], fits[j]) for i, j in pairs) / len(pairs)

    all_, points_, weights_ = shared((0, 0), (1, 1)), shared((0, 1)), shared((0, 2), (1, 2))
    none = shared((0, 3), (1, 3), (2, 3))
    return Parts(none, weights_ - none, points_ - weights_, all_ - points_)
