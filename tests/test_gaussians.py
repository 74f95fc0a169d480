"""Distances between Gaussians: oracles, symmetries, singular laws, and the engine's independent copy."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from memgen import measures
from theory import gaussians

NAMES = ("kl", "hellinger2", "wasserstein2_squared", "l2_squared")


def _pair(seed: int, d: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((2, d, 2 * d))
    c1, c2 = roots @ np.swapaxes(roots, -1, -2) / d
    return rng.standard_normal(d), c1, rng.standard_normal(d), c2


seeds = st.integers(0, 10_000)


@given(seeds)
def test_kl_and_hellinger_do_not_change_under_a_common_map(seed: int) -> None:
    m1, c1, m2, c2 = _pair(seed)
    mix = np.random.default_rng(seed + 1).standard_normal((3, 3)) + 3 * np.eye(3)
    mapped = (mix @ m1, mix @ c1 @ mix.T, mix @ m2, mix @ c2 @ mix.T)
    for name in ("kl", "hellinger2"):
        f = getattr(gaussians, name)
        assert f(*mapped) == pytest.approx(f(m1, c1, m2, c2), rel=1e-8)
    volume = abs(np.linalg.det(mix))
    assert gaussians.l2_squared(*mapped) == pytest.approx(gaussians.l2_squared(m1, c1, m2, c2) / volume, rel=1e-7)


@given(seeds)
def test_symmetry_scaling_and_zero(seed: int) -> None:
    m1, c1, m2, c2 = _pair(seed)
    for name in NAMES[1:]:
        f = getattr(gaussians, name)
        assert f(m1, c1, m2, c2) == pytest.approx(f(m2, c2, m1, c1), rel=1e-9)
    for name in NAMES:
        assert abs(getattr(gaussians, name)(m1, c1, m1, c1)) < 1e-12
    assert gaussians.kl(m1, c1, m2, c2) > 0
    scaled = gaussians.wasserstein2_squared(2 * m1, 4 * c1, 2 * m2, 4 * c2)
    assert scaled == pytest.approx(4 * gaussians.wasserstein2_squared(m1, c1, m2, c2), rel=1e-9)


def test_wasserstein_general() -> None:
    """The map T = C1^−½(C1^½C2C1^½)^½C1^−½ is positive definite (optimal, Brenier), carries C1 to C2, and costs W²."""
    m1, c1, m2, c2 = _pair(3)
    root = np.real(sqrtm(c1))
    inverse = np.linalg.inv(root)
    transport = inverse @ np.real(sqrtm(root @ c2 @ root)) @ inverse
    assert np.linalg.eigvalsh(transport).min() > 0
    assert transport @ c1 @ transport == pytest.approx(c2, rel=1e-9)
    move = np.eye(3) - transport
    cost = np.trace(move @ c1 @ move.T) + np.sum((m1 - m2) ** 2)
    assert gaussians.wasserstein2_squared(m1, c1, m2, c2) == pytest.approx(cost, rel=1e-9)


@given(seeds)
def test_engine_and_theory_agree(seed: int) -> None:
    pair = _pair(seed, 4)
    tensors = [torch.from_numpy(a) for a in pair]
    for name in NAMES:
        found = getattr(measures, name)(*tensors).item()
        assert found == pytest.approx(getattr(gaussians, name)(*pair), rel=1e-9, abs=1e-12)


def test_singular_laws_have_defined_distances() -> None:
    m1, c1, m2, _ = _pair(0)
    flat = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    tensors = [torch.from_numpy(a) for a in (m1, c1, m2, flat)]
    for name, expected in (("kl", np.inf), ("hellinger2", 1.0), ("l2_squared", np.inf)):
        assert getattr(gaussians, name)(m1, c1, m2, flat) == expected
        assert getattr(measures, name)(*tensors).item() == expected
    assert np.isfinite(gaussians.wasserstein2_squared(m1, c1, m2, flat))


def _mp(name: str, m1: np.ndarray, c1: np.ndarray, m2: np.ndarray, c2: np.ndarray) -> float:
    """The textbook expressions with determinants and inverses, at sixty digits."""
    with mpmath.workdps(60):
        a, b, delta = mpmath.matrix(c1), mpmath.matrix(c2), mpmath.matrix(m1 - m2)

        def norm2(c: mpmath.matrix) -> mpmath.mpf:
            return (delta.T * c**-1 * delta)[0]

        def overlap(c: mpmath.matrix, shift: mpmath.mpf) -> mpmath.mpf:
            return mpmath.exp(-shift / 2) / mpmath.sqrt(mpmath.det(2 * mpmath.pi * c))

        if name == "kl":
            ratio = b**-1 * a
            trace = mpmath.fsum(ratio[k, k] for k in range(len(m1)))
            return float((trace - len(m1) + norm2(b) - mpmath.log(mpmath.det(ratio))) / 2)
        if name == "hellinger2":
            volume = mpmath.det(a) * mpmath.det(b) / mpmath.det((a + b) / 2) ** 2
            return float(1 - volume ** mpmath.mpf("0.25") * mpmath.exp(-norm2((a + b) / 2) / 8))
        return float(overlap(2 * a, 0) + overlap(2 * b, 0) - 2 * overlap(a + b, norm2(a + b)))


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("name", ["kl", "hellinger2", "l2_squared"])
def test_spectral_forms_are_the_textbook_expressions(name: str, d: int) -> None:
    for seed in range(5):
        pair = _pair(seed, d)
        assert getattr(gaussians, name)(*pair) == pytest.approx(_mp(name, *pair), rel=1e-11)


def test_batches_may_hold_singular_members() -> None:
    pairs = [_pair(seed, 4) for seed in range(6)]
    m1, c1, m2, c2 = (np.stack(part) for part in zip(*pairs, strict=True))
    c1[1] *= np.outer([1, 1, 0, 1], [1, 1, 0, 1])  # a coordinate without variance
    c2[3] = np.outer(m1[3], m1[3])  # rank one
    c1[4] = c2[4] = 0.0  # two points
    tensors = [torch.from_numpy(a) for a in (m1, c1, m2, c2)]
    for name in NAMES:
        f = getattr(gaussians, name)
        together = f(m1, c1, m2, c2)
        assert together.shape == (6,)
        assert together == pytest.approx([f(*(a[k] for a in (m1, c1, m2, c2))) for k in range(6)], rel=1e-12)
        assert getattr(measures, name)(*tensors).numpy() == pytest.approx(together, rel=1e-9)
    assert np.isinf(gaussians.kl(m1, c1, m2, c2)).tolist() == [False, True, False, True, True, False]
    assert gaussians.wasserstein2_squared(m1, c1, m2, c2)[4] == pytest.approx(np.sum((m1[4] - m2[4]) ** 2))


def test_bad_input_is_named() -> None:
    m1, c1, m2, c2 = _pair(0)
    with pytest.raises(ValueError, match="do not match"):
        gaussians.kl(m1[:2], c1, m2, c2)
    with pytest.raises(ValueError, match="m1 holds a value that is not finite"):
        gaussians.kl(m1 * np.nan, c1, m2, c2)
    with pytest.raises(ValueError, match="C2 is not symmetric"):
        gaussians.kl(m1, c1, m2, c2 + np.triu(np.ones((3, 3)), 1))
    with pytest.raises(ValueError, match="C1 has the negative eigenvalue"):
        gaussians.kl(m1, -c1, m2, c2)


def test_divergence_of_nearly_equal_variances_keeps_its_digits() -> None:
    ratios = 1 + np.r_[10.0 ** -np.arange(1, 16), -(10.0 ** -np.arange(1, 16))]
    found = gaussians.ratio_divergence.numpy(ratios)
    expected = [float(gaussians.kl_spectral.mp([r]) * 2) for r in ratios]
    assert found == pytest.approx(expected, rel=1e-12, abs=0)
