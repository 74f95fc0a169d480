"""The machinery: domains, phases, spectra, logarithms, digits, roots, and steps that can fail."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

from theory import collapse, gaussians, kernel, linear, ou, relaxation, sampling, spectra, training
from theory.core import memory
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, DomainError, Formula, Unknown, Variable, premises
from theory.core.mean import Mean
from theory.core.memory import FOLDER
from theory.core.special import positive_root
from theory.core.steps import DerivationError, Identity, Limit, Premise, Quadrature, Step, verify

x, s = sp.symbols("x s", positive=True)


def _formula(*branches: Branch, **more: object) -> Formula:
    fields = {"kind": "exact", "regime": "test", "source": "derived here", "derivation": lambda f: []}
    return Formula("test", (Variable(x, "a number"),), branches, **fields | more)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: linear.generated_trace(1, 4, 0.5), "generated_trace: n = 1 is outside"),
        (lambda: linear.generated_trace(8, 0.5, 0.5), "d = 0.5"),
        (lambda: linear.generated_trace(8, 4, 1.5), "rho = 1.5"),
        (lambda: linear.generated_trace(8, 4, np.nan), "rho = nan"),
        (lambda: linear.generated_trace(np.inf, 4, 0.5), "n = inf"),
        (lambda: ou.noise_variance(-1), "t = -1"),
        (lambda: spectra.renormalised_noise(0.1, [1.0, 0.0], 0.5), "eigenvalues = 0"),
        (lambda: spectra.mp_moment(1, 1.0), "gamma = 1"),
    ],
)
def test_arguments_outside_the_domain_are_named(call: Callable[[], object], culprit: str) -> None:
    with pytest.raises(DomainError, match=culprit.replace("(", r"\(")) as error:
        call()
    assert "\n" not in str(error.value)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="missing argument 'rho'"):
        linear.generated_trace(8, 4)
    with pytest.raises(TypeError, match="unexpected or repeated argument 'sigma'"):
        linear.generated_trace(8, 4, 0.5, sigma=1)
    with pytest.raises(TypeError, match="takes 3 arguments"):
        linear.generated_trace(8, 4, 0.5, 1)


def test_phases_are_chosen_point_by_point() -> None:
    values = linear.generated_trace([3, 4, 6, 7], 4, 0.5)
    assert values == pytest.approx([0.5 * 2 / 4 + 0.5 * 2 / 1, np.inf, np.inf, 0.5 + 0.5 * 4 / 1])
    assert linear.kl_generated_true(np.array([[0.3], [0.7]]), np.array([0.5, 0.9, 0.99])).shape == (2, 3)


def test_a_spectrum_is_the_last_axis_and_broadcasts() -> None:
    spectrum = np.array([[0.2, 0.4], [0.5, 0.9]])
    together = linear.kl_generated_true_spectrum(np.array([[0.3], [0.8]]), spectrum)
    assert together.shape == (2, 2)
    for i, gamma in enumerate((0.3, 0.8)):
        for j in range(2):
            assert together[i, j] == pytest.approx(linear.kl_generated_true_spectrum(gamma, spectrum[j]), rel=1e-13)


def test_mean_is_linear_and_survives_shared_subexpressions() -> None:
    assert Mean(3 * s + x, s) == 3 * Mean(s, s) + x
    assert sp.diff(Mean(x * s**2, s), x) == Mean(s**2, s)
    expr = (1 - s) * 0 + Mean((1 - s) / (s + x * (1 - s)), s) + (1 - x) * 0
    formula = Formula(
        "mean",
        (Variable(x, "x"), Variable(s, "s", spectrum=True)),
        (Branch(expr),),
        "exact",
        "test",
        "derived here",
        lambda f: [],
    )
    levels = np.array([0.1, 0.5, 0.7])
    assert formula(0.3, levels) == pytest.approx(np.mean((1 - levels) / (levels + 0.3 * (1 - levels))))


def test_logarithm_where_the_value_underflows() -> None:
    value = gaussians.overlap_spectral.log(np.full(1000, 50.0))
    assert gaussians.overlap_spectral(np.full(1000, 50.0)) == 0
    assert value == pytest.approx(-500 * np.log(2 * np.pi * 50), rel=1e-14)


def test_mp_takes_floats_exactly() -> None:
    third = ou.noise_variance.mp(0.1, dps=50)
    with mpmath.workdps(60):
        assert abs(third - mpmath.expm1(2 * mpmath.mpf(0.1))) < mpmath.mpf(10) ** -49


def test_mp_gives_the_digits_it_was_asked_for_whatever_cancels() -> None:
    with mpmath.workdps(60):
        small = mpmath.mpf(1e-12) ** 2 / 10**9 / 2
        assert abs(ou.diffusion_time.mp(1e-12, 1e9, dps=50) / small - 1) < 1e-32  # the next term of the series
    tiny = ou.diffusion_time.mp("1e-30", "1e30", dps=20)  # 1 + 10⁻⁹⁰ is 1 twice in a row
    assert mpmath.nstr(tiny, 15) == "5.0e-91"


# Each leaves the range of float64 on the way: squares overflow or underflow, and 0, ∞ or a root that is none remains.
@pytest.mark.parametrize(
    ("found", "exact"),
    [
        (lambda: collapse.collapse_time(1e300, [1e300]), 5e-301),  # τ² = λ/(n² − 1)
        (lambda: kernel.outlier_collapse_width(360, 1), mpmath.exp(-360)),  # 1/√(e^{2α} − 1)
        (lambda: kernel.inlier_collapse_width(1e-300, 0), 1e150 / 8**0.5),  # α = 1/8ε²
        (lambda: linear.noises_trace(0.5, 1e-160, 2), 1 / 3),
        (lambda: training.early_stopped_fraction([1e155], 0.5, 1), 1.0),
        (lambda: training.early_stopped_error([1.0, 2.0], 1e-160, 1), 1e-160 / 3),
        (lambda: training.linear_memorized_fraction(2.0, 1e-160), 2e-160),
        # KL is ‖Σ‖²/4τ⁴ there
        (lambda: relaxation.mixture_information_time(1e-50, 1, 3, 1), math.log(6**0.5 / 2e-25) / 2),
        (lambda: relaxation.mixture_information_time.mp(1e-50, 1, 3, 1, dps=15), math.log(6**0.5 / 2e-25) / 2),
        (lambda: relaxation.information_time.mp(1e-200, [1.0, 2.0], dps=15), math.log(5**0.5 / 2e-100) / 2),
        (lambda: kernel.isolated_samples.mp(1e300, 1), 2**0.5),
        (lambda: collapse.information_estimate.mp(1.0, [1.0], 1e-92), math.log(2) / 2),
        (lambda: sampling.kl_multistep.mp(1e150, 3), 4.5e-150),
        (lambda: sampling.kl_multistep_reverse.mp(3e217, 1e5), 1e5 * (1e5 + 3) / 12e217),
    ],
)
def test_values_far_out(found: Callable[[], object], exact: float) -> None:
    assert float(found()) == pytest.approx(float(exact), rel=1e-9)


def test_mp_knows_the_domain_to_every_digit() -> None:
    with mpmath.workdps(40):
        assert linear.kl_generated_true.mp(0.5, 1 - mpmath.mpf("1e-30")) > 0
        with pytest.raises(DomainError, match=r"rho = 1 is outside \(0, 1\)"):
            linear.kl_generated_true.mp(0.5, 1 + mpmath.mpf("1e-30"))
    with pytest.raises(DomainError, match=r"gamma = -0\.5"):
        linear.kl_generated_true.mp("-1/2", sp.Rational(1, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: linear.kl_generated_true.mp([0.5, 0.6], 0.5), r"\.mp takes one point, gamma has shape \(2,\)"),
        (lambda: spectra.renormalised_noise_formula.mp(0.1, [[1.0], [2.0]], 0.5), r"eigenvalues has shape \(2, 1\)"),
        (lambda: linear.kl_generated_true("many", 0.5), "gamma must be a real number .* got 'many'"),
        (lambda: linear.kl_generated_true(0.5, 1j), "rho must be a real number"),
        (lambda: linear.kl_generated_true([0.1, 0.2], [0.1, 0.2, 0.3]), r"do not broadcast: gamma \(2,\), rho \(3,\)"),
        (lambda: spectra.renormalised_noise(0.1, [], 0.5), "eigenvalues must be a non-empty spectrum"),
        (lambda: spectra.renormalised_noise(0.1, 1.0, 0.5), "eigenvalues must be a non-empty spectrum"),
    ],
)
def test_what_is_not_a_point_is_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_no_points_give_no_values() -> None:
    assert linear.kl_generated_true(np.empty((0, 3)), 0.5).shape == (0, 3)


@pytest.mark.parametrize("b", [-1e9, -1.0, -1e-12, 0.0, 1e-12, 1.0, 1e9])
@pytest.mark.parametrize("a", [1e-250, 1e-9, 1.0, 1e9])
def test_positive_root_does_not_cancel(a: float, b: float) -> None:
    with mpmath.workdps(400):
        exact = float((mpmath.sqrt(mpmath.mpf(b) ** 2 + 4 * mpmath.mpf(a) * 3) - b) / (2 * mpmath.mpf(a)))
    found = positive_root.numpy(*map(np.array, (a, b, 3.0)))
    assert found == pytest.approx(exact, rel=4e-16)
    assert float(positive_root.mpmath(*map(mpmath.mpf, (a, b, 3)))) == pytest.approx(exact, rel=1e-14)


def test_a_double_root_survives_rounding_and_a_complex_one_is_no_number() -> None:
    a, b, c = map(np.array, (1.0, -0.6, -0.09000000000000001))  # b² + 4ac = −4·10⁻¹⁷
    assert b * b + 4 * a * c < 0 and positive_root.numpy(a, b, c) == pytest.approx(0.3, rel=1e-14)
    with np.errstate(invalid="ignore"):
        assert np.isnan(positive_root.numpy(a, b, np.array(-0.1)))


def test_a_root_is_found_over_hundreds_of_decades() -> None:
    y = sp.Symbol("y", positive=True)
    cube = Unknown(y, y**3 + y - x, sp.Min(x, 1) * sp.Rational(1, 4), 2 * (1 + x))
    formula = _formula(Branch(y), unknown=cube)
    points = np.geomspace(1e-100, 1e100, 21)
    exact = [float(formula.mp(point, dps=30)) for point in points]
    assert formula(points) == pytest.approx(exact, rel=1e-13, abs=0)


def test_root_failure_is_one_line() -> None:
    y = sp.Symbol("y", positive=True)
    formula = _formula(Branch(y), unknown=Unknown(y, y + x, sp.S.Zero, sp.S.One))
    with pytest.raises(ArithmeticError, match="no root of y in its bracket at x = 2"):
        formula(2.0)


def test_nan_and_uncovered_points_raise() -> None:
    with pytest.raises(ArithmeticError, match="not a number"), np.errstate(invalid="ignore"):
        _formula(Branch(sp.log(x - 5)))(1.0)
    with pytest.raises(DomainError, match="no phase covers x = 7"):
        _formula(Branch(x, x < 2))(7.0)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (Identity("c", (x + 1) ** 2, x**2 + 2 * x + 1), Identity("c", (x + 1) ** 2, x**2 + 1)),
        (Limit("c", sp.sin(x) / x, x, 0, 1), Limit("c", sp.sin(x) / x, x, 0, 2)),
        (
            Quadrature("c", s * x, (s, 0, 1), x / 2, ({x: 3},)),
            Quadrature("c", s * x, (s, 0, 1), x / 3, ({x: 3},)),
        ),
        (Premise("c", "marchenko1967", "spectra.resolvent"), Premise("c", "", "")),
        (Quadrature("c", s * x, (s, 0, 1), x / 2, ({x: 3},)), Quadrature("c", s * x, (s, 0, 1), x / 2, ())),
    ],
)
def test_each_kind_of_step_passes_and_fails(good: Step, bad: Step) -> None:
    assert verify(good, "name").found
    with pytest.raises(DerivationError, match=r"name: .* does not hold: c"):
        verify(bad, "name")


# -- where a formula ends ------------------------------------------------------------------------------------------

_X, _Y = sp.symbols("x y", positive=True)


def test_a_condition_holds_where_what_decides_is_on_its_side() -> None:
    assert Condition("scaled by y", _X < _Y, (_X - _Y) / _Y < 0).found()
    assert Condition("both of two", sp.And(_X < _Y, _X > 1), sp.And(2 * _X > 2, _X / _Y < 1)).found()
    assert Condition("in odds", _X < 1, 1 / (1 - _X) > 0, {_X: _Y / (1 + _Y)}).found()
    for where in (_X <= _Y, _X > _Y, _X < 2 * _Y, _X < _Y**2, sp.And(_X < _Y, _X > 1)):
        assert not Condition("another", _X < _Y, where).found()
    assert not Condition("no relation", sp.true, _X < _Y).found()


def test_a_bracket_is_derived_and_holds_one_root() -> None:
    def bracket(lower: object, upper: object, equation: sp.Expr = _X**2 - _Y) -> Bracket:
        whole = Unknown(_X, equation, sp.sympify(lower), sp.sympify(upper))
        return Bracket("√y between 0 and 1 + y", whole, (_X**2 - _Y, -_Y), (_X - 1, _Y), ({_Y: 0.3}, {_Y: 5}))

    assert bracket(0, 1 + _Y).found()
    assert not bracket(sp.Rational(1, 9), 1 + _Y).found() and not bracket(0, 2 + _Y).found()  # other edges
    assert not bracket(0, 1 + _Y, (_X**2 - _Y) * (_X - _Y)).found()  # two roots
    assert not bracket(0, 1 + _Y, _X**2 + _Y).found()  # none
    assert not bracket(0, 1 + _Y, sp.log(_X - _Y)).found()  # no number


def test_an_edge_is_where_a_quantity_has_its_value() -> None:
    inside = Variable(_X, "x", sp.Interval.Ropen(0, 1))
    assert Edge("ends", inside, "upper", 1 / (1 - _X), sp.oo).found()
    assert Edge("begins", inside, "lower", _X + 1, 1, included=True).found()
    assert not Edge("elsewhere", inside, "upper", 1 / (2 - _X), sp.oo).found()
    assert not Edge("not in", inside, "lower", _X + 1, 1).found()
    assert not Edge("of something else", inside, "upper", _Y, _Y).found()


def test_what_has_no_step_is_refused() -> None:
    whole = Variable(_X, "x", sp.Interval.open(0, sp.oo), values=sp.Interval.open(0, sp.oo))
    part = whole._replace(domain=sp.Interval.open(0, 1))
    plain = Formula("plain", (whole,), (Branch(_X),), "exact", "", "", lambda f: [])
    assert plain.verify() == []
    unknown = Unknown(_Y, _Y - _X, sp.S.Zero, 2 * _X)
    for wrong, words in (
        (replace(plain, variables=(part,)), "this upper end"),
        (replace(plain, branches=(Branch(_X, _X < 2),)), "phase 0 ends"),
        (replace(plain, branches=(Branch(_X), Branch(_X, _X < 2))), "leaves nothing"),
        (replace(plain, unknown=unknown), "bracket of y"),
    ):
        with pytest.raises(DerivationError, match=words):
            wrong.verify()
    assert replace(plain, variables=(part,), bounds=lambda f: [Edge("", part, "upper", 1 - _X, 0)]).verify()


def test_premises_are_those_of_the_foundations_too() -> None:
    variable = Variable(_X, "x")
    first = Formula("first", (variable,), (Branch(_X),), "exact", "", "", lambda f: [Premise("true", "a", "b.c")])
    second = Formula("second", (variable,), (Branch(_X),), "exact", "", "", lambda f: [], rests_on=(first,))
    third = Formula("third", (variable,), (Branch(_X),), "exact", "", "", lambda f: [], rests_on=(second, first))
    assert [(name, step.claim) for name, step in premises(third)] == [("first", "true")]
    assert [row.kind for row in third.verify()] == ["premise of first"]


def test_what_is_proved_is_remembered_where_a_run_of_the_tests_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula = linear.generated_trace
    monkeypatch.delenv(FOLDER, raising=False)
    proved = formula.verify()
    monkeypatch.setenv(FOLDER, str(tmp_path / "proved"))
    assert formula.verify() == proved
    (kept,) = (tmp_path / "proved").iterdir()
    monkeypatch.setattr(Formula, "_prove", lambda self: pytest.fail("proved again"))
    assert formula.verify() == proved
    monkeypatch.undo()

    monkeypatch.setenv(FOLDER, str(tmp_path / "proved"))
    first, *others = formula.branches
    wrong = replace(formula, branches=(first._replace(value=2 * first.value), *others))
    with pytest.raises(DerivationError, match="generated_trace"):
        wrong.verify()  # another object, which is proved by itself
    assert list((tmp_path / "proved").iterdir()) == [kept]
    monkeypatch.setattr(memory, "_state", lambda: "another source of theory")
    assert formula.verify() == proved and len(list((tmp_path / "proved").iterdir())) == 2
