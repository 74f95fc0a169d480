"""Denoisers of pictures that see a window: each pixel is restored from the noised pixels around it, and no others.

A window of reach k about a pixel is what a picture has of the (2k+1) × (2k+1) pixels around it. Of all functions of the
noised window, two are best at restoring its middle:

    over training pictures    their mean, weighted by how well each fits in the window, in the same place (`Windows`) or
                              in all places (`Everywhere`); Kamb and Ganguli (2025) call them local score machines,
                              the second an equivariant one
    over a Gaussian law       Wiener's filter of the window's covariance

A pixel can also have a window of its own, of any form (`Chosen`); `chosen` gives it those pixels with which n pictures
should lose least.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import solve_triangular
from torch import Tensor
from torch.nn.functional import unfold

from memgen import arrays
from memgen.arrays import Numbers

_PART = 2**22  # squared differences or products at once


def _pictures(points: Numbers) -> Tensor:
    """Return pictures (n, d) in double precision. ValueError if there are none, or values that are not finite."""
    return arrays.squares("points", arrays.points("points", arrays.tensor("points", points).double()))


class _Pixelwise(ABC):
    """A denoiser D(u, τ) that restores pictures pixel by pixel, in double precision, from known `pictures` (n, *shape).

    ValueError on values that are not finite, another d than the pictures have, τ ≤ 0.
    """

    def __init__(self, pictures: Tensor) -> None:
        self._x = pictures

    def __call__(self, u: Tensor, tau: float) -> Tensor:
        """Return D(u, τ), (..., d), in the precision of u (..., d)."""
        tau, shape = arrays.positive("tau", tau), self._x.shape[1:]
        if u.ndim < 1 or u.shape[-1] != shape.numel():
            raise ValueError(f"u must be (..., {shape.numel()}) to match the pictures, got shape {tuple(u.shape)}")
        z = arrays.finite("u", u.detach().double()).reshape(-1, *shape)
        return self._means(z, tau).reshape(u.shape).to(u.dtype)

    @abstractmethod
    def _means(self, u: Tensor, tau: float) -> Tensor:
        """Return the posterior means, (k, *shape), of noised pictures u (k, *shape)."""

    def _same_place(self, u: Tensor, tau: float, over: Callable[[Tensor], Tensor]) -> Tensor:
        """Return posterior means over the pictures' values in the same place, (k, *shape); `over` sums squares over the
        pixels that each pixel sees."""
        found = []
        for part in u.split(max(1, _PART // self._x.numel())):
            apart = over((part[:, None] - self._x).square_())
            apart -= apart.amin(1, keepdim=True)  # first: then small τ cannot overflow
            found.append(torch.softmax(apart.div_(tau).div_(-2 * tau), 1).mul_(self._x).sum(1))
        return torch.cat(found)


class _ByWindow(_Pixelwise):
    """A denoiser that sees windows of a given reach in pictures of `shape`.

    Raises ValueError on no pictures, values that are not finite, another d than `shape` has, a reach below 0, τ ≤ 0.
    """

    def __init__(self, points: Numbers, shape: tuple[int, int], reach: int) -> None:
        x = _pictures(points)
        if x.shape[1] != shape[0] * shape[1]:
            raise ValueError(f"points must be (n, {shape[0] * shape[1]}) for pictures of {shape}, got {tuple(x.shape)}")
        super().__init__(x.reshape(-1, *shape))
        self._reach = arrays.count("reach", reach, 0)


class Windows(_ByWindow):
    """The posterior mean of each pixel, given the noised window about it, over the training pictures' windows in that
    place.

    points (n, d) are pictures of `shape` (rows, columns), d = rows·columns; windows are 2·reach + 1 pixels wide and
    high, cut off at the border. Called with u (..., d) and τ > 0 in units of the points, it returns D(u, τ), (..., d).
    Where the window is the picture it is `exact.EmpiricalBayes`. Raises ValueError on other shapes, no pictures, values
    that are not finite, reach < 0 and τ ≤ 0.
    """

    def _means(self, u: Tensor, tau: float) -> Tensor:
        at = [torch.arange(size, device=u.device) for size in u.shape[1:]]
        rows, columns = (((i[:, None] - i).abs() <= self._reach).double() for i in at)
        return self._same_place(u, tau, lambda squares: rows @ squares @ columns)


class Everywhere(_ByWindow):
    """The posterior mean of each pixel, given the noised window about it, over windows in all places of training
    pictures.

    Arguments, call and errors are those of `Windows`. Near the border a window is cut off, and is compared with windows
    of that form that lie inside the pictures: one as wide as the picture has one place.
    """

    def _means(self, u: Tensor, tau: float) -> Tensor:
        found = torch.empty_like(u)
        for row, column in np.ndindex(*u.shape[1:]):
            up, left = max(0, row - self._reach), max(0, column - self._reach)
            seen = u[:, up : row + self._reach + 1, left : column + self._reach + 1]
            windows = unfold(self._x[:, None], seen.shape[1:]).mT.reshape(-1, seen[0].numel())
            half_square, middle = windows.square().sum(1) / 2, (row - up) * seen.shape[2] + column - left
            for rows in torch.arange(len(u)).split(max(1, _PART // len(windows))):
                fit = seen[rows].flatten(1) @ windows.T - half_square
                fit -= fit.amax(1, keepdim=True)
                found[rows, row, column] = torch.softmax(fit.div_(tau).div_(tau), 1) @ windows[:, middle]
        return found


class Chosen(_Pixelwise):
    """The posterior mean of each pixel, given those noised pixels that it `sees`, over training pictures in the same
    place.

    points are (n, d); sees is boolean (d, d), with a row for each pixel, True where it sees another one. Called with u
    (..., d) and τ > 0 it returns D(u, τ), (..., d). Raises ValueError on other shapes, no pictures, values that are not
    finite, a pixel that sees none, τ ≤ 0.
    """

    def __init__(self, points: Numbers, sees: np.ndarray) -> None:
        super().__init__(_pictures(points))
        d = self._x.shape[1]
        if sees.shape != (d, d) or sees.dtype != bool or not sees.any(1).all():
            raise ValueError(f"sees must be ({d}, {d}), True where a pixel sees one, and each must see some")
        self._sees = torch.from_numpy(sees.T.astype(float)).to(self._x.device)

    def _means(self, u: Tensor, tau: float) -> Tensor:
        return self._same_place(u, tau, lambda squares: squares @ self._sees)


def by_wiener(covariance: np.ndarray, tau: float) -> np.ndarray:
    """Indices (d, d): for each pixel, all pixels in falling order of their weight in its Wiener filter, itself
    first."""
    weights = np.abs(np.linalg.solve(covariance + tau**2 * np.eye(len(covariance)), covariance).T)
    np.fill_diagonal(weights, np.inf)
    return np.argsort(-weights, axis=1, kind="stable")


def by_distance(shape: tuple[int, int]) -> np.ndarray:
    """Indices (d, d): for each pixel, all pixels from the nearest to the farthest, itself first."""
    places = np.indices(shape).reshape(2, -1).T
    return np.argsort(((places[:, None] - places) ** 2).sum(2), axis=1, kind="stable")


def chosen(covariance: np.ndarray, tau: float, n: int, order: np.ndarray) -> np.ndarray:
    """Which pixels each one should see, boolean (d, d): the first of its `order`, as many as make W(1 + 1/n_eff) least.

    W is the error of Wiener's filter, n_eff `theory.windows.effective_sample_size`, both by a Gaussian law of this
    covariance. The product estimates what n pictures lose; where n_eff is below 1 it only keeps windows from growing.
    """
    sees, noise = np.zeros(order.shape, bool), np.eye(len(covariance))
    for pixel, first in enumerate(order):
        law = covariance[np.ix_(first, first)]
        # Leading blocks of Cholesky's factor L are those of leading windows: ln det, yᵀy and tr of all at once.
        noised, halved = (np.linalg.cholesky(law + tau**2 / k * noise) for k in (1, 2))
        told, doubled = (np.log(np.diag(c) / tau * np.sqrt(k)).cumsum() for k, c in ((1, noised), (2, halved)))
        filtered = solve_triangular(noised, covariance[first, pixel], lower=True)
        inverse = solve_triangular(halved, noise, lower=True)
        kept = (1 - tau**2 / 2 * (inverse**2).sum(1)).cumsum() / 2
        left = (covariance[pixel, pixel] - (filtered**2).cumsum()).clip(0)
        with np.errstate(divide="ignore"):  # of a pixel that is always black
            expected = np.log(left) + np.logaddexp(0, 2 * told - doubled + kept - np.log(n))
        sees[pixel, first[: 1 + np.argmin(expected)]] = True
    return sees


def window(shape: tuple[int, int], row: int, column: int, reach: int) -> np.ndarray:
    """Indices of the pixels in a window of this reach about a pixel, in a picture of this shape stored row by row."""
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    part: np.ndarray = index[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    return part.ravel()


def window_law(covariance: np.ndarray, shape: tuple[int, int], reach: int, taus: np.ndarray) -> np.ndarray:
    """Two properties of a Gaussian law of pictures at each τ, (2, τ): the information I(x; u) of a window, in nats, and
    the error of Wiener's filter, the least E(x − D)² of its middle by a denoiser that sees it.

    Both are means over pixels, that of I weighted by the variance of the middle pixel: a pixel that is always black
    tells about nothing, and there is nothing to lose in it.
    """
    found, weights = np.zeros((2, len(taus))), np.diag(covariance) / np.trace(covariance)
    for row, column in np.ndindex(*shape):
        seen = window(shape, row, column, reach)
        own = row * shape[1] + column
        values, vectors = np.linalg.eigh(covariance[np.ix_(seen, seen)])
        values, along = values.clip(0), (vectors.T @ covariance[seen, own]) ** 2
        found[0] += weights[own] * np.log1p(values[:, None] / taus**2).sum(0) / 2
        found[1] += covariance[own, own] - (along[:, None] / (values[:, None] + taus**2)).sum(0)
    return np.stack([found[0], found[1] / len(weights)])
