"""What is spoilt: a function, and how sound values of its arguments are drawn."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Draws = np.random.Generator
Make = Callable[[Draws], Any]


class Argument(NamedTuple):
    """An argument: how a sound value is drawn, and its kind, by which it is spoilt; None if it is not spoilt."""

    kind: str | None
    make: Make


class Target(NamedTuple):
    """A function with sound arguments, and which values beside finite ones it documents."""

    name: str
    call: Callable[..., Any]
    arguments: dict[str, Argument]
    infinite: bool = False
    may_be_nan: bool = False
    also: tuple[str, ...] = ()  # what a message may name instead of an argument
    takes: tuple[str, ...] = ()  # ways to spoil an argument that leave a value

    @property
    def optional(self) -> set[str]:
        """The arguments that may be None."""
        known = inspect.signature(self.call).parameters
        return {name for name in self.arguments if name in known and known[name].default is None}


def array(*shape: int) -> Argument:
    """An argument that is an array of standard normal numbers."""
    return Argument("array", lambda r: r.standard_normal(shape))


def between(low: float, high: float, *shape: int) -> Argument:
    """An argument that is a number between bounds, or an array of them."""
    return Argument(
        "array" if shape else "scalar", lambda r: r.uniform(low, high, shape) if shape else r.uniform(low, high)
    )


def count(value: int) -> Argument:
    """An argument that is this whole number."""
    return Argument("count", lambda r: value)


def fixed(make: Make) -> Argument:
    """An argument that is not spoilt."""
    return Argument(None, make)


def positive_definite(d: int) -> Argument:
    """An argument that is a covariance (d, d)."""

    def make(rng: Draws) -> np.ndarray:
        root = rng.standard_normal((d, 2 * d))
        return root @ root.T / d

    return Argument("covariance", make)


D = 3
POINTS, MEAN, COVARIANCE, SIGMA = array(7, D), array(D), positive_definite(D), between(0.5, 2)
STATE = ("state",)  # named by messages of samplers: the start, some steps on
INFINITE = ("infinite", "minus infinite")
RNG = fixed(lambda r: np.random.default_rng(0))
TWO = {"m1": MEAN, "c1": COVARIANCE, "m2": MEAN, "c2": COVARIANCE}
