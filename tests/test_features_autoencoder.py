"""A two-layer autoencoder: that its fit is the best, where its flow ends, and what one point and many noises leave."""

import numpy as np
import pandas as pd
import pytest

from memgen.denoisers.autoencoder import Autoencoder, fitted, generated
from memgen.experiments import autoencoder as experiment
from memgen.figures import features as figures
from memgen.statistics import mean
from memgen.streams import stream
from theory.features import autoencoder_error, autoencoder_variance


def _loss(model: Autoencoder, clean: np.ndarray, noised: np.ndarray, decay: float) -> float:
    return float(((clean - model.denoise(noised)) ** 2).sum() + decay * (model.weights**2).sum())


def test_no_other_weights_fit_better() -> None:
    rng, decay = stream("an autoencoder"), 0.5
    labels = np.array([1.0, -1.0, 1.0, 1.0])
    clean = labels[:, None] * 3.0 + rng.standard_normal((4, 6))
    noised = 0.5 * clean + 0.5 * rng.standard_normal((4, 6))
    best = fitted(clean, noised, labels, decay)
    np.testing.assert_array_equal(best.signs, labels)
    least = _loss(best, clean, noised, decay)
    for k in range(40):
        moved = stream("moved", k).standard_normal(7) * 0.05
        other = Autoencoder(best.skip + moved[0], best.weights + moved[1:], best.signs)
        assert _loss(other, clean, noised, decay) > least


def test_of_one_point_with_many_noises_that_point_comes_back() -> None:
    rng, d = stream("one point"), 400
    point = rng.standard_normal(d)
    clean = np.repeat(point[None], 200, axis=0)
    labels, start = np.ones(200), rng.standard_normal((8, d))
    made = generated(clean, rng.standard_normal(clean.shape), labels, 0.01, start, 32)
    nearer = np.minimum(((made - point) ** 2).mean(1), ((made + point) ** 2).mean(1))
    assert nearer.max() < 0.02
    assert float(autoencoder_variance(1, 1e9, 0.01)) < 1e-8
    assert float(autoencoder_error(1, 1e9, 0.01)) == pytest.approx(1)


def test_steps_of_the_flow_converge() -> None:
    rng, d, n = stream("steps of a flow"), 300, 5
    labels = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
    clean = labels[:, None] * np.ones(d) + 0.5 * rng.standard_normal((n, d))
    noise, start = rng.standard_normal((n, d)), np.ones((1, d)) + 0.1 * rng.standard_normal((1, d))
    ends = [generated(clean, noise, labels, 0.1, start, steps) for steps in (16, 32, 256)]
    far = [np.linalg.norm(end - ends[-1]) for end in ends[:2]]
    assert far[1] < 0.4 * far[0]


def test_noises_drawn_anew_at_each_time_are_forgotten() -> None:
    """By hand what `generated` does, once with the same noises and once with new ones."""
    n, d, steps, errors = 8, 600, 64, {"held": [], "new": []}
    for replica in range(12):
        for kind, found in errors.items():
            rng = stream("noises anew", replica)
            mu = np.sqrt(d) * np.eye(d)[0]
            labels = np.where(np.arange(n) % 2, -1.0, 1.0)
            clean = labels[:, None] * mu + rng.standard_normal((n, d))
            noise, x = rng.standard_normal((n, d)), rng.standard_normal((24, d))
            for k in range(steps):
                t = k / steps
                noise = rng.standard_normal((n, d)) if kind == "new" else noise
                target = fitted(clean, (1 - t) * noise + t * clean, labels, 0.1).denoise(x)
                x = target + (1 - 1 / (steps - k)) * (x - target)
            found.append(n * experiment.of_made(x, mu)["error"])
    held, new = (mean(values) for values in errors.values())
    assert abs(held.z(n * float(autoencoder_error(n, 1, 0.1)))) < 4 < abs(held.z(1.0))
    assert new.value < 1.15 and abs(new.z(n * float(autoencoder_error(n, 1, 0.1)))) > 6


def test_what_is_left_of_weight_decay_and_of_noises() -> None:
    n = np.array([2.0, 10.0, 1e6])
    np.testing.assert_allclose(n * autoencoder_error(n, 1e12, 1e-9, 0.7), 0.49, rtol=1e-6)
    assert 1e6 * float(autoencoder_error(1e6, 1, 0.1, 0.7)) == pytest.approx(2 * 0.49, rel=1e-5)
    assert float(autoencoder_variance(1e9, 3, 5.0, 0.7)) == pytest.approx(0.49)
    assert float(autoencoder_error(3, 2, 1e12, 1.0)) == pytest.approx(1)  # nothing is learnt


def test_rows_are_drawn_and_extrapolated() -> None:
    params = experiment.Params(preset="smoke")
    cells = experiment.grid(params)
    assert len(cells) == 2 * 2 * 3 and {at.sets for at in cells} == {3, 4, 6}
    rows = pd.concat([experiment.cell(at) for at in cells], ignore_index=True)
    assert rows.groupby("measure").size().to_dict() == {"error": 52, "variance": 52}
    assert (rows.loc[rows["measure"] == "variance", "value"] > 0).all()
    left, right = figures.autoencoders(rows).axes
    assert left.get_ylabel().startswith("n ×") and len(right.lines) >= 3


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"labels": np.ones(3)}, r"labels \(N,\) and start \(k, d\), got \(2, 4\), \(2, 4\), \(3,\)"),
        ({"noise": np.ones((2, 5))}, "clean and noise must be"),
        ({"decay": 0.0}, "decay must be"),
        ({"labels": np.zeros(2)}, "labels must be 1 or -1, got 0"),
        ({"steps": 0}, "steps must be"),
        ({"start": np.full((1, 4), np.nan)}, "start"),
    ],
)
def test_bad_input_is_refused_by_name(changed: dict, named: str) -> None:
    given = {"clean": np.ones((2, 4)), "noise": np.ones((2, 4)), "labels": np.ones(2), "decay": 0.1}
    with pytest.raises(ValueError, match=named):
        generated(**{**given, "start": np.ones((1, 4)), "steps": 2, **changed})
