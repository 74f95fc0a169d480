"""Random-feature denoisers in the course of training: losses of gradient flow, and the spectrum that paces it.

Ridge regression is gradient flow A(τ), averaged over an exponential law of training times: A_λ = ∫ λ e^{−λτ} A(τ) dτ.
So A(τ) is the inverse Laplace transform of A_λ/λ, and losses, which are quadratic in A, are those of
(1/d) tr A_λ Ũ A_λ'ᵀ/(λλ') in two ridges.  `theory.features.loss` has them at λ = λ'; at two ridges, squares of a
leave-one-out factor become products and slopes become divided differences.  Units: dA/dτ = −½ d(loss·d)/dA, so that a
direction of U with eigenvalue u has learnt 1 − e^{−uτ} of its target at the time τ.
"""

from typing import NamedTuple, Self

import numpy as np

_NODES = 24  # of the contour, half of them above the real axis: 10 digits and more
_SHRINKS = 0.75  # how much nearer each step of the homotopy comes


class Setting(NamedTuple):
    """Sizes by d, and what a feature holds of the point, of the noise and of neither: as in `features_train_loss`."""

    features: float
    samples: float
    noises: float
    of_point: float
    of_noise: float
    common: float
    fresh: float

    @property
    def kinds(self) -> list[tuple[np.ndarray, float, float]]:
        """Of a point's mean over copies, and of their differences: covariance in (M, 1), share of rows, rows by d."""
        apart = np.array([self.of_noise, self.fresh])
        mean = np.array([self.of_point, self.common]) + apart / self.noises
        return [(mean, 1.0, self.samples), (apart, 1 - 1 / self.noises, self.samples * self.noises)]

    @property
    def whole(self) -> np.ndarray:
        return np.array([self.of_point + self.of_noise, self.common + self.fresh])


class _State(NamedTuple):
    """At complex ridges λ: χ of both kinds of rows, (β, ω), and x = (1/d) tr (M, 1)(βM+ω)⁻¹; kinds and pairs first."""

    chi: np.ndarray
    scales: np.ndarray
    traces: np.ndarray

    def at(self, index: np.ndarray) -> Self:
        return type(self)(*(part[:, index] for part in self))


def _scales(s: Setting, chi: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    total = sum(share * np.multiply.outer(covariance, one) for (covariance, share, _), one in zip(s.kinds, chi, strict=True))
    return total + np.stack([np.zeros_like(ridge), ridge])


def _traces(s: Setting, scales: np.ndarray) -> np.ndarray:
    """On the sheet where the resolvents are: the cut is at κ = −(1±√ψ_p)², and κ is never on it."""
    beta, omega = scales
    kappa = omega / beta
    root = np.sqrt(kappa + (1 + np.sqrt(s.features)) ** 2) * np.sqrt(kappa + (1 - np.sqrt(s.features)) ** 2)
    g = 2 / (kappa + s.features - 1 + root)
    h = 2 * s.features / (kappa + 1 - s.features + root)
    return np.stack([s.features * g / (1 + g), h]) / beta


def _pairs(s: Setting, one: _State, other: _State) -> np.ndarray:
    """(1/d) tr X(βM+ω)⁻¹Y(β'M+ω')⁻¹ for X, Y of (M, 1): divided differences, and slopes where ridges are equal."""
    (beta, omega), (linear, h) = one.scales, one.traces
    (beta_, omega_), (linear_, h_) = other.scales, other.traces
    over = beta * omega_ - beta_ * omega
    same = over == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        side = (omega_ * h_ - omega * h) / over
        apart = np.array([[(omega_ * linear_ - omega * linear) / over, side], [side, (beta * h - beta_ * h_) / over]])
    return np.where(same, _slopes(s, one), apart)


def _states(s: Setting, ridge: np.ndarray) -> _State:
    """Leave-one-out factors at ridges above the real axis, followed from λ = i∞, where both are 1.

    Raises ArithmeticError where the equations are not met to 1e-9 at the end of the way.
    """
    start = 100 * (1 + s.features / s.samples) * s.whole.sum() * (1 + s.features)
    least = np.abs(np.where(ridge.real > 0, ridge, 1j * ridge.imag)).min() / 100
    shifts = start * _SHRINKS ** np.arange(np.ceil(np.log(least / start) / np.log(_SHRINKS)) + 1)
    chi = np.ones((2, ridge.size), complex)
    for shift in (*shifts, 0, 0):
        for _ in range(3):
            chi = chi * np.exp(-_newton(s, chi, ridge + 1j * shift) / chi)  # χ may be tiny, and is never 0
    scales = _scales(s, chi, ridge)
    if not np.abs(_newton(s, chi, ridge) / chi).max() < 1e-9:
        raise ArithmeticError(f"no leave-one-out factors found at {s}")
    return _State(chi, scales, _traces(s, scales))


def _newton(s: Setting, chi: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """The step to the χ at which 1/χ = 1 + x·(covariance)/(rows by d), for both kinds of rows."""
    scales = _scales(s, chi, ridge)
    here = _State(chi, scales, _traces(s, scales))
    slopes = -_slopes(s, here)
    covariances = np.array([covariance / rows for covariance, _, rows in s.kinds])
    added = np.array([share * covariance for covariance, share, _ in s.kinds])
    left = 1 / chi - 1 - covariances @ here.traces
    jacobian = -np.einsum("ka,abi,lb->kli", covariances, slopes, added)
    jacobian[(0, 1), (0, 1)] -= 1 / chi**2
    return np.linalg.solve(np.moveaxis(jacobian, 2, 0), left.T[..., None])[..., 0].T


def _slopes(s: Setting, here: _State) -> np.ndarray:
    """P of `theory.features.loss`: what `_pairs` becomes at equal ridges."""
    beta, omega = here.scales
    kappa, (linear, h) = omega / beta, here.traces * beta
    g = linear / (s.features - linear)
    root = 2 * kappa * g + kappa + s.features - 1
    side = kappa * g * h / root
    own = linear * (kappa * h / root + g) / (1 + g)
    return np.array([[own, side], [side, h * (1 + h) / root]]) / beta**2


def _crossed(s: Setting, one: _State, other: _State) -> np.ndarray:
    """(1/d) tr A Ũ A'ᵀ of ridge regressions at two ridges."""
    p = np.moveaxis(_pairs(s, one, other), (0, 1), (-2, -1))
    pairs = np.array([share * a * b / rows for a, b, (_, share, rows) in zip(one.chi, other.chi, s.kinds, strict=True)])
    covariances = np.array([covariance for covariance, _, _ in s.kinds])
    v = np.einsum("k...,ka,kb->...ab", pairs, covariances, covariances)
    answer = np.linalg.solve(np.eye(2) - p @ v, p @ s.whole[:, None])[..., 0]  # (1/d) tr (M, 1) GŨG'
    moved = np.einsum("k...,ka,k->...a", pairs, covariances, [1 / s.noises, 1])
    (rho, learnt), (rho_, learnt_) = _learnt(s, one), _learnt(s, other)
    return rho * rho_ * s.of_noise * answer[..., 0] + (moved * answer).sum(-1) * (1 - learnt - learnt_)


def _learnt(s: Setting, here: _State) -> tuple[np.ndarray, np.ndarray]:
    """ρ, what both kinds of rows hold of the target, and (1/d) tr AK."""
    rho = here.chi[0] / s.noises + (1 - 1 / s.noises) * here.chi[1]
    return rho, rho * s.of_noise * here.traces[0]


def _contour() -> tuple[np.ndarray, np.ndarray]:
    """Nodes λτ and weights of the inverse Laplace transform, upper half (Trefethen, Weideman, Schmelzer 2006)."""
    angle = (np.arange(_NODES // 2) * 2 + 1) * np.pi / _NODES
    tilt = 0.6407 * angle
    node = _NODES * (0.5017 * angle / np.tan(tilt) - 0.6122 + 0.2645j * angle)
    slope = _NODES * (0.5017 / np.tan(tilt) - 0.5017 * tilt / np.sin(tilt) ** 2 + 0.2645j)
    return node, np.exp(node) * slope / (1j * _NODES)


def flow_losses(s: Setting, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss on the training set and on fresh points after gradient flow from A = 0 for the times (any number of them).

    Digits: about 8, by how the contour is cut; fewer for losses above 10. Raises ValueError unless times are positive,
    and ArithmeticError where no leave-one-out factors are found.
    """
    times = np.atleast_1d(np.asarray(times, float))
    if not (times > 0).all():
        raise ValueError(f"times must be positive, got {times.min():g}")
    node, weight = _contour()
    upper = _states(s, (node / times[:, None]).ravel())
    upper = _State(*(part.reshape(2, times.size, -1, 1) for part in upper))
    every = _State(*(np.concatenate([part, part.conj()], -2).swapaxes(-1, -2) for part in upper))
    _, learnt = _learnt(s, upper)
    weight = weight / node  # of A_λ/λ: times cancel
    direct = 2 * (weight[:, None] * learnt).sum((-1, -2)).real
    pairs = weight[:, None] * np.concatenate([weight, weight.conj()])
    test = 1 - 2 * direct + 2 * (pairs * _crossed(s, upper, every)).sum((-1, -2)).real
    # along the training set A has to meet (1/d) tr A K_n, K_n of the set itself: 1 − F = that at a ridge
    twice = _states(s, (node / (2 * times[:, None])).ravel())
    rho, learnt = _learnt(s, twice)
    objective = (rho * (1 - learnt)).reshape(times.size, -1)
    return 1 - 2 * (weight * (1 - objective)).sum(-1).real, test


def spectral_density(s: Setting, eigenvalues: np.ndarray, width: float = 1e-6) -> np.ndarray:
    """Density of the eigenvalues of U, blurred by a Cauchy law of that half-width; eigenvalues in increasing order."""
    at = np.asarray(eigenvalues, float)
    here = _states(s, -at + 1j * width)
    return -here.traces[1].imag / (np.pi * s.features)
