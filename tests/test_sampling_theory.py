"""N(x̄, S) against the truth: values, limits, and digits where the sum of digammas has lost them."""

import math

import mpmath
import numpy as np
import pytest

from theory.core.digammas import psi_tail
from theory.sampling import kl_multistep, kl_multistep_reverse


def _sums(n: int, d: int, dps: int = 40) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Both divergences by the sum of digammas, before it is telescoped."""
    with mpmath.workdps(dps):
        count = mpmath.mpf(n - 1)
        logdet = mpmath.fsum(mpmath.digamma((count - i) / 2) for i in range(d)) + d * mpmath.log(2 / count)
        trace = d * count / (count - d - 1) * (1 + mpmath.mpf(1) / n) if n > d + 2 else mpmath.inf
        return (mpmath.mpf(d) / n - logdet) / 2, (trace - d + logdet) / 2


def test_known_values() -> None:
    assert float(kl_multistep(30, 10)) == pytest.approx(1.2544, abs=5e-5)
    assert float(kl_multistep_reverse(30, 10)) == pytest.approx(2.236, abs=5e-4)


@pytest.mark.parametrize("n, d", [(2, 1), (4, 1), (12, 10), (13, 10), (1000, 3), (1000, 990), (10**6, 1), (10**6, 700)])
def test_telescoped_is_the_sum(n: int, d: int) -> None:
    for formula, exact in zip((kl_multistep, kl_multistep_reverse), _sums(n, d), strict=True):
        assert float(formula(n, d)) == pytest.approx(float(exact), rel=1e-12)
        assert mpmath.almosteq(formula.mp(n=n, d=d, dps=30), exact, 1e-28) or mpmath.isinf(exact)


@pytest.mark.parametrize("n", [10**6, 10**6 + 3, 1.5e6, 1e9, 1e12])
@pytest.mark.parametrize("d", [1, 2, 10**3, 10**6 - 1, 10**6])
def test_digits_at_large_sizes(n: float, d: float) -> None:
    for formula in (kl_multistep, kl_multistep_reverse):
        exact = formula.mp(n=n, d=d, dps=30)
        assert float(formula(n, d)) == pytest.approx(float(exact), rel=1e-11)


def test_infinite_where_a_moment_is() -> None:
    assert kl_multistep(10, 10) == math.inf and math.isfinite(kl_multistep(11, 10))
    assert kl_multistep_reverse(12, 10) == math.inf and math.isfinite(kl_multistep_reverse(13, 10))


def test_limits_per_dimension() -> None:
    d = np.array([1e6])
    for g in (0.05, 0.5, 0.9):
        log = (1 - g) / g * math.log(1 - g)
        assert kl_multistep(d / g, d) / d == pytest.approx((1 + log) / 2, rel=1e-4)
        assert kl_multistep_reverse(d / g, d) / d == pytest.approx((g / (1 - g) - 1 - log) / 2, rel=1e-4)


def test_tail_joins_its_series() -> None:
    for x in (1e-3, 0.5, 1.0, 15.999, 16.0, 16.001, 1e3, 1e9):
        assert float(psi_tail.numpy(np.array(x))) == pytest.approx(float(psi_tail.mpmath(mpmath.mpf(x))), rel=2e-12)
