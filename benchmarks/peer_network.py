"""One replica of the U-Net experiment: the public code's own loops, and ours, on the same cores.

    python benchmarks/peer_network.py --peer DIR [--points 250]

DIR is a checkout of "a solvable generative model with a linear one-step denoiser", with model.py, modules.py and
simulation.py in it. Their `run_simulation` runs as it stands but for three things that would only add to its time: its
distances are left out, Lightning's trainer is its bare loop, without validation, and batches are made in the same
process. 90% of the points are trained on for 10 epochs, then 10 samples are made in 200 steps. Ours does the same work.
Prints and never asserts.
"""

import argparse
import ast
import io
import sys
import time
import types
import warnings
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from statistics import median
from unittest.mock import MagicMock, patch

import numpy as np
import torch
from _timing import Turns, compare, report, revision

from memgen.denoisers.training import Training, steps_of
from memgen.denoisers.unet import NoisePredictor, UNet
from memgen.laws.schedules import linear

ROUNDS = 3


class BareTrainer:
    """Lightning's loop without its bookkeeping."""

    seconds = 0.0

    def __init__(self, max_epochs: int, **_: object) -> None:
        self.epochs = max_epochs

    def fit(self, model: torch.nn.Module, batches: torch.utils.data.DataLoader, _: object) -> None:
        start = time.perf_counter()
        adam = model.configure_optimizers()
        for _epoch in range(self.epochs):
            for index, batch in enumerate(batches):
                adam.zero_grad()
                model.training_step(batch, index).backward()
                adam.step()
        type(self).seconds = time.perf_counter() - start


def load(folder: str | None) -> types.ModuleType:
    """Functions and constants of DIR/simulation.py, without the simulation. Exits with one line if it is not there."""
    if folder is None:
        sys.exit("peer_network: --peer DIR is missing: a checkout of the public code, with simulation.py in it")
    if missing := [name for name in ("simulation.py", "model.py", "modules.py") if not (Path(folder) / name).is_file()]:
        sys.exit(f"peer_network: --peer {folder}: there is no {missing[0]}")
    lightning = types.ModuleType("pytorch_lightning")
    base = {"device": property(lambda model: next(model.parameters()).device), "log": lambda *_: None}
    vars(lightning).update(
        LightningModule=type("LightningModule", (torch.nn.Module,), base), Trainer=BareTrainer, loggers=MagicMock()
    )
    stubs = {"pytorch_lightning": lightning, "tensorboard": MagicMock(), "torchvision": MagicMock()}
    path = Path(folder) / "simulation.py"
    tree = ast.parse(path.read_text())
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    tree.body = [node for node in tree.body if isinstance(node, kept) and "range_size" not in ast.unparse(node)]
    module = types.ModuleType("peer")
    with patch.dict(sys.modules, stubs), patch.object(sys, "path", [folder, *sys.path]), warnings.catch_warnings():
        exec(compile(tree, str(path), "exec"), module.__dict__)
    loader = module.DataLoader
    module.DataLoader = lambda data, batch_size, num_workers, shuffle: loader(data, batch_size, shuffle=shuffle)
    module.distance = lambda *_: torch.zeros(())
    return module


def theirs(peer: types.ModuleType, points: int) -> tuple[float, float]:
    """Seconds of their training, and of all."""
    start = time.perf_counter()
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = peer.diffusion_steps, peer.max_epoch, peer.batch_size, peer.num_generated
        peer.run_simulation(points, points, *sizes)
    return BareTrainer.seconds, time.perf_counter() - start


def ancestral(denoiser: NoisePredictor, samples: int, rng: np.random.Generator) -> torch.Tensor:
    """DDPM's reverse steps down the schedule, all samples at once: u (samples, 64) at τ = 0."""
    widths = denoiser.schedule.widths
    u = widths[0] * torch.from_numpy(rng.standard_normal((samples, 64)))
    with torch.inference_mode():
        for tau, after in pairwise(widths):
            x = denoiser(u, float(tau))
            keep, spread = (after / tau) ** 2, after * np.sqrt(1 - (after / tau) ** 2)
            u = x + keep * (u - x) + spread * torch.from_numpy(rng.standard_normal(u.shape))
    return u


def ours(points: int, key: int, bf16: bool) -> tuple[float, float]:
    """Seconds of our training, and of all."""
    start = time.perf_counter()
    rng = np.random.default_rng(key)
    n = int(0.9 * points)
    data = torch.from_numpy(rng.normal(0.5, 0.1, (n, 64))) * 2 - 1
    model = NoisePredictor(UNet(keys=[key]), linear())
    trained = Training(model, data, [key], linear(), bf16=bf16)
    trained.run(steps_of(10, n))
    middle = time.perf_counter()
    sampled = ancestral(model.bfloat16() if bf16 else model, 10, rng)
    if not bool(torch.isfinite(sampled).all()):
        sys.exit("peer_network: our samples are not finite")
    return middle - start, time.perf_counter() - start


def parts(rounds: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Seconds of training, and of all, in each round."""
    return [fit for fit, _ in rounds], [both for _, both in rounds]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a replica of the U-Net experiment in the public code and here.")
    parser.add_argument("--peer", metavar="DIR", help="a checkout of the public code")
    parser.add_argument("--points", type=int, default=250, help="points, 90%% of them trained on (default 250)")
    options = parser.parse_args()
    peer = load(options.peer)
    if options.points < 2:
        sys.exit(f"peer_network: --points {options.points}: must be at least 2")
    times: dict[str, list[tuple[float, float]]] = {"theirs": [], "float32": [], "bfloat16": []}
    for key in range(ROUNDS):
        times["theirs"].append(theirs(peer, options.points))
        times["float32"].append(ours(options.points, key, bf16=False))
        times["bfloat16"].append(ours(options.points, key, bf16=True))
    (fit, slow), other = parts(times["theirs"]), f"the loops of the public code{revision(options.peer)}"
    where = f"n = {options.points}, threads: {torch.get_num_threads()}"
    report(f"public code, {where}", f"training {median(fit):.2f} s, together {median(slow):.2f} s")
    for name in ("float32", "bfloat16"):
        own_fit, own = parts(times[name])
        what = f"a replica of the U-Net experiment, n = {options.points}, {name}"
        compare(f"training of {what}", other, Turns(own_fit, fit), kind="code")
        compare(f"training and sampling of {what}", other, Turns(own, slow), goal=4, kind="code")


if __name__ == "__main__":
    with patch("torch.cuda.is_available", return_value=False):  # both on the same cores
        main()
