"""The rules of other tools against the libraries themselves, where these are installed.

By hand: `pip install sdmetrics==0.32 torchmetrics`. Prints both numbers and how far they are apart, and never asserts.
"""

import numpy as np
import pandas as pd
from _timing import report
from scipy.spatial.distance import cdist

from memgen.measures import tools
from memgen.streams import stream


def scaled(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """sdmetrics' distance of points (m, d) to their closest record of a reference (n, d), (m,).

    Mean over coordinates of |x − y| over the range of the coordinate in the reference, at most 1; of a constant
    coordinate 1 where it differs.
    """
    width = np.ptp(reference, axis=0)
    found = []
    for x in points:
        apart = np.abs(reference - x)
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.where(width == 0, apart > 0, np.minimum(apart / width, 1)).mean(1).min())
    return np.array(found)


def _sets(copies: int, holdout: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = stream("benchmark", "peers", copies, holdout)
    train, other, generated = (draws.standard_normal((n, 6)) for n in (300, holdout, 200))
    generated[:copies] = train[:copies] + 0.05 * generated[:copies]
    return train, other, generated


def sdmetrics() -> None:
    from sdmetrics.single_table import DCROverfittingProtection

    for copies, holdout in ((0, 300), (20, 300), (100, 300), (0, 150)):
        train, other, generated = _sets(copies, holdout)
        frames = [pd.DataFrame(x, columns=[f"c{k}" for k in range(6)]) for x in (train, generated, other)]
        metadata = {"columns": {f"c{k}": {"sdtype": "numerical"} for k in range(6)}}
        theirs = DCROverfittingProtection.compute(*frames, metadata, table_name="table")
        ours = tools.overfitting_protection(scaled(generated, train), scaled(generated, other))
        euclid = tools.overfitting_protection(cdist(generated, train).min(1), cdist(generated, other).min(1))
        _say(f"sdmetrics, {copies} copies of 200, holdout of {holdout}", ours.statistic, theirs)
        print(f"    with Euclidean distances {euclid.statistic:.3f}")


def mifid() -> None:
    import torch
    from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance

    for name, made in (
        ("fresh", lambda x, fresh: fresh),
        ("the training set", lambda x, fresh: x),
        ("half of it, twice", lambda x, fresh: np.concatenate([x[:150]] * 2)),
        ("it with noise 0.05", lambda x, fresh: x + 0.05 * fresh),
    ):
        train, fresh, _ = _sets(0)
        generated = made(train, fresh)
        scores = []
        for cut in (0.1, 1e-9):  # the second leaves the Fréchet distance alone
            metric = MemorizationInformedFrechetInceptionDistance(torch.nn.Identity(), cosine_distance_eps=cut)
            metric.update(torch.from_numpy(train), real=True)
            metric.update(torch.from_numpy(generated), real=False)
            scores.append(float(metric.compute()))
        unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train, generated)]
        distance, alarm = tools.cosine_penalty((1 - np.abs(unit[0] @ unit[1].T)).min(1))
        report(f"MiFID of {name}", f"{scores[0]:.3g}; mean cosine distance {distance:.2g}, penalty {alarm}")
        if alarm and distance > 1e-9:
            _say("    Fréchet distance over it", scores[1] / distance, scores[0])


def _say(what: str, ours: float, theirs: float) -> None:
    report(what, f"{ours:.6g}, the library {theirs:.6g}, apart by {abs(ours - theirs):.1e}")


if __name__ == "__main__":
    for run in (sdmetrics, mifid):
        try:
            run()
        except ImportError as error:
            print(f"{run.__name__}: not installed ({error.name})")
