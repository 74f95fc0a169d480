"""The adapters of the Watch against the libraries: diffusers' three predictions, and a Lightning Trainer."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memgen.watch import Watch

with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
    patch.setenv("HF_HUB_OFFLINE", "1")
    import lightning.pytorch as pl
    from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, UNet2DModel

from memgen.watch.diffusers import denoiser, nearest_levels
from memgen.watch.lightning import WatchCallback
from memgen.watch.modes import evaluating

KINDS = ("epsilon", "v_prediction", "sample")
MEAN, VARIANCE = 0.5, 0.25


def optimal(x: Tensor, sigma: float) -> Tensor:
    """The denoiser of N(MEAN, VARIANCE I)."""
    return MEAN + VARIANCE / (VARIANCE + sigma**2) * (x - MEAN)


class Optimal(nn.Module):
    """Predicts ε, v or x₀ of that law, from x_t, as the papers of DDPM and of progressive distillation define them."""

    def __init__(self, scheduler: DDPMScheduler, kind: str) -> None:
        super().__init__()
        self.scheduler, self.kind, self.weight = scheduler, kind, nn.Parameter(torch.zeros(1))

    def forward(self, x_t: Tensor, t: Tensor) -> Any:
        assert not self.training
        abar = self.scheduler.alphas_cumprod[t].double()
        clean = MEAN + abar.sqrt() * VARIANCE / (abar * VARIANCE + 1 - abar) * (x_t - abar.sqrt() * MEAN)
        epsilon = (x_t - abar.sqrt() * clean) / (1 - abar).sqrt()
        made = {"sample": clean, "epsilon": epsilon, "v_prediction": abar.sqrt() * epsilon - (1 - abar).sqrt() * clean}
        return SimpleNamespace(sample=made[self.kind])


def images(n: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(MEAN, VARIANCE**0.5, (n, 1, 8, 8))).float()


@pytest.mark.parametrize("kind", KINDS)
def test_each_prediction_gives_the_denoiser_and_no_other_does(kind: str) -> None:
    scheduler = DDPMScheduler(prediction_type=kind)
    levels = nearest_levels(scheduler, (0.05, 0.3, 1.0, 5.0))
    x = images(4, 0)
    for sigma in levels:
        u = x + sigma * torch.from_numpy(np.random.default_rng(1).standard_normal(x.shape)).float()
        for predicted in KINDS:
            made = denoiser(Optimal(scheduler, predicted).double(), scheduler)(u.double(), sigma)
            off = float((made - optimal(u.double(), sigma)).abs().max())
            assert off < 1e-5 if predicted == kind else off > 1e-3, (sigma, predicted)


def test_between_timesteps_the_nearest_is_taken() -> None:
    scheduler = DDPMScheduler(prediction_type="epsilon")
    exact = denoiser(Optimal(scheduler, "epsilon").double(), scheduler)
    low, high = nearest_levels(scheduler, (0.3, 0.3035))
    x = images(4, 0).double()
    for sigma, level in ((low * 0.9 + high * 0.1, low), (low * 0.1 + high * 0.9, high)):
        assert torch.allclose(exact(x, sigma), optimal(x, level), atol=1e-5)
        assert not torch.allclose(exact(x, sigma), optimal(x, sigma), atol=1e-5)
    for beyond in (0.001, 1000.0):
        with pytest.raises(ValueError, match="is not among the scheduler's levels"):
            exact(x, beyond)


def test_a_real_unet_is_watched_and_left_as_it_was() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = UNet2DModel(
            sample_size=8, in_channels=1, out_channels=1, block_out_channels=(8, 8), norm_num_groups=4,
            down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"), dropout=0.5,
        )  # fmt: skip
    model.mid_block.eval()  # a part that was not in training stays so
    scheduler = DDPMScheduler(prediction_type="v_prediction", clip_sample=False)
    (sigma,) = nearest_levels(scheduler, (0.3,))
    watch = Watch(images(30, 1), images(30, 2), (sigma,), noises=1)
    found = [watch.update(denoiser(model, scheduler)) for _ in range(2)]
    assert found[0] == found[1]  # no dropout
    assert model.training and model.up_blocks.training and not model.mid_block.training
    t = int((scheduler.alphas_cumprod - 1 / (1 + sigma**2)).abs().argmin())
    x = images(3, 3)
    with torch.no_grad(), evaluating(model):
        x_t = x / (1 + sigma**2) ** 0.5
        expected = scheduler.step(model(x_t, t).sample, t, x_t, torch.Generator()).pred_original_sample
        assert torch.allclose(denoiser(model, scheduler)(x, sigma), expected, atol=1e-5)


def test_schedulers_that_say_too_little_are_named() -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="prediction_type is 'flow'"):
        denoiser(model, SimpleNamespace(config=SimpleNamespace(prediction_type="flow")))
    with pytest.raises(ValueError, match="FlowMatchEulerDiscreteScheduler has no alphas_cumprod"):
        nearest_levels(FlowMatchEulerDiscreteScheduler(), (0.3,))


class Module(pl.LightningModule):
    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.points, self.net = points, nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 2))

    def training_step(self, batch: Tensor) -> Tensor:
        return (self.net(batch + 0.3 * torch.randn_like(batch)) - batch).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 1e-2)

    def train_dataloader(self) -> torch.utils.data.DataLoader:
        return torch.utils.data.DataLoader(self.points, batch_size=10)


def fitted(tmp_path: Path, watch: Watch | None, **how: Any) -> tuple[pl.Trainer, Module]:
    """Trained for 2 epochs of 4 steps, the same each time but for the Watch."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Module(images(40, 5)[:, 0, 0, :2])
        asked = [] if watch is None else [WatchCallback(watch, lambda m: lambda x, sigma: m.net(x), **how)]
        trainer = pl.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=tmp_path, callbacks=asked,
        )  # fmt: skip
        trainer.fit(module)
    return trainer, module


@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning")
@pytest.mark.parametrize(("how", "steps"), [({}, [4, 8]), ({"every_n_epochs": 2}, [8]), ({"every_n_steps": 3}, [3, 6])])
def test_a_trainer_logs_the_watch_and_trains_as_without(how: dict, steps: list[int], tmp_path: Path) -> None:
    train, holdout = (images(40, seed)[:, 0, 0, :2] for seed in (5, 6))
    watch = Watch(train, holdout, (0.3,), noises=1)
    generate = {"generate": lambda module: module.points[:20].numpy() + 0.01}
    trainer, module = fitted(tmp_path, watch, **how, **generate)
    rows = watch.compute()
    assert rows.step.unique().tolist() == steps
    last = rows[rows.step == steps[-1]].set_index("measure").value
    for name, value in (("memgen/gap/0.3", last.gap), ("memgen/flagged", last.flagged)):
        assert float(trainer.callback_metrics[name]) == pytest.approx(value, rel=1e-5)
    assert module.training and last.flagged > 0.5
    _, alone = fitted(tmp_path, None)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), alone.parameters(), strict=True))
    with pytest.raises(ValueError, match="interval of one or more"):
        WatchCallback(watch, lambda m: m.net, every_n_steps=-1)
    assert list(tmp_path.iterdir()) == []
