"""Speed of chapter 10: random features whose noise is averaged exactly, their closed losses, kernels, and tangents.

Prints and never asserts. Each ratio is between two things timed in turn in this same run.
"""

import numpy as np
import torch
from _timing import alternate, compare, report

from memgen.denoisers.features import SineFeatures
from memgen.denoisers.kernels import gram, noised_copies
from memgen.denoisers.tangent import FromStart, Linearised
from memgen.denoisers.training import Training
from memgen.laws.schedules import LogUniform
from theory.features import Setting, features_test_loss, flow_losses, sine_setting

D, P, N = 100, 800, 400


def simulation() -> None:
    """Moments of p features and one ridge regression, against the products and the solution they cannot do without."""
    rng = np.random.default_rng(0)
    weights, x, features = (rng.standard_normal(shape) for shape in ((P, D), (N, D), (N, P)))
    gram = features.T @ features + np.eye(P)

    def products() -> None:
        weights @ weights.T
        for _ in range(2):  # of sines and of cosines
            features.T @ features
        np.linalg.solve(gram, weights)

    turns = alternate(lambda: SineFeatures(weights, x, 0.1).fitted(0.01), products, 11)
    compare(f"{P} features of {N} points in {D} dimensions, all noises", "products and solution", turns, goal=0.5)
    turns = alternate(lambda: SineFeatures(weights, x, 0.1, 4, rng).fitted(0.01), products, 11)
    compare("the same, four noises drawn", "the same products", turns)


def losses() -> None:
    """Closed losses at ten thousand points, and in the course of training."""
    at = sine_setting(np.geomspace(0.1, 100, 100)[:, None], np.geomspace(0.1, 100, 100), 4.0, 0.1)
    one = sine_setting(4.0, 2.0, 4.0, 0.1)

    def loss(setting: Setting) -> object:
        return features_test_loss(**setting._asdict(), ridge=0.01)

    turns = alternate(lambda: loss(at), lambda: loss(one), 5)
    report("features_test_loss at 10,000 points", f"{turns.medians()[0]:.2f} s (goal 5)")
    report("and at one", f"{1000 * turns.medians()[1]:.1f} ms (goal 10)")
    times = np.geomspace(1e-2, 1e6, 100)
    turns = alternate(lambda: flow_losses(one, times), lambda: flow_losses(one, 1.0), 5)
    report("flow_losses at 100 times", f"{turns.medians()[0]:.2f} s, at one {turns.medians()[1]:.2f} s")


def kernels() -> None:
    """The largest Gram matrix of an infinitely wide network, against its product and as many arcsines."""
    u = noised_copies(np.random.default_rng(0), 1536, 4, 192, 0.1)

    def least() -> None:
        np.arcsin(u @ u.T / 1e4)

    turns = alternate(lambda: gram("arcsine", u), least, 5)
    compare(f"Gram matrix of {len(u)} noised points", "product and arcsines", turns)
    report("and in seconds", f"{turns.medians()[0]:.1f} s (goal 30)")


def networks() -> None:
    """A step of training of a linearisation, against one of its network."""
    data = torch.randn(4, 64, 16, generator=torch.Generator().manual_seed(0))
    courses = [
        Training(kind(16, 4, 256), data, list(range(4)), LogUniform(0.03, 20.0), 64, 1e-3)
        for kind in (Linearised, FromStart)
    ]
    turns = alternate(lambda: courses[0].run(20), lambda: courses[1].run(20), 7)
    compare("steps of four linearisations, 256 units", "steps of the networks", turns)


if __name__ == "__main__":
    simulation()
    losses()
    kernels()
    networks()
