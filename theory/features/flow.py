"""Random-feature denoisers in the course of training: losses of gradient flow, and the spectrum that paces it.

Ridge regression is gradient flow A(τ), averaged over an exponential law of training times: A_λ = ∫ λ e^{−λτ} A(τ) dτ.
So A(τ) is the inverse Laplace transform of A_λ/λ, and losses, which are quadratic in A, are those of
(1/d) tr A_λ Ũ A_λ'ᵀ/(λλ') in two ridges. `theory.features.loss` has them at λ = λ'; at two ridges, squares of a
leave-one-out factor become products, and slopes become divided differences. Units: dA/dτ = −½ d(loss·d)/dA, so that a
direction of U with eigenvalue u has learnt 1 − e^{−uτ} of its target at the time τ.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory.features.loss import sine_common

_NODES = 24  # of the contour, half of them above the real axis: 10 digits and more
_NEARER = 0.6  # ratio of distances to the ridge asked for, from one step of the way to the next

ALL_NOISES = 1e9  # noises of a point that are as good as all

Numbers = np.ndarray | float


class Setting(NamedTuple):
    """A random-feature regression: its sizes, and the variance that a feature gets from the point, the noise and
    neither.

    `features` p/d, `samples` n/d and `noises` m, of each point; `of_point` μ_x², `of_noise` μ_ξ², `common` v², shared
    by the copies of a point, and `fresh` s², new in each: the arguments of `features_train_loss` but the ridge. Each is
    a number, or an array of one shape.
    """

    features: Numbers
    samples: Numbers
    noises: Numbers
    of_point: Numbers
    of_noise: Numbers
    common: Numbers
    fresh: Numbers

    def beside(self, axes: int) -> "Setting":
        """The setting as arrays of one shape, with `axes` more axes at the end, for ridges."""
        alike = np.broadcast_arrays(*(np.asarray(value, float) for value in self))
        return Setting(*(value[(..., *(None,) * axes)] for value in alike))

    @property
    def covariances(self) -> np.ndarray:
        """Coefficients of M = WWᵀ/d and 1 in the covariance of features: (2, 2, …).

        The first axis is the mean of a point's copies, then their differences; the second is (M, 1).
        """
        apart = np.array([self.of_noise, self.fresh])
        return np.array([np.array([self.of_point, self.common]) + apart / self.noises, apart])

    @property
    def whole(self) -> np.ndarray:
        """Coefficients of M and 1 in the covariance of the features of a fresh point: (2, …)."""
        return np.array([self.of_point + self.of_noise, self.common + self.fresh])

    @property
    def shares(self) -> np.ndarray:
        """The number of means over n, and of differences among copies over n·m: (2, …)."""
        return np.array([np.ones_like(self.noises), 1 - 1 / self.noises])

    @property
    def rows(self) -> np.ndarray:
        """n/d and n·m/d: (2, …)."""
        return np.array([self.samples, self.samples * self.noises])


def sine_setting(features: Numbers, samples: Numbers, noises: Numbers, t: float) -> Setting:
    """The setting of σ = sin at the diffusion time t: what `sine_common` says, and what is left of (1−e^{−2})/2."""
    point, noise, common = np.exp(-2 * t - 1), -np.expm1(-2 * t) / np.exp(1), float(sine_common(t))
    fresh = -np.expm1(-2) / 2 - point - noise - common
    return Setting(features, samples, noises, *map(float, (point, noise, common, fresh)))


class _State(NamedTuple):
    """The solution at complex ridges λ: χ of both kinds of rows, (β, ω), and (g, h) of `theory.features.objective`,
    each (2, …)."""

    chi: np.ndarray
    scales: np.ndarray
    roots: np.ndarray


def _state(s: Setting, chi: np.ndarray, ridge: np.ndarray) -> _State:
    beta, omega = np.einsum("k...,ka...,k...->a...", s.shares, s.covariances, chi)
    scales = np.stack([beta, omega + ridge])
    kappa, size = scales[1] / beta, np.sqrt(s.features)
    # The sheet on which the resolvents are: its cut is between κ = −(1±√ψ_p)², where κ never is.
    root = np.sqrt(kappa + (1 + size) ** 2) * np.sqrt(kappa + (1 - size) ** 2)
    rest = s.features - 1
    return _State(
        chi,
        scales,
        np.stack([_positive(kappa, kappa + rest, 1, root), _positive(kappa, kappa - rest, s.features, root)]),
    )


def _positive(a: np.ndarray, b: np.ndarray, c: Numbers, root: np.ndarray) -> np.ndarray:
    """The root of ar² + br = c that is positive where a and c are, with √(b²+4ac) given."""
    large = np.where(b.real >= 0, b + root, root - b) / 2
    return np.where(b.real >= 0, c / large, large / a)


def _traces(s: Setting, here: _State) -> np.ndarray:
    """x = (1/d) tr (M, 1)(βM+ω)⁻¹."""
    g, h = here.roots
    return np.stack([s.features * g / (1 + g), h]) / here.scales[0]


def _pairs(s: Setting, one: _State, other: _State) -> np.ndarray:
    """(1/d) tr X(βM+ω)⁻¹Y(β'M+ω')⁻¹ for X, Y of (M, 1): (2, 2, …).

    Divided differences in κ of κl, l and h, from those of the quadratics of g and h, so that nothing cancels where the
    two are near each other; where they are the same, P of `theory.features.objective`.
    """
    (g, h), (g_, h_), kappa = one.roots, other.roots, one.scales[1] / one.scales[0]
    rest = s.features - 1
    of_g = -g_ * (1 + g_) / (kappa * (g + g_) + kappa + rest)
    of_h = -h_ * (1 + h_) / (kappa * (h + h_) + kappa - rest)
    of_linear = s.features * of_g / ((1 + g) * (1 + g_))
    own = s.features * g_ / (1 + g_) + kappa * of_linear
    return np.array([[own, -of_linear], [-of_linear, -of_h]]) / (one.scales[0] * other.scales[0])


def _solved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Solve a x = b for x (2, …), a (2, 2, …) and b (2, …)."""
    return np.array([a[1, 1] * b[0] - a[0, 1] * b[1], a[0, 0] * b[1] - a[1, 0] * b[0]]) / (
        a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    )


def _step(s: Setting, here: _State) -> np.ndarray:
    """Newton's step in ln χ to 1/χ = 1 + x·(covariance)/(rows by d), for both kinds of rows."""
    weighed = s.covariances / s.rows[:, None]
    left = 1 / here.chi - 1 - np.einsum("ka...,a...->k...", weighed, _traces(s, here))
    added = s.covariances * s.shares[:, None] * here.chi[:, None]
    jacobian = np.einsum("ka...,ab...,lb...->kl...", weighed, _pairs(s, here, here), added)
    jacobian[(0, 1), (0, 1)] -= 1 / here.chi
    return -_solved(jacobian, left)


def _states(s: Setting, ridge: np.ndarray) -> _State:
    """The states at ridges above the negative axis, followed down from λ = +i∞, where both χ are 1.

    Raises ArithmeticError where the equations are not met to 1e-9 at the end of the way.
    """
    far = 100 * float(np.max((1 + s.features / s.samples) * s.whole.sum(0) * (1 + s.features)))
    near = float(np.where(ridge.real > 0, np.abs(ridge), ridge.imag).min()) / 100
    shifts = far * _NEARER ** np.arange(max(1, np.ceil(np.log(near / far) / np.log(_NEARER))))
    before = chi = np.ones((2, *np.broadcast_shapes(np.shape(s.features), ridge.shape)), complex)
    for shift in (*shifts, 0, 0):
        before, chi = chi, chi * (chi / before if shift else 1)  # on the way a power law is followed
        for _ in range(3):
            chi = chi * np.exp(_step(s, _state(s, chi, ridge + 1j * shift)))  # χ may be tiny, and is never 0
    found = _state(s, chi, ridge)
    if not np.abs(_step(s, found)).max() < 1e-9:
        raise ArithmeticError(f"no leave-one-out factors found at features = {s.features}, samples = {s.samples}")
    return found


def _learnt(s: Setting, here: _State) -> tuple[np.ndarray, np.ndarray]:
    """ρ, which is what both kinds of rows hold of the target, and T = (1/d) tr AK."""
    rho = here.chi[0] / s.noises + (1 - 1 / s.noises) * here.chi[1]
    return rho, rho * s.of_noise * _traces(s, here)[0]


def _crossed(s: Setting, one: _State, other: _State) -> np.ndarray:
    """(1/d) tr A Ũ A'ᵀ of ridge regressions at two ridges."""
    p = _pairs(s, one, other)
    both = s.shares * one.chi * other.chi / s.rows
    v = np.einsum("k...,ka...,kb...->ab...", both, s.covariances, s.covariances)
    left = np.eye(2).reshape(2, 2, *(1,) * (p.ndim - 2)) - np.einsum("ab...,bc...->ac...", p, v)
    answer = _solved(left, np.einsum("ab...,b...->a...", p, s.whole))  # (1/d) tr (M, 1) GŨG'
    moved = np.einsum("k...,ka...->a...", both * np.array([1 / s.noises, np.ones_like(s.noises)]), s.covariances)
    (rho, learnt), (rho_, learnt_) = _learnt(s, one), _learnt(s, other)
    return rho * rho_ * s.of_noise * answer[0] + (moved * answer).sum(0) * (1 - learnt - learnt_)


def _contour() -> tuple[np.ndarray, np.ndarray]:
    """Nodes λτ and weights of the inverse Laplace transform, upper half (Trefethen, Weideman, Schmelzer 2006)."""
    angle = (np.arange(_NODES // 2) * 2 + 1) * np.pi / _NODES
    tilt = 0.6407 * angle
    node = _NODES * (0.5017 * angle / np.tan(tilt) - 0.6122 + 0.2645j * angle)
    slope = _NODES * (0.5017 / np.tan(tilt) - 0.5017 * tilt / np.sin(tilt) ** 2 + 0.2645j)
    return node, np.exp(node) * slope / (1j * _NODES)


def flow_losses(setting: Setting, times: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Loss on the training set and on fresh points after gradient flow from A = 0: (…, times), for settings (…).

    Times are in a row, or (…, times) where they differ by setting. To 10 digits, of 1 or of the largest loss on the
    way. Source: derived here. Raises ValueError unless times are positive, and ArithmeticError where no leave-one-out
    factors are found.
    """
    times = np.atleast_1d(np.asarray(times, float))
    if not ((times > 0) & (times < np.inf)).all():
        raise ValueError(f"times must be positive and finite, got {times[~((times > 0) & (times < np.inf))][0]:g}")
    node, weight = _contour()
    weight = weight / node  # of A_λ/λ: times cancel
    s = setting.beside(2)
    here = _states(s, node / times[..., None])
    direct = 2 * (weight * _learnt(s, here)[1]).sum(-1).real
    upper = _State(*(part[..., None] for part in here))
    every = _State(*(np.concatenate([part, part.conj()], -1)[..., None, :] for part in here))
    pairs = weight[:, None] * np.concatenate([weight, weight.conj()])
    test = 1 - 2 * direct + 2 * (pairs * _crossed(setting.beside(3), upper, every)).sum((-1, -2)).real
    # On the training set f_τ(2 − uf_τ) = f_2τ of what A has learnt there, which is 1 − F at a ridge.
    rho, learnt = _learnt(s, _states(s, node / (2 * times[..., None])))
    return 1 - 2 * (weight * (1 - rho * (1 - learnt))).sum(-1).real, test


def halfway(times: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple[float, float]:
    """Two training times: when half of what is learnt of the law is learnt, and when half of what is learnt by heart
    is.

    The first is found by the loss on fresh points, down to its least; the second by the gap between both losses, of its
    last value. Interpolated in the logarithm of time; a course that is beyond half at its first time has that time.
    """
    logs, best = np.log(times), int(test.argmin())
    fall = (test[0] - test[: best + 1]) / (test[0] - test[best] or 1)
    gap = np.maximum.accumulate((test - train) / (test - train)[-1])
    return float(np.exp(np.interp(0.5, fall, logs[: best + 1]))), float(np.exp(np.interp(0.5, gap, logs)))


def half_times(setting: Setting) -> np.ndarray:
    """`halfway` of the closed curves, at six times a decade from 1/100 to 10⁷ times d/p: (settings, 2)."""
    times = np.geomspace(1e-2, 1e7, 55) / np.max(setting.features)
    train, test = np.atleast_2d(*flow_losses(setting, times))
    return np.array([halfway(times, *both) for both in zip(train, test, strict=True)])


def spectral_density(setting: Setting, eigenvalues: ArrayLike, width: float = 1e-6) -> np.ndarray:
    """Density of the eigenvalues of U, blurred by a Cauchy law of that half-width: (…, eigenvalues). Derived here.

    Raises ArithmeticError where no leave-one-out factors are found.
    """
    s = setting.beside(1)
    here = _states(s, -np.atleast_1d(np.asarray(eigenvalues, float)) + 1j * width)
    return -_traces(s, here)[1].imag / (np.pi * s.features)
