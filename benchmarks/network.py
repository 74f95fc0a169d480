"""Speed of training the networks, against the matrix products of the same machine in the same minutes.

Prints and never asserts. Each figure is a median of calls made in turn with a product of two 2048 × 2048 matrices in
bfloat16. The work of a step is counted as three forward passes of plain 3×3 convolutions, padding included: images of
side 2 and 1 are done with less, so that the products done are fewer than the products counted.
"""

import os
from unittest.mock import patch

import torch
import torch.nn.functional as F
from _timing import alternate, compare, report
from torch.utils.flop_counter import FlopCounterMode

from memgen.denoisers.layers import Conv, fold, unfold
from memgen.denoisers.mlp import MLP
from memgen.denoisers.training import Draws, Training
from memgen.denoisers.unet import NoisePredictor, UNet
from memgen.laws.schedules import LogNormal, linear

SIDE, REPETITIONS = 2048, 5


def addmm(_out: object, a: tuple[int, int], b: tuple[int, int], **_: object) -> int:
    """Operations of an addition in place, which the counter does not know."""
    return 2 * a[0] * a[1] * b[1]


def plain(layer: Conv, x: torch.Tensor) -> torch.Tensor:
    kernels = layer.weight.permute(0, 1, 4, 2, 3).flatten(0, 1)
    return unfold(F.conv2d(fold(x), kernels, padding=1, groups=x.shape[3]), x.shape[3])


def gflop_a_sample() -> tuple[float, float]:
    """Of a forward pass: as plain convolutions, and as it is done."""
    counts = []
    for forward in (plain, Conv.forward):
        counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: addmm})
        with patch.object(Conv, "forward", forward), counter, torch.no_grad():
            UNet()(torch.zeros(1, 1, 8, 8), 1.0)
        counts.append(counter.get_total_flops() / 1e9)
    return counts[0], counts[1]


def products(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return a.to(dtype), a.T.contiguous().to(dtype)


def training(models: int, n: int, bf16: bool) -> Training:
    model, data = NoisePredictor(UNet(models), linear()), torch.randn(models, n, 64)
    return Training(model, data, list(range(models)), linear(), bf16=bf16)


def main() -> None:
    torch.manual_seed(0)
    a, b = products(torch.bfloat16)
    c, d = products(torch.float32)
    single, half = alternate(lambda: c @ d, lambda: a @ b, 3 * REPETITIONS).medians()
    work = 2e-9 * SIDE**3
    threads = f"threads: {torch.get_num_threads()} of {os.cpu_count()} cores"
    report(
        f"product of {SIDE}² matrices, {threads}", f"float32 {work / single:.0f} GFLOP/s, bfloat16 {work / half:.0f}"
    )
    counted, done = gflop_a_sample()
    report("forward pass of a sample", f"{counted:.4f} GFLOP as plain convolutions, {done:.4f} as it is done")

    for models, n in ((1, 128), (1, 45), (4, 45), (4, 128)):
        for bf16 in (False, True):
            run = training(models, n, bf16)
            turns = alternate(lambda run=run: run.run(1), lambda: a @ b, REPETITIONS)
            step, product = turns.medians()
            rate = 3 * counted * models * n / step
            compare(
                f"U-Net training, {models} × batch {n}, {'bfloat16' if bf16 else 'float32'}",
                "bfloat16 products, by operations",
                turns,
                work=3 * counted * models * n / work,
                goal=0.5 if bf16 and n >= 128 else None,
                more=f"{rate:.0f} GFLOP/s, {rate * done / counted * product / work:.0%} by work done",
            )
            del run

    draws = Draws([0], 128, 64, 128)
    run = training(1, 128, True)
    steps = iter(range(10**6))
    turns = alternate(lambda: run.run(1), lambda: [draws(next(steps)) for _ in range(16)], REPETITIONS)
    step, draw = turns.medians()
    report("draws of a U-Net's step", f"{1e6 * draw / 16:.0f} µs, {draw / 16 / step:.2%} of it")

    for models, hidden in ((1, 256), (32, 128), (128, 64)):
        small = MLP(16, models=models, hidden=hidden)
        run = Training(small, torch.randn(models, 1000, 16), list(range(models)), LogNormal())
        draws, steps = Draws(list(range(models)), 1000, 16, 128), iter(range(10**6))
        step, draw = alternate(
            lambda run=run: run.run(16),
            lambda draws=draws, steps=steps: [draws(next(steps)) for _ in range(16)],
            REPETITIONS,
        ).medians()
        report(
            f"MLP training, d = 16, {models} of {hidden} hidden units, batch 128",
            f"{1e3 * step / 16 / models:.3f} ms a step and model, of which the draws are {draw / step:.1%}",
        )


if __name__ == "__main__":
    main()
