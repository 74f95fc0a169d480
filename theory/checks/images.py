"""Augmentation and conditioning against sets of points whose collapse is measured, and against drawn posteriors."""

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
    """For each of these orders of the group: the rows in which a point is singled out, and the change that they make to
    ln n."""
    rows = orbits.cell(orbits.Cell(study, law, at, _SETS[study], 1))
    plain = rows[rows.group == "none"]
    shown = rows[(rows.group != "none") & (rows.criterion == "point") & rows.order.isin(orders)]
    return [(part, orbits.shift(plain, part)) for _, part in shown.groupby("order")]


def _signs() -> list[Observation]:
    """The change of ln n if each point is shown as −y too, at the contrast at which the set collapses."""
    found = []
    for separation in (0.0, 2.0, 3.0):
        ((rows, estimate),) = _shifts("sign", "normal", separation, (2,))
        contrast = separation**2 / (1 + np.exp(2 * rows.log_width.mean()))
        found.append(Observation({"contrast": contrast}, estimate))
    return found


def _invariant_times() -> list[Observation]:
    """The collapse time of as many plain points as collapse at the same noise as the shifted ones."""
    found, n = [], orbits.SHOWN["ring"]
    for law, orders in (("white", (2, 8, 64)), ("smooth", (4, 8))):
        eigenvalues = orbits.spectrum(law)
        for rows, e in _shifts("ring", law, 0.0, orders):
            at, up = collapse.collapse_time(n * np.exp(e.value + np.array([0, 1e-4])), eigenvalues)
            estimate = e._replace(value=float(at), error=abs(float(up - at)) / 1e-4 * e.error)
            found.append(Observation({"n": n, "order": rows.order.iloc[0], "eigenvalues": eigenvalues}, estimate))
    return found


def _mixture_times(name: str, shown: int) -> list[Observation]:
    """Collapse times of a mixture: at noise τ it tells e^I points apart, so that t is that of e^I/shown points, each
    shown `shown` times."""
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
    """The mean of −ln p(y|u), the probability of y among two images, at noised points u."""
    found = []
    for distance2, tau in ((1.0, 1.0), (9.0, 1.5), (4.0, 0.7)):
        z = stream("check", "images.place", distance2).standard_normal(_DRAWS)
        log_odds = (distance2 + 2 * tau * np.sqrt(distance2) * z) / (2 * tau**2)
        found.append(Observation({"tau": tau, "steps2": (0.0, distance2)}, mean(np.logaddexp(0, -log_odds))))
    return found


def _pushes() -> list[Observation]:
    """The mean of |D_η − D_c|², from the exact denoisers of a class and of the mixture."""
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
]
