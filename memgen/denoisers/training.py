"""Training of M independent denoisers at once; one is M = 1. Same model, same numbers, alone or in any company.

Step k of the model of a key takes its batch, its noise and its levels from streams of (key, k) alone, so that a
checkpoint needs no random state but k. Each model has its own loss; they are summed, Adam acts on each weight by
itself, and nothing clips or averages across models: a gradient never crosses from one to another.
"""

import hashlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from memgen.arrays import finite
from memgen.denoisers import checkpoints
from memgen.errors import BadInput, Failure
from memgen.laws.schedules import Levels
from memgen.streams import stream

# Steps that share a stream: making one costs as much as 3000 normals.
_BLOCK = 16
BATCH = 128  # of the public script
SAVE_EVERY = 300.0  # seconds of training that an interrupt may lose


class Model(Protocol):
    """What can be trained: a module of `models` networks whose `error` (M, b, d) has the loss as its mean square.

    str(model) must name every setting that is not a weight: a checkpoint is refused if it differs.
    """

    models: int

    def error(self, x0: Tensor, xi: Tensor, tau: np.ndarray) -> Tensor:
        """The output less its target, (M, b, d), for clean points x₀, noises ξ (M, b, d) and noise levels τ (M, b)."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The trained weights; each has the models M as its leading axis."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The same weights, each with its name, under which a checkpoint stores it."""
        ...


def steps_of(epochs: int, n: int, batch: int = BATCH) -> int:
    """The number of gradient steps in `epochs` passes over n points; the last batch of a pass may be short, and counts.

    The paper's 10 epochs, on 90% of its points: 10 steps at n = 50 (45 trained on), 80 at n = 1050 (945).
    """
    return epochs * math.ceil(n / batch)


class Draws:
    """Which points, which noise and which levels each step of each model uses."""

    def __init__(self, keys: Sequence[object], n: int, d: int, batch: int) -> None:
        self._keys, self._n, self._batch = keys, n, min(batch, n)
        self._passes = steps_of(1, n, batch)
        self._epoch, self._order = -1, np.empty(0, int)
        shape = len(keys), _BLOCK, self._batch
        self._block, self._normal, self._uniform = -1, np.empty((*shape, d), np.float32), np.empty(shape)

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices (M, b), standard normals (M, b, d) in single precision and uniform numbers (M, b) of a step."""
        epoch, position = divmod(step, self._passes)
        if self._epoch != epoch:
            self._epoch = epoch
            self._order = np.stack([stream("order", key, epoch).permutation(self._n) for key in self._keys])
        chosen = self._order[:, position * self._batch : (position + 1) * self._batch]
        block, row = divmod(step, _BLOCK)
        if self._block != block:
            self._block = block
            for key, normal, uniform in zip(self._keys, self._normal, self._uniform, strict=True):
                rng = stream("noise", key, block)
                rng.standard_normal(out=normal, dtype=np.float32)
                rng.random(out=uniform)
        b = chosen.shape[1]
        return chosen, self._normal[:, row, :b].copy(), self._uniform[:, row, :b].copy()


class Training:
    """A model in training on data (M, n, d), or (n, d) for all, which is moved to the model's device and precision.

    `keys` (M) name the models' streams; `levels` is the law of τ; Adam with step size `lr`; batches of min(`batch`, n)
    go through the data in a new order each time, the last one being short if n is no multiple. With `ema` = 0.999, say,
    `averaged` is the model at the moving average of its weights, which starts from the first ones. With `bf16` products
    and images are in bfloat16, weights and sums are not: on a CPU half the time if it has instructions for that
    (avx512_bf16 in /proc/cpuinfo), and more time if it has not.

    Raises ValueError on data of another shape or not finite, and on settings out of range.
    """

    def __init__(
        self,
        model: Model,
        data: Tensor,
        keys: Sequence[object],
        levels: Levels,
        batch: int = BATCH,
        lr: float = 2e-4,
        ema: float | None = None,
        bf16: bool = False,
    ) -> None:
        models = model.models
        if data.ndim not in (2, 3) or 0 in data.shape or (data.ndim == 3 and len(data) != models):
            raise ValueError(f"data must be ({models}, n, d) or (n, d), with n, d ≥ 1, got shape {tuple(data.shape)}")
        finite("data", data)
        if len(keys) != models:
            raise ValueError(f"need a key for each of {models} models, got {len(keys)}")
        if batch < 1 or not 0 < lr < math.inf or not (ema is None or 0 <= ema < 1):
            raise ValueError(f"need batch ≥ 1, lr > 0 and 0 ≤ ema < 1, got {batch}, {lr} and {ema}")
        self.model, self.keys, self.levels, self.step = model, list(keys), levels, 0
        weight = next(model.parameters())
        self._data = data.to(weight).expand(models, *data.shape[-2:])
        n, d = self._data.shape[1:]
        self._draws, self._bf16, self._ema = Draws(keys, n, d, batch), bf16, ema
        self._members = torch.arange(models, device=weight.device)[:, None]
        self._adam = _adam(list(model.parameters()), lr)
        self.averaged = None if ema is None else deepcopy(model)
        # The settings that a checkpoint of this training must have.
        digest = hashlib.sha256(data.double().cpu().numpy().tobytes()).hexdigest()[:12]
        told = {"model": model, "keys": self.keys, "levels": levels, "batch": batch, "lr": lr, "ema": ema, "bf16": bf16}
        self._settings = {name: str(value) for name, value in told.items()} | {"data": digest}

    def run(self, steps: int) -> Tensor:
        """Train for `steps` more steps; return the losses before each, (steps, M), on the CPU.

        Failure names a step whose loss is not finite, and the model; its weights are those before that step.
        """
        losses = [self._advance() for _ in range(steps)]
        return torch.stack(losses) if losses else torch.empty(0, self.model.models)

    def _advance(self) -> Tensor:
        chosen, normal, uniform = self._draws(self.step)
        points = self._data[self._members, torch.from_numpy(chosen).to(self._data.device)]
        noise, tau = torch.from_numpy(normal).to(points), self.levels.quantile(uniform)
        with torch.autocast(points.device.type, torch.bfloat16, enabled=self._bf16):
            error = self.model.error(points, noise, tau)
        losses = error.square().mean((1, 2))
        found = losses.detach().cpu()
        if not bool(torch.isfinite(found).all()):
            bad = int(torch.isfinite(found).logical_not().nonzero()[0])
            raise Failure(f"the loss of model {self.keys[bad]} is {float(found[bad])} at step {self.step}")
        self._adam.zero_grad(set_to_none=True)
        losses.sum().backward()
        self._adam.step()
        self.step += 1
        if self.averaged is not None and self._ema is not None:
            with torch.no_grad():
                for average, weight in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
                    average.lerp_(weight, 1 - self._ema)
        return found

    def _state(self) -> dict[str, Tensor]:
        """All that training changes, by name, but for the step: the tensors themselves."""
        state = {f"weights.{name}": p.data for name, p in self.model.named_parameters()}
        if self.averaged is not None:
            state |= {f"averaged.{name}": p.data for name, p in self.averaged.named_parameters()}
        for index, moments in self._adam.state_dict()["state"].items():
            state |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        return state

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all. BadInput if nothing can be written there."""
        checkpoints.write(path, self._state(), {**self._settings, "step": str(self.step)})

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same training, to the same numbers bit for bit.

        BadInput names a file that is damaged, or of another network, other data or other settings.
        """
        found, about = checkpoints.read(path)
        state = self._state()
        checkpoints.same_shapes(path, found, state)
        if different := [name for name, value in self._settings.items() if about.get(name) != value]:
            raise BadInput(f"{path}: a checkpoint of another training: {different[0]} is not the same")
        for name, tensor in state.items():
            tensor.copy_(found[name])
        self.step = int(about["step"])


def _adam(weights: list[nn.Parameter], lr: float) -> torch.optim.Adam:
    """Adam with all its state there from the beginning, so that a checkpoint looks the same at every step."""
    adam = torch.optim.Adam(weights, lr=lr, fused=True)
    start = {k: {"step": torch.zeros(()), "exp_avg": torch.zeros_like(w), "exp_avg_sq": torch.zeros_like(w)}
             for k, w in enumerate(weights)}  # fmt: skip
    adam.load_state_dict({"state": start, "param_groups": adam.state_dict()["param_groups"]})
    return adam


def in_groups(
    start: Callable[[slice], Training], models: int, group: int, steps: int, scratch: Path | None = None
) -> Iterator[Training]:
    """Train models 0 … `models` − 1, `group` of them at a time, `steps` steps each; yield each group when it is done.

    `start` makes the training of a range of models. When the device's memory does not suffice the group is halved, a
    line on stderr says so, and the numbers stay what they would have been. Failure if it does not suffice for one.
    Checkpoints go into the folder `scratch`, from which an interrupted training resumes; the folder's owner removes it.
    """
    first = 0
    while first < models:
        members = slice(first, min(first + group, models))
        training = _trained(start, members, steps, scratch)
        if training is not None:
            yield training
            first, training = members.stop, None  # before the next group needs the memory
            continue
        size = members.stop - first
        if size == 1:
            raise Failure("the device's memory does not suffice to train one model")
        group = size // 2
        print(f"too little memory for {size} models at once: going on with {group} at a time", file=sys.stderr)


def _trained(start: Callable[[slice], Training], members: slice, steps: int, scratch: Path | None) -> Training | None:
    """Train a group; return None if the memory did not suffice, with nothing of it left on the device."""
    try:
        training = start(members)
        train_up_to(training, steps, scratch and scratch / f"{members.start}-{members.stop}.safetensors")
    except (RuntimeError, MemoryError) as error:
        # On a CPU PyTorch has no type of its own for this error.
        if not (isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None
    return training


def train_up_to(training: Training, step: int, checkpoint: Path | None) -> None:
    """Train up to a step, from the checkpoint if it is there, renewing it every `SAVE_EVERY` seconds.

    A checkpoint that cannot be used is reported on stderr, and stays until it is renewed.
    """
    if checkpoint is not None and checkpoint.exists():
        try:
            training.load(checkpoint)
        except BadInput as error:
            print(f"{error}: trained from the start", file=sys.stderr)
    saved = time.monotonic()
    while training.step < step:
        training.run(1)
        if checkpoint is not None and time.monotonic() - saved >= SAVE_EVERY:
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            training.save(checkpoint)
            saved = time.monotonic()
