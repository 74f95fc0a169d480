"""Every formula proves itself, and no mutated copy does."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import sympy as sp

import theory
from theory import letters, mixture, training
from theory.catalogue import _names, checks, formulas
from theory.core import two_gaussians
from theory.core.bounds import relations
from theory.core.formula import Formula, Kind, premises
from theory.core.steps import DerivationError, Premise
from theory.kernel import random_energies

FORMULAS, ALL = formulas(), checks()
pytestmark = pytest.mark.usefixtures("nothing_recalled")


def _branch(formula: Formula, k: int, value: sp.Expr) -> Formula:
    branches = list(formula.branches)
    branches[k] = branches[k]._replace(value=value)
    return replace(formula, branches=tuple(branches))


def _twin(formula: Formula, k: int, old: object, new: object) -> Formula:
    value = formula.branches[k].value
    mutated = value.subs(old, new) if old is not None else new
    assert mutated != value, "the twin is the formula"
    return _branch(formula, k, mutated)


def _equation(formula: Formula, old: object, new: object) -> Formula:
    assert formula.unknown
    return replace(formula, unknown=formula.unknown._replace(equation=formula.equation.subs(old, new)))


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
    "logdet_variance": lambda f: _twin(f, 0, None, f.branches[0].value / 2),  # of complex matrices
    "logdet_offset": lambda f: _twin(f, 1, _d, 2 * _d),
    "singular_density": lambda f: _twin(f, 0, _rho, 1 - _rho),
    "kl_true_generated_scale": lambda f: _twin(f, 1, None, (_L.gamma - _rho) / (2 * _L.gamma)),
    "inverse_trace_tail": lambda f: _twin(f, 0, None, 1 / _L.inverse_trace),
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
    "stable_excess": lambda f: _twin(f, 0, _L.gap, 2 * _L.gap),
    "condensed_probability_spectrum": lambda f: _twin(f, 0, _L.d, 2 * _L.d),
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
    "information_estimate": lambda f: _twin(f, 0, 1 / _L.gamma, 1),
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
    "kl_multistep": lambda f: _twin(f, 0, None, f.branches[0].value - _d / (2 * _n)),  # the mean left out
    "kl_multistep_reverse": lambda f: _twin(f, 0, None, f.branches[0].value - _d / (2 * _n)),
    "membership_auc": lambda f: _twin(f, 0, (_d + 1) / (_n - _d), _d / (_n - _d)),
    "membership_auc_limit": lambda f: _twin(f, 0, _d, _d ** sp.Rational(4, 3)),
    "membership_samples": lambda f: _twin(f, 0, None, 2 * f.expr),
    "membership_auc_known": lambda f: _twin(f, 0, _n, 2 * _n),
    "membership_ratio": lambda f: _twin(f, 0, _d, _d - 2),  # the exponent of the law of Q, not of the density
    "membership_auc_sampled": lambda f: _twin(f, 0, _L.n_generated, _L.n_generated + _n),
    "linear_time_ratio": lambda f: _twin(f, 0, None, 1 / _L.gamma),
    "null_flag_rate": lambda f: _twin(f, 0, _L.D, _L.D + 1),
    "authpct_null": lambda f: _twin(f, 0, _L.D, _L.D + 1),
    "closest_record_null": lambda f: _twin(f, 0, None, sp.Rational(1, 2)),
    "pair_flag_rate": lambda f: _twin(f, 0, _L.ratio, _L.ratio**2),
    "wasserstein_training": lambda f: _twin(f, 0, _d, 2 * _d),
    "wasserstein_truth": lambda f: _twin(f, 0, _n, _n + 1),
    "wasserstein_samples": lambda f: _equation(f, _d, 2 * _d),
    "model_similarity": lambda f: _twin(f, 1, None, f.branches[0].value),
    "record_similarity": lambda f: _twin(f, 0, None, f.expr - 1 / _n),
    "consistency_samples": lambda f: _equation(f, _d, 2 * _d),
    "best_kernel_divergence": lambda f: _twin(f, 0, _L.snr, 2 * _L.snr),
    "best_kernel_samples": lambda f: _equation(f, _d, 2 * _d),
    "training_distance": lambda f: _twin(f, 0, None, _L.sigma**2 * _d * (2 + 1 / _n)),  # of a fresh point
    "closest_record_limit": lambda f: _twin(f, 0, _d, 2 * _d),
    "hidden_sign": lambda f: _twin(f, 0, _L.contrast, 2 * _L.contrast),
    "invariant_collapse_time": lambda f: _equation(f, _L.order, _L.order**2),
    "sign_collapse_time": lambda f: _equation(f, _L.separation, 0),  # |G| counted in full
    "mixture_collapse_time": lambda f: _equation(f, _L.separation, 2 * _L.separation),
    "place_entropy": lambda f: _twin(f, 0, _L.tau, _L.tau / 2),  # the distance for half of it
    "window_information": lambda f: _twin(f, 0, _L.pixels, _L.pixels + 1),
    "window_error": lambda f: _twin(f, 0, _L.pixels, 2 * _L.pixels),
    "window_size": lambda f: _equation(f, _L.n, 2 * _L.n),
    "sampling_excess": lambda f: _twin(f, 0, _L.tau, sp.sqrt(2) * _L.tau),
    "effective_sample_size": lambda f: _twin(f, 0, _L.tau, sp.sqrt(2) * _L.tau),
    "guidance_push": lambda f: _twin(f, 0, _L.guidance, sp.sqrt(_L.guidance)),
    "data_copying_deviation": lambda f: _twin(f, 0, None, sp.Integer(1)),
    "noises_trace": lambda f: _twin(f, 1, _L.noises, 1),
    "denoiser_error": lambda f: _twin(f, 1, _L.noises, 2 * _L.noises),
    "effective_dimension": lambda f: _twin(f, 0, _L.contrast4, 1 / _L.contrast4),
    "denoiser_scatter": lambda f: _twin(f, 0, _L.gamma, _L.gamma / 2),
    "subspace_logdet": lambda f: _twin(f, 0, _L.filled, _L.filled / 2),
    "kl_subspace": lambda f: _twin(f, 0, None, 2 * f.expr),
    "features_train_loss": lambda f: _twin(f, 0, _L.samples, 2 * _L.samples),
    "features_test_loss": lambda f: _twin(f, 0, _L.common, 2 * _L.common),
    "features_bias": lambda f: _twin(f, 0, _L.common, 2 * _L.common),
    "features_weight_variance": lambda f: _twin(f, 0, _L.features, 2 * _L.features),
    "features_point_variance": lambda f: _twin(f, 0, _L.samples, 2 * _L.samples),
    "features_noise_variance": lambda f: _twin(f, 0, _L.noises, 2 * _L.noises),
    "autoencoder_error": lambda f: _twin(f, 0, _L.noises, 2 * _L.noises),
    "autoencoder_variance": lambda f: _twin(f, 0, _L.weight_decay, 2 * _L.weight_decay),
    "gram_trace": lambda f: _twin(f, 0, _L.common, 2 * _L.common),
    "sine_common": lambda f: _twin(f, 0, _L.t, 2 * _L.t),
    "torus_information": lambda f: _twin(f, 0, _L.D, _L.D / 2),
    "reverse_step": lambda f: _twin(f, 0, _L.eta, 0),
    "heun_step": lambda f: _twin(f, 1, _L.kept_next, _L.kept),
    "euler_maruyama_step": lambda f: _twin(f, 0, 2 * _L.lam, _L.lam),
    "ddim_loss": lambda f: _twin(f, 0, None, f.expr / 2),
    "ddpm_deficit": lambda f: _twin(f, 0, None, f.branches[0].value / (1 + _L.tau_next / _L.tau) ** 2),
    "least_loss": lambda f: _twin(f, 0, _L.steps, _L.steps + 1),
    "spacing_loss": lambda f: _twin(f, 0, _L.spacing, _L.spacing + 1),
    "spacing_slope": lambda f: _twin(f, 0, None, -f.expr),
    "best_steps": lambda f: _twin(f, 0, _L.gamma, sp.sqrt(_L.gamma)),
}


def _fails(mutated: Formula) -> None:
    with pytest.raises(DerivationError, match=mutated.name):
        mutated.verify()


def test_formulas_were_found() -> None:
    assert len(FORMULAS) >= 80
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


def _conditions(condition: object) -> list[object]:
    """Plausible mistakes in a condition: a relation of it moved, scaled, a power, strict or not, reversed, left out."""
    if condition == sp.true:
        return [sp.false]
    parts = relations(condition)
    assert parts, condition
    strictness = {sp.Lt: sp.Le, sp.Le: sp.Lt, sp.Gt: sp.Ge, sp.Ge: sp.Gt, sp.Eq: sp.Ne}
    found: list[object] = [sp.true]
    for k, part in enumerate(parts):
        left, right, sense = part.lhs, part.rhs, type(part)
        sides = [(left + sp.Rational(1, 7), right), *([(left * sp.Rational(11, 10), right)] if right != 0 else [])]
        if left.free_symbols and right.free_symbols:  # elsewhere a square, say of γ < 1, says the same
            sides += [(left, right.subs(x, x**2)) for x in sorted(right.free_symbols, key=str)]
        others = [sense(*pair, evaluate=False) for pair in sides]
        others += [strictness[sense](left, right, evaluate=False)]
        others += [sense(right, left, evaluate=False)] if sense is not sp.Eq else []
        rest = parts[:k] + parts[k + 1 :]
        found += [sp.And(*rest, other, evaluate=False) if rest else other for other in others]
        found += [sp.And(*rest)] if rest else []
    return found


def _ends(low: sp.Expr, high: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Plausible mistakes in a bracket."""
    more = sp.Rational(11, 10)
    lower = [low + sp.Rational(1, 7), *([low * more] if low != 0 else [])]
    return [(x, high) for x in lower] + [(low, high / more), (low, high + sp.Rational(1, 7))]


def _domains(domain: sp.Set) -> list[sp.Set]:
    """Plausible mistakes in what a variable may be: an end moved, or counted in or out."""
    low, high, left, right = domain.inf, domain.sup, domain.left_open, domain.right_open
    step = sp.Rational(1, 7)
    lows = [low + step, low - step] if low.is_finite else [sp.S.Zero]
    highs = [high + step, high - step] if high.is_finite else [sp.Integer(1000)]
    found = [sp.Interval(x, high, left, right) for x in lows] + [sp.Interval(low, x, left, right) for x in highs]
    found += [sp.Interval(low, high, not left, right)] if low.is_finite else []
    return found + ([sp.Interval(low, high, left, not right)] if high.is_finite else [])


def twins_of_bounds(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """The formula with each condition, infinite phase, bracket and end of a variable replaced by plausible mistakes."""
    for k, branch in enumerate(formula.branches):
        for condition in _conditions(branch.condition):
            branches = list(formula.branches)
            branches[k] = branch._replace(condition=condition)
            yield f"phase {k} if {condition}", replace(formula, branches=tuple(branches))
        if branch.value in (sp.oo, -sp.oo):
            for value in (sp.S.Zero, -branch.value):
                yield f"phase {k} is {value}", _branch(formula, k, value)
    if formula.unknown:
        for low, high in _ends(formula.unknown.lower, formula.unknown.upper):
            yield f"bracket {low}, {high}", replace(formula, unknown=formula.unknown._replace(lower=low, upper=high))
    for k, variable in enumerate(formula.variables):
        for domain in _domains(variable.domain):
            variables = list(formula.variables)
            variables[k] = variable._replace(domain=domain)
            yield f"{variable.symbol} in {domain}", replace(formula, variables=tuple(variables))


@pytest.mark.parametrize("name", FORMULAS)
def test_every_condition_bracket_and_end_is_pinned(name: str) -> None:
    count = 0
    for mistake, twin in twins_of_bounds(FORMULAS[name]):
        count += 1
        try:
            twin.verify()
        except DerivationError as error:
            assert name in str(error)
        else:
            pytest.fail(f"{name}: {mistake} proves itself")
    assert count >= 2


def _is_test(name: str) -> bool:
    module, _, test = name.partition(".")
    return module.startswith("test_") and hasattr(importlib.import_module(module), test)


def _built_from(function: Callable[..., object], seen: set[object]) -> Iterator[str]:
    """The formulas that a function of theory names, and those that the functions it calls name."""
    function = inspect.unwrap(function)
    if function in seen:
        return
    seen.add(function)
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, Formula):
            yield value.name
        elif inspect.isfunction(value) and value.__module__.startswith("theory."):
            yield from _built_from(value, seen)


def _foundations(formula: Formula) -> set[str]:
    return {formula.name}.union(*map(_foundations, formula.rests_on))


@pytest.mark.parametrize("name", FORMULAS)
def test_premises_travel(name: str) -> None:
    """A formula that is built from another says so, and takes over what that one takes on trust."""
    formula, seen = FORMULAS[name], set()
    used = set(_built_from(formula.derivation, seen))
    used |= set(_built_from(formula.bounds, seen)) if formula.bounds else set()
    assert used <= _foundations(formula), f"{name} rests on {used - _foundations(formula)} too"
    claims = {step.claim for _, step in premises(formula)}
    for other in formula.rests_on:
        assert claims >= {step.claim for _, step in premises(other)}


def test_what_the_divergences_take_on_trust() -> None:
    for name in ("kl_true_generated", "log_affinity", "hellinger2", "cross_overlap"):
        assert any("annealed = quenched" in step.claim for _, step in premises(FORMULAS[name])), name
    for name in ("generated_logdet", "kl_generated_true", "logdet_offset"):
        claims = [step.claim for _, step in premises(FORMULAS[name])]
        assert any("single ring theorem" in claim for claim in claims), name
        assert not any("annealed = quenched" in claim for claim in claims), name
    assert "| premise of kl_true_generated_spectrum |" in FORMULAS["likelihood_threshold"].card()


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
