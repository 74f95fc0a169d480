"""The overlap gap and its quadrature, the pieces of the transition chapter, and the experiment with its switches."""

import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import integrate, stats

from memgen import devices
from memgen.experiments import transition as experiment
from memgen.measures import combine
from theory import kernel, letters, transition
from theory.core.formula import DomainError
from theory.core.sum_exceeds import sum_exceeds
from theory.transition import condensed

# -- the quadrature ------------------------------------------------------------------------------------------------

# (d, n) and P by a quadrature written elsewhere, to three digits
ELSEWHERE = {(16, 64): 0.062, (36, 864): 0.238, (64, 512): 0.082, (100, 1000): 0.115, (256, 8192): 0.304}


@pytest.mark.parametrize(("d", "n"), ELSEWHERE)
def test_overlap_probability_agrees_with_another_quadrature(d: int, n: int) -> None:
    assert abs(transition.overlap_probability(n, d, experiment.sharpness(n, d)) - ELSEWHERE[d, n]) < 0.0006


def test_quadrature_in_high_precision() -> None:
    arguments = (12, 40, 0.3, 0, 60, 0.28, 0.01, 0.75)
    with mpmath.workdps(16):
        exact = sum_exceeds.mpmath(*map(mpmath.mpf, arguments))
    value = float(sum_exceeds.numpy(*arguments))
    assert 0.2 < value < 0.8 and abs(value - exact) < 1e-12


def test_quadrature_of_one_term_a_side_is_an_integral_over_two_laws() -> None:
    """P(e^s e^{−a₁x₁} > e^{−y}), y = a₂x/(1+bx): an integral of one law against the distribution of the other."""
    d, a1, a2 = 11, 0.3, 0.45
    for b, shift in ((0.05, 0.2), (0.0, 0.2)):
        direct = integrate.quad(
            lambda x, b=b, shift=shift: stats.chi2.pdf(x, d) * stats.chi2.cdf((a2 * x / (1 + b * x) + shift) / a1, d),
            0,
            400,
            limit=400,
            epsabs=1e-12,
        )[0]
        assert abs(sum_exceeds.numpy(d, 1, a1, 0, 1, a2, b, shift) - direct) < 1e-10


def test_quadrature_by_drawing_the_sums() -> None:
    rng, d, n1, n2, draws, shift = np.random.default_rng(5), 9, 30, 50, 40_000, 1.0
    first = np.exp(-0.3 * rng.chisquare(d, (draws, n1))).sum(1)
    x = rng.chisquare(d, (draws, n2))
    second = np.exp(-0.25 * x / (1 + 0.02 * x)).sum(1)
    share = np.mean(math.exp(shift) * first > second)
    p = float(sum_exceeds.numpy(d, n1, 0.3, 0, n2, 0.25, 0.02, shift))
    error = math.sqrt(p * (1 - p) / draws)
    assert 0.1 < p < 0.9 and abs(share - p) < 4 * error
    assert abs(share - float(sum_exceeds.numpy(d, n1, 0.3, 0, n2, 0.25, 0, shift))) > 8 * error


def test_quadrature_says_when_it_cannot() -> None:
    with pytest.raises(ArithmeticError, match="sum_exceeds: no convergence at d = 4, n = 1"):
        sum_exceeds.numpy(4, 1, 0.25, 0, 1, 0.25, 0.5, 0)


def test_a_quadrature_has_no_logarithm() -> None:
    with pytest.raises(TypeError, match="overlap_probability: sum_exceeds"):
        transition.overlap_probability.log(64, 16, 0.6)
    assert transition.overlap_clt.log(64, 16, 0.6) == pytest.approx(np.log(transition.overlap_clt(64, 16, 0.6)))


def test_levels_have_a_root_in_every_dimension_and_are_refused_beyond() -> None:
    levels, d, q = np.meshgrid([1e-10, 0.25, 0.4995], [512, 600, 1e3, 1e4, 1e6], [0.5, 0.6, 0.9, 1 - 1e-12])
    n = transition.overlap_samples(levels, d, q)
    assert np.all(n > 6) and np.all(np.diff(n, axis=1) > 0)
    for level in (9.9e-11, 0.4996):
        with pytest.raises(DomainError, match="overlap_samples: probability"):
            transition.overlap_samples(level, 512, 0.5)


def test_equal_sums_have_equal_odds() -> None:
    for n in (30, 300):
        assert transition.null_probability(n, n, 20) == pytest.approx(0.5, abs=1e-12)
    assert transition.null_probability(30, 300, 20) > 0.8
    one_way, other = transition.null_probability(30, 300, 20), transition.null_probability(300, 30, 20)
    assert one_way + other == pytest.approx(1, abs=1e-10)


def test_overlap_probability_rises_to_one_half_and_stays_below() -> None:
    n = np.array([16, 64, 256, 1024, 1e5, 1e7, 1e9])
    for d in (2, 16, 64):
        p = transition.overlap_probability(n, d, 0.6)
        assert np.all(np.diff(p) > 0) and np.all(p < 0.5)


# -- the two limits ------------------------------------------------------------------------------------------------


def test_clt_is_approached_as_its_condition_is_met() -> None:
    """Against the quadrature, the law of many dimensions: at d = 100 and ε = σ the threshold is 16 000 points."""
    d, q = 100, 0.5
    n = float(transition.clt_threshold(d, q)) * np.array([0.1, 1, 10, 1e4])
    ratio = (0.5 - transition.overlap_clt(n, d, q)) / (0.5 - transition.overlap_probability(n, d, q))
    assert np.all(np.diff(ratio) > 0) and ratio[0] < 0.8 and abs(ratio[-1] - 1) < 0.01


def test_samples_of_the_condensed_law() -> None:
    for d in (512, 1000, 1e5):
        for p in (0.05, 0.25, 0.4):
            n = transition.overlap_samples(p, d, 0.5)
            assert transition.condensed_probability(n, d, 0.5) == pytest.approx(p, rel=1e-9)


def test_the_edge_is_that_of_the_exact_law() -> None:
    """−ln P(Q < Q*) and its slope μ against those of χ²_d, at fixed β_c; the slope is three times nearer than β_c."""
    at, found = {letters.q: 0.5}, []
    for beta, sizes in ((0.3, (500, 2000, 8000)), (0.7, (300, 600, 1200))):
        for d in sizes:
            point = at | {letters.d: d, letters.beta_c: beta}
            least, rate, slope = (float(e.doit().subs(point)) for e in (condensed._Q, condensed._LN_N, condensed._MU))
            exact = -stats.chi2.logcdf(least / 0.5, d)
            exact_slope = 4 * np.exp(stats.chi2.logpdf(least / 0.5, d) + exact)  # of ln P in Q/2
            found.append((abs(rate - exact), abs(slope / exact_slope - 1), abs(beta / exact_slope - 1)))
    errors, slopes, leading = np.array(found).reshape(2, 3, 3).transpose(2, 0, 1)
    assert np.all(np.diff(errors) < 0) and errors[:, -1].max() < 0.05
    assert np.all(np.diff(slopes) < 0) and np.all(slopes < leading / 2.5)


def test_stable_sums_are_nearer_to_the_quadrature_than_largest_terms() -> None:
    """At n = 1.3 d^{3/2}, near P = ¼: the law of the largest terms alone is 1/(1 + e^{gap/scale})."""
    for d, near in ((512, 0.012), (1024, 0.002), (2048, 0.002)):
        n = 1.3 * d**1.5
        q = experiment.sharpness(n, d)
        odds = q * d**1.5 * np.sqrt(np.log(n)) * (1 - 2 * np.sqrt(np.log(n) / d)) ** 2 / n
        law = transition.overlap_probability(n, d, q)
        stable, logistic = transition.condensed_probability(n, d, q) - law, 1 / (1 + np.exp(odds)) - law
        assert abs(stable) < near < 0.03 < logistic


def test_a_quarter_by_stable_sums() -> None:
    """The n of P = ¼ by the quadrature over that of the formula: 0.94 at d = 512, within 1% at 1024."""
    for d, low, high in ((512, 0.93, 0.95), (1024, 0.99, 1.0)):
        n = transition.overlap_samples(0.25, d, 0.505)
        odds = np.log(1 / transition.overlap_probability(n, d, 0.505) - 1) / np.log(3)
        assert low < odds < high


def test_directions_without_data_do_not_count() -> None:
    spectrum = np.concatenate([np.full(700, 0.6), np.zeros(300)])
    n = np.array([1e4, 1e5])
    equal = transition.condensed_probability(n, 700, 0.6)
    np.testing.assert_allclose(transition.condensed_probability_spectrum(n, spectrum), equal, rtol=1e-11)
    with pytest.raises(ValueError, match="no phase covers"):
        transition.condensed_probability_spectrum(1e5, np.full(100, 0.6))


def test_samples_follow_their_law_very_slowly() -> None:
    ratios = []
    for d in (1e4, 1e6, 1e9):
        n = transition.overlap_samples(0.25, d, 0.5)
        ratios.append(n * np.log(3) / (0.5 * d**1.5 * np.sqrt(np.log(n))))
    assert 0.5 < ratios[0] < ratios[1] < ratios[2] < 1


def test_memorized_fraction_ends() -> None:
    assert transition.memorized_fraction(1e4, 7) == pytest.approx(1, abs=1e-6)
    assert transition.memorized_fraction(0.05, 7) < 1e-6
    values = transition.memorized_fraction(np.geomspace(0.01, 100, 40), 5)
    assert np.all(np.diff(values) > 0)


def test_mise_is_a_density_norm_apart_from_zero() -> None:
    for n, d in ((100, 100), (1000, 5)):
        ratio = np.exp(kernel.kde_mise.log(n, d, kernel.kernel_width(n, d)) + d / 2 * np.log(4 * np.pi))
        assert 0.9 < ratio < 2.1  # never small, at any n
    assert kernel.kde_mise(1e8, 1, 1e-2) < 1e-5 < kernel.kde_mise(1e8, 1, kernel.kernel_width(1e8, 1))


# -- the experiment ------------------------------------------------------------------------------------------------


def _cell(n: int, d: int = 6, replicas: int = 40, choices: tuple[str, ...] | None = None) -> experiment.Cell:
    p = experiment.Params(choices=choices).resolved()
    assert p.choices and p.tau
    return experiment.Cell("figure3", d, n, p.tau, replicas, 400, p.choices, 3)


def test_the_ladder_changes_one_thing_at_a_time() -> None:
    steps = experiment.LADDER
    pairs = ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5), (6, 7), (3, 6), (4, 7), (5, 7))
    changes = [sum(a != b for a, b in zip(steps[i], steps[j], strict=True)) for i, j in pairs]
    assert steps[0] == experiment.PUBLIC and len(set(steps)) == len(steps) and set(changes) == {1}


def test_the_plane_depends_on_the_seed_alone() -> None:
    table = experiment.plane(0.99, 6, 1)
    pd.testing.assert_frame_equal(table, experiment.plane(0.99, 6, 1))
    assert not np.allclose(table.a, experiment.plane(0.99, 6, 2).a)
    assert ((table.a_low < table.a) & (table.a < table.a_high) & (table.off_low <= table.off)).all()
    many = table[table.law == "many steps"].set_index("n")
    assert (
        many.a[16] > 2 * many.a[256] > 0 and many.off[16] > 10 * many.off[256]
    )  # both fall: what is memorized is less


def test_choices_share_their_data() -> None:
    names = [str(c) for c in experiment.LADDER]
    table = experiment.cell(_cell(8))
    assert set(table.columns) == {"study", "d", "n", *experiment.Choice._fields, "replica", "measure", "value"}
    alone = experiment.cell(_cell(8, choices=(names[4],)))
    switches = dict(zip(experiment.Choice._fields, names[4].split(), strict=True))
    same = table[np.logical_and.reduce([table[k] == v for k, v in switches.items()])]
    np.testing.assert_array_equal(same["value"].to_numpy(), alone["value"].to_numpy())
    wide = alone.pivot(index="replica", columns="measure", values="value")
    for row in wide.itertuples():
        logs = (row.log_pair_train, row.log_pair_original, row.log_cross_train, row.log_cross_original)
        assert combine(*logs).sign == row.sign


@pytest.mark.parametrize("generator", ["one-step", "multi-step", "ideal"])
def test_a_flat_law_has_no_square_integral(generator: str) -> None:
    """n ≤ d points leave Σ_G singular, and ‖G‖² infinite; rounding must not make a number of it."""
    for n, finite in ((5, False), (6, False), (8, True)):
        table = experiment.cell(_cell(n, choices=(f"float64 BBt equal {generator}",)))
        own = table[table["measure"] == "log_generated"]["value"]
        assert len(own) == 40 and np.isfinite(own).all() == (finite or generator == "ideal")
        assert np.isfinite(own).any() == (finite or generator == "ideal")


def test_ideal_generator_meets_its_null() -> None:
    """Cross terms of the true law against T and an equal holdout: a fair coin, whatever else is wrong."""
    table = experiment.cell(_cell(12, replicas=400, choices=("float64 BBt equal ideal",)))
    wide = table.pivot(index="replica", columns="measure", values="value")
    ahead = int((wide["log_cross_original"] > wide["log_cross_train"]).sum())
    assert stats.binomtest(ahead, 400).pvalue > 1e-4
    fitted = experiment.cell(_cell(12, replicas=400, choices=("float64 BBt equal multi-step",)))
    wide = fitted.pivot(index="replica", columns="measure", values="value")
    assert stats.binomtest(int((wide["log_cross_original"] > wide["log_cross_train"]).sum()), 400).pvalue < 1e-4


def test_overlap_gaps_depend_on_the_key_and_the_replica_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = experiment.overlap_gaps(30, 4, 25, ("key",))
    monkeypatch.setattr(devices, "NUMBERS", 300)
    np.testing.assert_allclose(experiment.overlap_gaps(30, 4, 25, ("key",)), whole, rtol=1e-12)
    assert not np.allclose(experiment.overlap_gaps(30, 4, 25, ("other",)), whole)


@pytest.mark.parametrize(
    ("bad", "culprit"),
    [
        ({"choices": ["float64 BBt equal"]}, "float64 BBt equal"),
        ({"choices": ["float32 BBt equal ideal"]}, "one-step"),
        ({"choices": []}, "choices"),
        ({"d": 1}, "d"),
        ({"tau": 0.0}, "tau"),
        ({"n": 3}, "n"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_parameters_are_refused_by_name(bad: dict, culprit: str) -> None:
    with pytest.raises(ValidationError, match=culprit):
        experiment.Params.model_validate(bad)


def test_grid_covers_the_artefact_and_the_transition() -> None:
    cells = experiment.grid(experiment.Params(preset="paper"))
    ratios = {c.n / c.d for c in cells if c.study == "figure3" and c.d == 100}
    assert min(ratios) <= 0.25 and max(ratios) >= 16 and sum(0.9 <= r <= 1.1 for r in ratios) >= 5
    assert {c.d for c in cells if c.study == "overlap"} == {16, 36, 64, 100, 256}
    assert {c.replicas for c in cells if c.study == "figure3"} == {300} == {min(c.replicas for c in cells)}
