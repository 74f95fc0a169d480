"""Watch a diffusion model while it trains: does it begin to copy its training set?

`Watch` needs a function denoise(x, sigma) and points that are not trained on; `memgen.watch.diffusers` makes that
function of a model of the library diffusers, `memgen.watch.lightning` calls a Watch from a Trainer.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memgen.watch.watch import Onset, Watch

__all__ = ["Onset", "Watch"]


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from memgen.watch import watch

    return getattr(watch, name)
