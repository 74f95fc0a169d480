"""Images: what do augmentation, and conditioning on a class, do to the collapse of the exact score?

Both are about a label z that comes with a point: the place g in which a group shows it, or its class c.  Noised
to u, it tells I(z; u) nats of its label and hides H(z|u) = H(z) − I(z; u).  I(z, y; u) = I(z; u) + I(y; u|z), so that
the score of all points, n_z with each label, collapses where

    I(y; u|z) = ln n_z + H(z|u),

and the score of the points of one label alone where I(y; u|z) = ln n_z.  So augmentation multiplies n by e^{H(g|u)}, at
most by |G|, and conditioning divides it by e^{H(class|u)}, at most by the number of classes.
`augmentation` has groups, `conditioning` classes and the guidance by them.
"""

from theory.images.augmentation import (
    hidden_sign,
    invariant_collapse_time,
    place_entropy,
    sign_collapse_time,
)
from theory.images.conditioning import guidance_push, mixture_collapse_time

__all__ = [
    "guidance_push",
    "hidden_sign",
    "invariant_collapse_time",
    "mixture_collapse_time",
    "place_entropy",
    "sign_collapse_time",
]
