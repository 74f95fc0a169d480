"""Augmentation and conditioning against sets of points whose collapse is measured, and against drawn posteriors."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from memgen.denoisers import exact
from memgen.experiments import orbits
from memgen.laws.process import noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import collapse, images
from theory.checks.check import Check, Observation

_SETS: dict[orbits.Study, int] = {"ring": 100, "sign": 400}
_DRAWS = 40_000


def _shifts(study: orbits.Study, law: str, at: float, orders: tuple[int, ...]) -> list[tuple[pd.DataFrame, Estimate]]:
    """The rows of the groups of these orders, whose points are singled out, and by how much they move ln n."""
    rows = orbits.cell(orbits.Cell(study, law, at, _SETS[study], 1))
    plain = rows[rows.group == "none"]
    shown = rows[(rows.group != "none") & (rows.criterion == "point") & rows.order.isin(orders)]
    return [(part, orbits.shift(plain, part)) for _, part in shown.groupby("order")]


def _signs() -> list[Observation]:
    """How many more points a set counts for if each is shown as −y too, at the contrast where it collapses."""
    found = []
    for separation in (0.0, 2.0, 3.0):
        ((rows, estimate),) = _shifts("sign", "normal", separation, (2,))
        contrast = separation**2 / (1 + np.exp(2 * rows.log_width.mean()))
        found.append(Observation({"contrast": contrast}, estimate))
    return found


def _invariant_times() -> list[Observation]:
    """The collapse time of as many plain points as collapse at the noise of the shifted ones."""
    found, n = [], orbits.SHOWN["ring"]
    for law, orders in (("white", (2, 8, 64)), ("smooth", (4, 8))):
        eigenvalues = orbits.spectrum(law)
        for rows, e in _shifts("ring", law, 0.0, orders):
            at, up = collapse.collapse_time(n * np.exp(e.value + np.array([0, 1e-4])), eigenvalues)
            estimate = e._replace(value=float(at), error=abs(float(up - at)) / 1e-4 * e.error)
            found.append(Observation({"n": n, "order": rows.order.iloc[0], "eigenvalues": eigenvalues}, estimate))
    return found


def _mixture_times(name: str, shown: int) -> list[Observation]:
    """At noise τ the mixture tells e^I points apart: t is the collapse time of that many, each shown so often."""
    found = []
    for separation, tau, d in ((1.5, 1.0, 4), (3.0, 1.2, 3)):
        rng = stream("check", "images", name, separation)
        x = rng.standard_normal((_DRAWS, d))
        x[:, 0] += np.where(rng.random(_DRAWS) < 0.5, separation, -separation)
        u, spread2 = noised(x, tau, rng), 1 + tau**2
        sides = (-((u[:, 0] - m) ** 2) / (2 * spread2) for m in (separation, -separation))
        law = np.logaddexp(*sides) - np.log(2) - (u[:, 1:] ** 2).sum(1) / (2 * spread2)
        told = mean(-((u - x) ** 2).sum(1) / (2 * tau**2) - law + d * np.log(spread2 / tau**2) / 2)
        n = np.exp(told.value) / shown
        t = np.log1p(tau**2) / 2
        ahead, behind = (float(images.mixture_collapse_time(shown * n * k, separation, d)) for k in (1.001, 0.999))
        slope = (ahead - behind) / (np.log(1.001) - np.log(0.999))
        args = {"n": n, "separation": separation, "d": d}
        found.append(Observation(args, Estimate(t, abs(slope) * told.error)))
    return found


def _places() -> list[Observation]:
    """−ln of the probability of y among two images, noised."""
    found = []
    for distance2, tau in ((1.0, 1.0), (9.0, 1.5), (4.0, 0.7)):
        z = stream("check", "images.place", distance2).standard_normal(_DRAWS)
        log_odds = (distance2 + 2 * tau * np.sqrt(distance2) * z) / (2 * tau**2)
        found.append(Observation({"tau": tau, "steps2": (0.0, distance2)}, mean(np.logaddexp(0, -log_odds))))
    return found


def _pushes() -> list[Observation]:
    """|D_η − D_c|² of the exact denoisers of a class and of the mixture."""
    found = []
    for tau, separation, guidance in ((1.0, 1.0, 1.0), (2.0, 3.0, 0.5), (0.7, 2.0, 4.0)):
        rng, m = stream("check", "images.guidance", tau), np.array([separation, 0.0])
        u = noised(m + rng.standard_normal((_DRAWS, 2)), tau, rng)
        of_class = exact.gaussian(u, tau, m, np.eye(2)).numpy()
        of_all = exact.mixture(u, tau, np.stack([m, -m]), 1.0).numpy()
        guided = of_class + guidance * (of_class - of_all)
        args = {"tau": tau, "separation": separation, "sigma": 1.0, "guidance": guidance}
        found.append(Observation(args, mean(((guided - of_class) ** 2).sum(1))))
    return found


_CHAINS = ((1, 1.0, 0.5), (5, 0.5, 0.9), (15, 2.0, 0.8), (9, 0.3, 0.95))  # pixels, noise, correlation of neighbours


class _Chain(NamedTuple):
    """Windows of a Gaussian chain, clean and noised, (draws, pixels), and the covariance of the clean ones."""

    x: np.ndarray
    u: np.ndarray
    covariance: np.ndarray


def _chain(name: str, pixels: int, tau: float, correlation: float) -> _Chain:
    rng = stream("check", "images", name, pixels, tau)
    x = rng.standard_normal((_DRAWS, pixels))
    for j in range(1, pixels):
        x[:, j] = correlation * x[:, j - 1] + np.sqrt(1 - correlation**2) * x[:, j]
    apart = np.abs(np.subtract.outer(np.arange(pixels), np.arange(pixels)))
    return _Chain(x, noised(x, tau, rng), correlation ** apart.astype(float))


def _told(name: str, pixels: int, tau: float, correlation: float) -> Estimate:
    """What a noised window tells of its clean one: the mean of ln p(u|x)/p(u)."""
    x, u, covariance = _chain(name, pixels, tau, correlation)
    noisy = covariance + tau**2 * np.eye(pixels)
    alone = (u * np.linalg.solve(noisy, u.T).T).sum(1) + np.linalg.slogdet(noisy)[1]
    return mean((alone - ((u - x) ** 2).sum(1) / tau**2 - pixels * np.log(tau**2)) / 2)


def _windows() -> list[Observation]:
    return [
        Observation({"pixels": pixels, "tau": tau, "correlation": c}, _told("window", pixels, tau, c))
        for pixels, tau, c in _CHAINS
    ]


def _window_errors() -> list[Observation]:
    """What a regression of the middle pixel on the noised window leaves."""
    found = []
    for pixels, tau, c in _CHAINS:
        x, u, _ = _chain("regression", pixels, tau, c)
        middle = x[:, pixels // 2]
        left = middle - u @ np.linalg.lstsq(u, middle, rcond=None)[0]
        freedom = _DRAWS - pixels  # squares of a Gaussian: σ²χ²
        value = (left**2).sum() / freedom
        args = {"pixels": pixels, "tau": tau, "correlation": c}
        found.append(Observation(args, Estimate(value, value * np.sqrt(2 / freedom))))
    return found


def _window_sizes() -> list[Observation]:
    """As many windows as one of so many pixels tells apart: e^I."""
    found = []
    for pixels, tau, c in _CHAINS:
        told = _told("window size", pixels, tau, c)
        slope = np.diff(images.window_information(pixels + np.array([-0.01, 0.01]), tau, c))[0] / 0.02
        args = {"n": np.exp(told.value), "tau": tau, "correlation": c}
        found.append(Observation(args, Estimate(pixels, told.error / slope)))
    return found


CHECKS = [
    Check(
        "images.hidden_sign",
        images.hidden_sign,
        3,
        _signs,
        {
            "|G| counted in full": lambda contrast: np.log(2),
            "nothing gained": lambda contrast: 0.0,
            "distance between the means for half of it": lambda contrast: images.hidden_sign(4 * contrast),
        },
    ),
    Check(
        "images.invariant_collapse_time",
        images.invariant_collapse_time,
        5,
        _invariant_times,
        {
            "nothing gained": lambda n, order, eigenvalues: collapse.collapse_time(n, eigenvalues),
            "√|G| times n": lambda n, order, eigenvalues: collapse.collapse_time(n * order**0.5, eigenvalues),
            "equal eigenvalues": lambda n, order, eigenvalues: images.invariant_collapse_time(
                n, order, np.full(eigenvalues.size, 1.0)
            ),
        },
    ),
    Check(
        "images.mixture_collapse_time",
        images.mixture_collapse_time,
        2,
        lambda: _mixture_times("mixture", 1),
        {
            "the class given": lambda n, separation, d: collapse.collapse_time(n / 2, np.ones(d)),
            "the class never decided": lambda n, separation, d: collapse.collapse_time(n, np.ones(d)),
        },
    ),
    Check(
        "images.sign_collapse_time",
        images.sign_collapse_time,
        2,
        lambda: _mixture_times("sign", 2),
        {
            "|G| counted in full": lambda n, separation, d: collapse.collapse_time(2 * n, np.ones(d)),
            "nothing gained": lambda n, separation, d: collapse.collapse_time(n, np.ones(d)),
        },
    ),
    Check(
        "images.place_entropy",
        images.place_entropy,
        3,
        _places,
        {
            "the place never seen": lambda tau, steps2: np.log(2),
            "the distance for half of it": lambda tau, steps2: images.place_entropy(tau, 4 * np.array(steps2)),
        },
    ),
    Check(
        "images.guidance_push",
        images.guidance_push,
        3,
        _pushes,
        {
            "classes never decided": lambda tau, separation, sigma, guidance: (
                (guidance * separation * tau**2 / (sigma**2 + tau**2)) ** 2
            ),
            "1 + η for η": lambda tau, separation, sigma, guidance: images.guidance_push(
                tau, separation, sigma, 1 + guidance
            ),
        },
    ),
    Check(
        "images.window_information",
        images.window_information,
        4,
        _windows,
        {
            "pixels as if independent": lambda pixels, tau, correlation: pixels * np.log1p(tau**-2.0) / 2,
            "all that came before is known": lambda pixels, tau, correlation: (
                pixels * (images.window_information(2e3, tau, correlation) / 2e3)
            ),
        },
    ),
    Check(
        "images.window_error",
        images.window_error,
        4,
        _window_errors,
        {
            "the whole chain": lambda pixels, tau, correlation: images.window_error(1e6, tau, correlation),
            "the pixel alone": lambda pixels, tau, correlation: images.window_error(1, tau, correlation),
            "the prior counted twice": lambda pixels, tau, correlation: (
                1 / (1 / images.window_error(pixels, tau, correlation) + 1)
            ),
        },
    ),
    Check(
        "images.window_size",
        images.window_size,
        4,
        _window_sizes,
        {
            "pixels as if independent": lambda n, tau, correlation: 2 * np.log(n) / np.log1p(tau**-2.0),
            "ln n for 2 ln n": lambda n, tau, correlation: images.window_size(np.sqrt(n), tau, correlation),
        },
    ),
]
