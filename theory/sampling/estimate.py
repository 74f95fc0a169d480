"""Which filter is best, from the training set alone: an unbiased estimate of KL(G‖O) for Gaussian data."""

from collections.abc import Callable

import numpy as np

from theory.core.formula import DomainError

_STEP = 1e-4  # relative step of the central difference; the error is of the order of its square


def unbiased_kl(s: np.ndarray, variance: Callable[[np.ndarray], np.ndarray], n: int) -> np.ndarray:
    """An estimate whose mean is E KL(G‖O) − ½ ln det Σ, for n Gaussian points of any mean and covariance Σ.

    G = N(x̄, V) has the eigenvectors of S, the unbiased sample covariance, and V(s), smooth, in the place of its
    eigenvalues s (..., d). So differences between filters are known without Σ. E tr Σ⁻¹V is that of
    Σ_i [(N−d−1)V_i/s_i + 2V'(s_i) + Σ_{j≠i} (V_i−V_j)/(s_i−s_j)]/N with N = n − 1, by the Wishart identity of Stein and
    Haff (haff1979). Nats, (...). DomainError unless N > d + 1 and all eigenvalues are positive.
    """
    s = np.asarray(s, float)
    d = s.shape[-1]
    if not n - 1 > d + 1:
        raise DomainError(f"n = {n:g} is too small: N = n − 1 must exceed d + 1, d = {d}")
    if not np.all(s > 0):
        raise DomainError(f"s = {s[~(s > 0)].flat[0]:g} is outside (0, oo) (eigenvalue of the sample covariance)")
    v = variance(s)
    slope = (variance(s * (1 + _STEP)) - variance(s * (1 - _STEP))) / (2 * _STEP * s)
    apart = s[..., :, None] - s[..., None, :]
    same = apart == 0
    pairs = np.where(same, slope[..., :, None], (v[..., :, None] - v[..., None, :]) / np.where(same, 1, apart))
    pairs = pairs.sum((-1, -2)) - slope.sum(-1)  # without i = j
    trace = ((n - d - 2) * (v / s).sum(-1) + 2 * slope.sum(-1) + pairs) / (n - 1)
    return (trace - d - np.log(v).sum(-1) + d / n) / 2
