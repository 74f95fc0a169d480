"""Information against ln n, level by level of the noise, by both estimates; and where they meet: the collapse."""

from dataclasses import dataclass

import numpy as np

from memgen.predict import denoising
from memgen.predict.information import Gaussian, Width, Z

_LEVELS, _RATIO, _MOST = 20, 1.3, 200  # levels at least; of two that follow each other at most; levels at most


@dataclass(frozen=True)
class Level:
    """The information of x_0 + σξ on x_0 at one noise level, in nats, with 95% intervals.

    `gaussian`: that of the Gaussian law with the data's covariance; None below the noise that so few rows tell of.
    `denoised`: by the error of denoisers at held-out rows; `by_points`: the better one there was that of the points.
    Both are upper bounds. `plug_in`: `gaussian` without the correction for the number of rows. `n_star`: the exact
    score of fewer points than this is collapsed at this noise, e^gaussian; None above 10³⁰⁰. `collapsed`: whether that
    holds for the n asked about, times the augmentation. `time`: t of the forward process of noise scale 1, ½ ln(1 +
    σ²).
    """

    sigma: float
    time: float
    gaussian: float | None
    gaussian_low: float | None
    gaussian_high: float | None
    denoised: float
    denoised_low: float
    denoised_high: float
    by_points: bool
    plug_in: float
    n_star: float | None
    collapsed: bool | None


@dataclass(frozen=True)
class Collapse:
    """The noise σ below which the exact score of n points takes samples to one of them: the information is ln n there.

    `gaussian`: of the Gaussian law with the data's covariance; `time`: its t, ½ ln(1 + σ²); `plug_in`: without the
    correction for the number of rows; `tenfold`: of ten times the points.  `denoised`: by the held-out error.
    Data that are not Gaussian collapse no earlier than either says: at this noise or a lower one.
    """

    log_n: float
    gaussian: Width
    time: float | None
    plug_in: float
    tenfold: float | None
    denoised: Width


def levels(
    x: np.ndarray, gaussian: Gaussian, log_n: float, wanted: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[Level, ...], Collapse | None]:
    """A `Level` for each noise in `wanted`, or for twenty or more around the collapse if that is empty, and the
    `Collapse`.

    x (rows, d); `gaussian` is fitted to the covariance of these rows; log_n is ln of the number of points, augmentation
    included. At ln n = 0, for one point, there is no collapse: None.
    """
    plug_in = gaussian.plug_in_width(log_n) if log_n > 0 else None
    middle = (gaussian.width(log_n) if log_n > 0 else None) or max(gaussian.least, plug_in or gaussian.scale)
    grid = _grid(middle, gaussian, wanted)
    known = grid > gaussian.least * 1.001
    middles, errors = np.full(len(grid), np.nan), np.full(len(grid), np.nan)
    middles[known] = [gaussian.information(sigma) for sigma in grid[known]]
    errors[known] = gaussian.errors(grid[known])
    found = denoising.information(x, grid, (middles[0], errors[0]), rng)
    rows = [
        _level(
            sigma, gaussian, (middles[k], errors[k]), (found.information[k], found.error[k]), found.by_points[k], log_n
        )
        for k, sigma in enumerate(grid)
        if not wanted.size or sigma in wanted
    ]
    if plug_in is None:
        return tuple(rows), None
    width = gaussian.interval_by(log_n, grid[known][::-1], errors[known][::-1])
    low, centre, high = (_meets(grid, found.information + z * found.error, log_n) for z in (-Z, 0, Z))
    time = None if width.sigma is None else _time(width.sigma)
    tenfold = gaussian.width(log_n + np.log(10))
    return tuple(rows), Collapse(log_n, width, time, plug_in, tenfold, Width(centre, low, high))


def _grid(middle: float, gaussian: Gaussian, wanted: np.ndarray) -> np.ndarray:
    """Falling noise levels, from little information to well below the collapse, those wanted among them."""
    top = max(4 * gaussian.scale, 2 * middle, *(1.01 * wanted))
    bottom = min(middle / 4, *(0.99 * wanted), top)
    count = int(np.clip(np.log(top / bottom) / np.log(_RATIO), _LEVELS, _MOST))
    return np.unique(np.concatenate([np.geomspace(bottom, top, count), wanted]))[::-1]


def _level(
    sigma: float,
    gaussian: Gaussian,
    of_gaussian: tuple[float, float],
    of_denoisers: tuple[float, float],
    by_points: bool,
    log_n: float,
) -> Level:
    (middle, error), (denoised, spread) = of_gaussian, of_denoisers
    known = bool(np.isfinite(middle))
    return Level(
        sigma=float(sigma),
        time=_time(sigma),
        gaussian=float(middle) if known else None,
        gaussian_low=float(max(0, middle - Z * error)) if known else None,
        gaussian_high=float(middle + Z * error) if known else None,
        denoised=float(denoised),
        denoised_low=float(max(0, denoised - Z * spread)),
        denoised_high=float(denoised + Z * spread),
        by_points=bool(by_points),
        plug_in=gaussian.plug_in(sigma),
        n_star=float(np.exp(middle)) if known and middle < np.log(1e300) else None,
        collapsed=bool(middle > log_n) if known else None,
    )


def _time(sigma: float) -> float:
    return float(np.log1p(sigma**2) / 2)


def _meets(grid: np.ndarray, information: np.ndarray, log_n: float) -> float | None:
    """The largest noise at which the information, on a falling grid of noise, is ln n; None if it is nowhere."""
    from scipy.interpolate import PchipInterpolator

    roots = PchipInterpolator(np.log(grid[::-1]), information[::-1] - log_n).roots(extrapolate=False)
    inside = [float(u) for u in np.exp(roots) if np.isfinite(u)]
    return max(inside) if inside else None
