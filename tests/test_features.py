"""Random-feature denoisers: exact averages over the noise, and what the formulas say beyond what the checks meet."""

import numpy as np
import pytest

from memgen.denoisers.features import sine_losses
from theory.checks.features import coefficients
from theory.features import features_test_loss, features_train_loss


def test_the_noise_is_averaged_exactly() -> None:
    """Against least squares over many draws of the noise of each point, tried on other draws."""
    rng = np.random.default_rng(0)
    p, n, d, ridge, t, draws = 5, 4, 3, 0.05, 0.3, 40_000
    weights, x = rng.standard_normal((p, d)), rng.standard_normal((n, d))

    def noised(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        xi = rng.standard_normal((*points.shape[:-1], d))
        return np.sin((np.exp(-t) * points + np.sqrt(-np.expm1(-2 * t)) * xi) @ weights.T / np.sqrt(d)), xi

    features, xi = (part.reshape(-1, part.shape[-1]) for part in noised(np.broadcast_to(x, (draws, n, d))))
    fitted = np.linalg.solve(features.T @ features / len(xi) + ridge * np.eye(p), features.T @ xi / len(xi))
    known = sine_losses(weights, x, ridge, t)
    assert ((features @ fitted - xi) ** 2).mean() == pytest.approx(known.train, abs=0.01)
    fresh, noise = noised(rng.standard_normal((draws, d)))
    assert ((fresh @ fitted - noise) ** 2).mean() == pytest.approx(known.test, abs=0.02)
    assert known.test > known.train + 0.05


def test_many_points_leave_nothing_to_learn_by_heart() -> None:
    at = coefficients(0.2)
    few, many = (
        [float(loss(4.0, points, 1e-3, **at)) for loss in (features_train_loss, features_test_loss)]
        for points in (2.0, 1e8)
    )
    assert few[1] > few[0] + 0.1 and many[1] == pytest.approx(many[0], abs=1e-6)


def test_early_times_are_learnt_by_heart_and_late_ones_are_not() -> None:
    gaps = [
        float(features_test_loss(8.0, 3.0, 1e-3, **at) - features_train_loss(8.0, 3.0, 1e-3, **at))
        for at in map(coefficients, (0.05, 0.3, 2.0))
    ]
    assert gaps[0] > gaps[1] > gaps[2] > 0


def test_a_large_ridge_learns_nothing() -> None:
    for loss in (features_train_loss, features_test_loss):
        assert float(loss(4.0, 2.0, 1e9, **coefficients(0.2))) == pytest.approx(1, abs=1e-8)


def test_bad_input_is_refused_by_name() -> None:
    at = coefficients(0.2)
    for bad, name in (((0.0, 2.0, 0.1), "features"), ((2.0, 0.0, 0.1), "samples"), ((2.0, 2.0, -0.1), "ridge")):
        with pytest.raises(ValueError, match=name):
            features_test_loss(*bad, **at)
    weights, x = np.ones((2, 3)), np.ones((4, 3))
    for given, words in (
        ((weights, x[:, :2], 0.1, 0.1), "as many columns"),
        ((weights, x, -0.1, 0.1), "ridge"),
        ((weights, x, 0.1, 0.0), "t must be positive"),
        ((weights * np.nan, x, 0.1, 0.1), "weights"),
    ):
        with pytest.raises(ValueError, match=words):
            sine_losses(*given)
