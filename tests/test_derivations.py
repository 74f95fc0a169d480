"""Every formula proves itself, and no mutated copy does."""

import importlib
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import sympy as sp

import theory
from theory import letters, mixture, training
from theory.catalogue import checks, formulas
from theory.core import two_gaussians
from theory.core.formula import Formula, Kind
from theory.core.steps import DerivationError, Premise
from theory.kernel import random_energies

FORMULAS, ALL = formulas(), checks()


def _branch(formula: Formula, k: int, value: sp.Expr) -> Formula:
    branches = list(formula.branches)
    branches[k] = branches[k]._replace(value=value)
    return replace(formula, branches=tuple(branches))


def _twin(formula: Formula, k: int, old: object, new: object) -> Formula:
    value = formula.branches[k].value
    mutated = value.subs(old, new) if old is not None else new
    assert mutated != value, "the twin is the formula"
    return _branch(formula, k, mutated)


_L = letters
_d, _n, _rho = _L.d, _L.n, _L.rho
# One plausible mistake for each formula.
TWINS = {
    "noise_variance": lambda f: _twin(f, 0, 2 * _L.t, _L.t),
    "diffusion_time": lambda f: _twin(f, 0, None, 2 * f.expr),
    "flow_time": lambda f: _twin(f, 0, None, _L.tau / (1 + _L.tau)),
    "signal_fraction": lambda f: _twin(f, 0, None, _L.sigma / (_L.sigma + _L.tau)),
    "kl_spectral": lambda f: _twin(f, 0, None, 2 * f.expr),
    "affinity_spectral": lambda f: _twin(f, 0, _L.distance2, 2 * _L.distance2),
    "overlap_spectral": lambda f: _twin(f, 0, _L.distance2, _L.distance2 / 2),
    "wasserstein2_spectral": lambda f: _twin(f, 0, _L.distance2, 2 * _L.distance2),
    "mp_density": lambda f: _twin(f, 0, None, f.branches[0].value * _L.sample_eigenvalue),
    "mp_resolvent": lambda f: _twin(f, 0, None, 1 / (1 + _L.tau2)),
    "mp_moment": lambda f: _twin(f, 0, None, sp.hyper((-_L.a, -_L.a), (2,), _L.gamma)),
    "mp_log_moment": lambda f: _twin(f, 0, None, -1 + (1 - _L.gamma) / _L.gamma * sp.log(1 - _L.gamma)),
    "renormalised_noise": lambda f: replace(f, unknown=f.unknown._replace(equation=f.equation + _L.tau2 / 2)),
    "generated_logdet": lambda f: _twin(f, 1, _rho, 1 - _rho),
    "generated_logdet_spectrum": lambda f: _twin(f, 1, None, f.branches[0].value),
    "shifted_logdet": lambda f: _twin(f, 0, None, f.expr - sp.log(_L.shift)),
    "generated_trace": lambda f: _twin(f, 0, _n, _n + 1),
    "generated_mean_error": lambda f: _twin(f, 1, None, 1 / _n),
    "generated_trace_spectrum": lambda f: _twin(f, 0, _n, _n + 1),
    "kl_generated_true": lambda f: _twin(f, 1, None, 2 * f.branches[1].value),
    "kl_true_generated": lambda f: _twin(f, 0, _rho, 1 - _rho),
    "kl_generated_true_spectrum": lambda f: _twin(f, 0, None, 2 * f.branches[0].value),
    "kl_true_generated_spectrum": lambda f: _twin(f, 0, None, f.branches[0].value - sp.Rational(1, 2)),
    "likelihood_threshold": lambda f: _twin(f, 0, _L.tau, sp.sqrt(_L.tau)),
    "log_affinity": lambda f: _twin(f, 1, None, 2 * f.branches[1].value),
    "hellinger2": lambda f: _twin(f, 0, _d, _d / 2),
    "logdet_correction": lambda f: _twin(f, 1, None, -sp.log(_d) / _d),
    "kernel_width": lambda f: _twin(f, 0, _L.d, _L.d + 4),
    "self_overlap": lambda f: _twin(f, 0, _L.n, _L.n**2),
    "pair_overlap": lambda f: _twin(f, 0, _L.width, 2 * _L.width),
    "kde_mise": lambda f: _twin(f, 0, _L.n, _L.n + 1),
    "bisector": lambda f: _twin(f, 0, _L.memorized, _L.memorized / 2),
    "distance_original": lambda f: _twin(f, 0, _L.orthogonal, 0),
    "memorized_fraction": lambda f: _twin(f, 0, _L.d, _L.d + 2),
    "leave_one_out": lambda f: _twin(f, 0, _L.q, 0),
    "overlap_probability": lambda f: _twin(f, 0, _L.n, 2 * _L.n),
    "null_probability": lambda f: _twin(f, 0, _L.n_original, _L.n),
    "annealed_gap": lambda f: _twin(f, 0, _L.q, 2 * _L.q),
    "overlap_clt": lambda f: _twin(f, 0, _L.n, 2 * _L.n),
    "clt_threshold": lambda f: _twin(f, 0, _L.q, _L.q / 2),
    "condensed_probability": lambda f: _twin(f, 0, _L.q, 2 * _L.q),
    "overlap_samples": lambda f: replace(f, unknown=f.unknown._replace(equation=f.equation.subs(_L.d, sp.sqrt(_L.d)))),
    "cross_overlap": lambda f: _twin(f, 0, None, 2 * f.expr),
    "collapse_width": lambda f: _twin(f, 1, _L.d, 2 * _L.d),
    "neighbour_spread": lambda f: _twin(f, 0, _L.n, _L.n**2),
    "intrinsic_ratio": lambda f: _twin(f, 0, _L.D, _L.d),
    "isolated_samples": lambda f: replace(f, unknown=f.unknown._replace(equation=f.equation.subs(_L.D, _L.d))),
    "best_width": lambda f: _twin(f, 0, _L.d + 4, _L.d),
    "local_information": lambda f: _twin(f, 0, _L.radius2, _L.radius2**2),
    "dispersion": lambda f: _twin(f, 0, None, f.expr / 2),
    "condensation": lambda f: _twin(f, 1, _L.width, _L.width**2),
    "quenched_ratio": lambda f: _twin(f, 1, None, f.branches[0].value),
    "participation": lambda f: _twin(f, 1, None, f.branches[1].value + _L.snr * random_energies.e - 1 / sp.S(2)),
    "condensed_gain": lambda f: _twin(f, 1, None, f.branches[0].value),
    "inlier_collapse_width": lambda f: _twin(f, 0, _L.radius2, 1),
    "outlier_collapse_width": lambda f: replace(f, unknown=f.unknown._replace(equation=f.equation.subs(_L.radius2, 1))),
    "neighbour_ratio": lambda f: _twin(f, 0, None, sp.exp(-_L.d / 2) / _L.n),
    "spectral_relaxation_time": lambda f: _twin(f, 0, None, sp.log(_L.top_eigenvalue) / 2),
    "relaxation_kl": lambda f: _twin(f, 1, _L.lam, 2 * _L.lam),
    "information": lambda f: _twin(f, 0, _L.tau, sp.sqrt(_L.tau)),
    "collapse_probability": lambda f: _twin(f, 0, None, 1 - f.expr),
    "collapse_time": lambda f: _twin(f, 1, None, sp.log(_L.tau2) / 2),
    "speciation_time": lambda f: _twin(f, 0, None, sp.log(_L.top_eigenvalue)),
    "cloning_probability": lambda f: _twin(f, 0, _L.separation, 2 * _L.separation),
    "linear_score_error": lambda f: _twin(
        f, 0, None, f.expr - _L.contrast / (1 + _L.contrast) + 1 - 1 / (1 + _L.contrast) ** 2
    ),
    "mixture_relaxation_time": lambda f: _twin(f, 0, None, sp.log(1 + _L.separation**2 + _L.sigma**2) / 2),
    "mixture_information": lambda f: _twin(f, 0, _L.d, 2 * _L.d),
    "excess_entropy": lambda f: _twin(f, 0, _L.separation, 0),
    "ou_score": lambda f: _twin(f, 0, None, f.expr * sp.exp(-_L.t)),
    "noise_prediction": lambda f: _twin(f, 0, None, f.expr / _L.tau),
    "flow_velocity": lambda f: _twin(f, 0, _L.tau, 1),
    "tilted_mean": lambda f: _twin(f, 0, None, f.expr - _L.tilt**2 * _L.k2 * _L.k3 / 4),
    "tilted_variance": lambda f: _twin(f, 0, None, f.expr + _L.tilt**2 * _L.k3**2 / 4),  # second moment
    "late_score_error": lambda f: _twin(f, 0, _L.k2, 0),
    "taylor_score_error": lambda f: _twin(f, 0, _L.k5, 0),
    "information_time": lambda f: replace(
        f, unknown=f.unknown._replace(equation=f.equation.subs(_L.tau2, sp.sqrt(_L.tau2)))
    ),
    "mixture_negentropy": lambda f: _twin(f, 0, None, f.expr.doit() + sp.log(1 + _L.contrast) / 2),
    "mixture_relaxation_kl": lambda f: _twin(
        f, 0, None, f.expr.replace(two_gaussians.negentropy, lambda b2: -two_gaussians.negentropy(b2))
    ),
    "mixture_information_time": lambda f: replace(
        f, unknown=f.unknown._replace(equation=f.equation.subs(_L.tau2, sp.sqrt(_L.tau2)))
    ),
    "linear_score_time": lambda f: _twin(f, 1, _L.contrast, sp.sqrt(_L.contrast)),
    "mixture_taylor_error": lambda f: _twin(f, 0, None, sp.Rational(5, 2) * mixture.linear_score_error.expr),
    "projection_error": lambda f: _twin(f, 0, None, (1 - _L.memorized) ** 2),
    "training_gain": lambda f: _twin(f, 0, _L.orthogonal, 0),
    "early_stopped_fraction": lambda f: _twin(f, 0, _L.time, 2 * _L.time),
    "early_stopped_error": lambda f: _twin(f, 0, None, f.expr + training.early_stopped_fraction.expr**2),
    "linear_memorized_fraction": lambda f: _twin(f, 0, None, _L.gamma * _L.rho * (1 - _L.rho)),
    "linear_memorized_peak": lambda f: _twin(f, 1, None, 1 - 1 / _L.gamma**2),
    "linear_time_ratio": lambda f: _twin(f, 0, None, 1 / _L.gamma),
}


def _fails(mutated: Formula) -> None:
    with pytest.raises(DerivationError, match=mutated.name):
        mutated.verify()


def test_formulas_were_found() -> None:
    assert len(FORMULAS) >= 74
    assert set(TWINS) == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_derivation_holds(name: str) -> None:
    formula = FORMULAS[name]
    assert formula.verify()
    assert formula.kind in get_args(Kind) and formula.regime and formula.latex()
    assert all(v.meaning and v.unit for v in formula.variables)


@pytest.mark.parametrize("name", FORMULAS)
def test_plausible_mistake_fails_a_step(name: str) -> None:
    _fails(TWINS[name](FORMULAS[name]))


@pytest.mark.parametrize("name", FORMULAS)
def test_every_finite_branch_is_pinned(name: str) -> None:
    formula = FORMULAS[name]
    finite = [k for k, b in enumerate(formula.branches) if b.value not in (sp.oo, -sp.oo)]
    assert finite
    for k in finite:
        value = formula.branches[k].value
        _fails(_branch(formula, k, value + sp.Rational(1, 1000)))
        if value != 0:
            _fails(_branch(formula, k, value * sp.Rational(1001, 1000)))


@pytest.mark.parametrize("name", [name for name, f in FORMULAS.items() if f.unknown])
def test_equation_of_the_unknown_is_pinned(name: str) -> None:
    formula = FORMULAS[name]
    assert formula.unknown
    _fails(replace(formula, unknown=formula.unknown._replace(equation=formula.equation + sp.Rational(1, 1000))))


def _is_test(name: str) -> bool:
    module, _, test = name.partition(".")
    return module.startswith("test_") and hasattr(importlib.import_module(module), test)


def test_sources_are_in_the_bibliography_and_premises_are_met() -> None:
    bibliography = Path(theory.__path__[0]).parent / "docs" / "references.bib"
    keys = set(re.findall(r"@\w+\{(\w+),", bibliography.read_text(encoding="utf-8")))
    premises = 0
    for formula in FORMULAS.values():
        assert "derived here" in formula.source or formula.source.split()[0] in keys, formula.name
        for key in re.findall(r"[a-z]+[12][09]\d\d\w*", formula.source):
            assert key in keys, (formula.name, key)
        for step in formula.derivation(formula):
            if isinstance(step, Premise):
                premises += 1
                assert step.source.startswith("argued here") or step.source.split()[0] in keys, step.source
                assert step.check in ALL or _is_test(step.check), step.check
    assert premises


def test_every_formula_is_confronted() -> None:
    confronted = {check.formula.name for check in ALL.values()}
    assert set(FORMULAS) - confronted == set()
