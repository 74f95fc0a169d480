"""float64 against high precision for every formula, out to the edges of its domain."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy as sp
from test_derivations import FORMULAS

from theory.core.formula import DomainError, Formula, Variable

_SPECTRA = (np.array([0.31]), np.array([1e-9, 0.2, 1 - 1e-9]), np.array([0.25, 0.5, 0.9, 1.0]))
_WIDE = (np.array([1e-6, 1.0, 1e6]), np.array([1 - 1e-7, 1 + 1e-9, 1.001]))
_NEAR_ONE = (1 - 1e-9, 1 - 1e-4)
# By the name of the argument; what lies outside the domain of a formula is left out.
VALUES = {
    "gamma": (1e-9, 1e-4, 0.3, 0.5, 0.7, *_NEAR_ONE, 1.0, 1 + 1e-9, 2.0, 1e3),
    "rho": (1e-9, 1e-4, 0.3, 0.5, 0.7, *_NEAR_ONE, 1.0),
    "n": (2.0, 3.0, 50.0, 99.0, 103.0, 1e3, 1e6, 1e12),
    "d": (1.0, 2.0, 100.0, 1e3, 1e6),
    "t": (0.0, 1e-200, 1e-12, 1e-3, 0.5, 10.0, 100.0),
    "tau2": (0.0, 1e-12, 1e-6, 0.1, 1.0, 10.0, 1e6),
    "tilt": (-12.0, -2.5, -1.0, -0.5, -0.49, 0.0, 0.3, 2.0, 7 / 3, 30.0),
    "lam": (0.0, 1e-12, 1e-6, 0.1, 1.0, 10.0, 1e6),
    "tau": (0.0, 1e-12, 1e-3, 0.5, 1.0, 10.0, 1e9),
    "sigma": (1e-9, 1.0, 1e9),
    "a": (-12.0, -2.5, -1.0, -0.5, -0.49, 0.0, 0.3, 2.0, 7 / 3, 30.0),
    "sample_eigenvalue": (0.01, 0.5, 1.0, 1.9, 4.0),
    "shift": (1e-30, 1e-12, 1e-3, 0.5, 1.0, 30.0, 1e9),
    "distance2": (0.0, 1e-12, 3.0),
    "eigenvalues": (*_SPECTRA, *_WIDE),
    "ratios": (*_SPECTRA, *_WIDE),
    "spreads": (*_SPECTRA, *_WIDE),
    "fractions": _SPECTRA,
    "q": (1e-6, 0.1, 0.5, 0.9, *_NEAR_ONE),
    "width": (1e-6, 1e-2, 0.3, 1.0, 2.0, 50.0, 1e6),
    "separation": (0.0, 1e-12, 1.0, 2.0),
    "distance": (0.0, 1e-9, 1.0, 40.0, 1e4),
    "top_eigenvalue": (1e-9, 0.5, 1.0, 1 + 1e-9, 3.0, 1e9),
    "contrast": (0.0, 0.01, 0.5, 1.0, 5.0, 60.0, 1e6),
    "alpha": (1e-9, 1e-3, 0.1, 0.5, 2.0, 30.0),
    "radius2": (0.0, 1e-6, 0.5, 1.0, 1 + 1e-9, 4.0, 1e4),
    "D": (1.0, 2.0, 3.0, 7.0, 100.0, 1e4),
    "eigenvalue": (1e-9, 0.5, 1.0, 1e6),
    "delta": (1e-12, 1e-3, 0.05, 0.9, 30.0),
    "denoised": (-3.0, 0.0, 1e-9, 0.7),
    "noised": (-1e6, 0.0, 0.7, 2.0),
    "k2": (0.0, 0.5, 3.0),
    "k3": (-1.5, 0.0, 2.0),
    "k4": (-2.0, 0.0, 0.7),
    "k5": (-120.0, 0.0, 5.0),
    "k6": (-100.0, 0.0, 16.0),
    "sharpness": (np.full(50, 0.99), np.linspace(0.95, 0.999, 50), np.append(np.full(49, 0.999), 0), np.array([0.2])),
    "mu": (1e-9, 1e-3, 0.2, 0.5, 0.8, *_NEAR_ONE),
    "gap": (0.0, 1e-9, 0.3, 2.0, 25.0, 1e3, 1e6),
    "probability": (1e-9, 0.01, 0.25, 0.499),
    "memorized": (-3.0, -0.5, 0.0, 1e-9, 0.3, 0.5, 1.0, 1.7, 7.0),
    "span": (0.0, 1e-12, 1.0, 2.0),
    "orthogonal": (0.0, 1e-12, 1e-9, 0.4, 3.0),
    "sample": (np.array([0.9]), np.array([0.0, 0.5, 2.0]), np.array([1e-9, 0.3, 4.0]), np.array([0.2, 0.9, 1.1, 30.0])),
    "inverse_trace": (1.0, 1.5, 4.0, 100.0, 1e6, 1e12, 1e30),
    "ratio": (1e-9, 0.01, 1 / 3, 0.5, 0.9, 0.999, 1.0),
    "n_holdout": (1.0, 2.0, 50.0, 1e3, 1e12),
    "weights": (*_SPECTRA, *_WIDE, np.array([40.0, 25.0, 20.0, 3.0])),
    "n_generated": (2.0, 3.0, 50.0, 103.0, 1e3, 1e6, 1e12),
    "level": (0.5 + 1e-9, 0.5001, 0.6, 0.75, 0.9, 0.999, *_NEAR_ONE),
    "mahalanobis": (0.0, 1e-9, 1.0, 40.0, 1e4),
    "mahalanobis_true": (0.0, 1e-9, 1.0, 40.0, 1e4),
    "order": (1.0, 2.0, 8.0, 64.0, 1e4),
    "steps2": (np.array([0.0, 1.0]), np.array([0.0, 0.3, 4.0, 4.0]), np.array([0.0, 1e-9, 50.0])),
    "guidance": (0.0, 0.5, 1.0, 7.5),
    "time": (0.0, 1e-9, 0.3, 1.0, 10.0, 1e4),
    "other_eigenvalue": (1e-9, 0.5, 1.0, 1e6),
    "features": (1e-3, 0.5, 1.0, 4.0, 1e3),
    "samples": (1e-3, 0.5, 1.0, 2.0, 1e6),
    "ridge": (0.0, 1e-9, 0.01, 1.0, 1e3),
    "of_point": (1e-6, 0.1, 0.36),
    "of_noise": (1e-6, 0.07, 0.3),
    "common": (1e-9, 0.03, 0.2),
    "fresh": (1e-6, 0.02, 0.4),
    "weight_decay": (1e-9, 0.1, 1.0, 30.0),
    "contrast4": (1.0, 1 + 1e-9, 1.5, 100.0),
    "filled": (1e-9, 0.1, 0.5, 0.9, *_NEAR_ONE),
    "noises": (1.0, 2.0, 3.0, 16.0, 1e6),
    "tau_next": (0.0, 1e-12, 1e-3, 0.5, 1 - 1e-9, 1.0, 10.0),
    "t_next": (0.0, 1e-12, 1e-3, 0.5, 1.0),
    "eta": (0.0, 1e-9, 0.3, 1.0),
    "steps": (1.0, 2.0, 50.0, 1e3, 1e6),
    "state": (0.0, 1e-9, 1.0, 2.0, 1e6),
    "learnt": (1e-9, 0.5, 1.0, 1e6),
    "kept": (0.0, 1e-9, 0.5, *_NEAR_ONE, 1.0),
    "kept_next": (0.0, 1e-9, 0.5, *_NEAR_ONE, 1.0),
    "pixels": (1.0, 1.5, 3.0, 9.0, 101.0, 1e4),
    "correlation": (1e-9, 0.1, 0.5, 0.9, *_NEAR_ONE),
    "spacing": (-0.999, -0.5, 0.0, 6 / 7, 1 - 1e-9, 1.0, 1 + 1e-9, 2.0, 2.999),
}


def _inside(variable: Variable, value: object) -> bool:
    return all(variable.domain.contains(sp.Float(v)) == sp.true for v in np.atleast_1d(value))


def _points(formula: Formula, most: int) -> list[tuple]:
    axes = [[v for v in VALUES[variable.symbol.name] if _inside(variable, v)] for variable in formula.variables]
    grid = list(itertools.product(*axes))
    chosen = np.random.default_rng(0).permutation(len(grid))[:most]
    return [grid[k] for k in chosen]


# Seconds a value in high precision; test_transition holds the one quadrature of the first two to its digits,
# test_relaxation the roots of the next two, test_criteria those of the two after, test_orbits those of the last four.
_SLOW = {
    "overlap_probability",
    "null_probability",
    "mixture_information_time",
    "linear_score_time",
    "wasserstein_samples",
    "consistency_samples",
    "mixture_collapse_time",
    "sign_collapse_time",
    "guidance_push",
    "place_entropy",
}
# Quadratures, and roots of long equations or of error functions: seconds for ten values.
_QUADRATURES = {
    "cloning_probability",
    "linear_score_error",
    "mixture_information",
    "excess_entropy",
    "mixture_negentropy",
    "mixture_relaxation_kl",
    "mixture_taylor_error",
    "overlap_samples",
    "wasserstein_training",
    "record_similarity",
    "hidden_sign",
    "features_train_loss",
    "features_test_loss",
    "features_bias",
    "features_weight_variance",
    "features_point_variance",
    "features_noise_variance",
}


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - _SLOW))
def test_every_formula_keeps_its_digits(name: str) -> None:
    formula = FORMULAS[name]
    compared = 0
    few = formula.unknown or name == "membership_auc"  # hundreds of gamma functions for each value
    points = _points(formula, 7 if name in _QUADRATURES else 20 if few else 120)
    for point in points:
        try:
            value = float(formula(*point))
        except DomainError as error:
            assert "no phase covers" in str(error)
            continue
        exact = formula.mp(*point, dps=20)
        compared += 1
        if mpmath.isinf(exact):
            assert value == float(exact), point
        elif not 1e-290 < abs(exact) < 1e290 and exact:  # out of range as a number, within it as a logarithm
            assert value < 1e-280 or value > 1e280, point
            logarithm = float(mpmath.log(exact))
            assert abs(formula.log(*point) - logarithm) <= 1e-12 * abs(logarithm), point
        else:
            size = max(point[0], 1.0) if name == "hellinger2" else 1.0  # an exponent that is d times as large
            allowed = 1e-12 * abs(exact) + 1e-14 * size
            assert abs(value - exact) <= allowed, (point, value, exact)
    assert compared >= min(6, len(points)) >= 3


@pytest.mark.parametrize("name", [name for name, f in FORMULAS.items() if len(f.branches) > 1])
def test_values_at_once_are_the_values_one_by_one(name: str) -> None:
    formula = FORMULAS[name]
    axes = [v for v in formula.variables if not v.spectrum]
    spectra = {v.symbol.name: VALUES[v.symbol.name][1] for v in formula.variables if v.spectrum}
    grids = np.meshgrid(*[[x for x in VALUES[v.symbol.name] if _inside(v, x)][:5] for v in axes], indexing="ij")
    given = {v.symbol.name: grid for v, grid in zip(axes, grids, strict=True)}
    if name == "generated_trace_spectrum":
        given["n"] = given["n"] + 3
    if name == "membership_ratio":  # n > d + 1
        given["n"] = given["n"] + given["d"] + 1
    if "tau_next" in given:  # the noise falls
        given["tau_next"] = np.minimum(given["tau_next"], given["tau"] / 2)
    if name == "isolated_samples":  # D ≤ d
        given["D"] = np.minimum(given["D"], given["d"])
    together = formula(**given, **spectra)
    assert together.shape == grids[0].shape
    for index in np.ndindex(*together.shape):
        alone = formula(**{key: grid[index] for key, grid in given.items()}, **spectra)
        assert together[index] == pytest.approx(alone, rel=1e-13, abs=1e-15)
