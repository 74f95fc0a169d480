"""A Watch in a Lightning Trainer."""

from collections.abc import Callable, Mapping

from lightning.pytorch import Callback, LightningModule, Trainer

from memgen.statistics import Estimate
from memgen.watch.levels import Denoiser
from memgen.watch.modes import evaluating
from memgen.watch.watch import Points, Watch


class WatchCallback(Callback):
    """Updates a Watch every `every_n_epochs`, or instead every `every_n_steps` optimizer steps, and logs what it sees.

    `denoise` turns the LightningModule into a function denoise(x, sigma); `generate`, if given, makes generated points
    with it. Logged with `pl_module.log_dict`: memgen/gap/0.3 at level 0.3, memgen/flagged of generated points. The
    module is in evaluation mode meanwhile, and then as it was before. The Watch has all steps and errors.
    """

    def __init__(
        self,
        watch: Watch,
        denoise: Callable[[LightningModule], Denoiser],
        generate: Callable[[LightningModule], Points] | None = None,
        every_n_epochs: int = 1,
        every_n_steps: int | None = None,
    ) -> None:
        if min(every_n_epochs, every_n_steps or 1) < 1:
            raise ValueError(f"need an interval of one or more, got {every_n_epochs} epochs and {every_n_steps} steps")
        self.watch, self._denoise, self._generate = watch, denoise, generate
        self._epochs, self._steps, self._last = every_n_epochs, every_n_steps, -1

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        # with accumulated gradients several batches end at one step
        if self._steps and trainer.global_step % self._steps == 0 and trainer.global_step > max(self._last, 0):
            self._look(trainer.global_step, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._steps and (trainer.current_epoch + 1) % self._epochs == 0:
            self._look(trainer.global_step, pl_module)

    def _look(self, step: int, module: LightningModule) -> None:
        self._last = step
        with evaluating(module):
            self._log(module, self.watch.update(self._denoise(module), step))
            if self._generate is not None:
                self._log(module, self.watch.update_samples(self._generate(module), step))

    @staticmethod
    def _log(module: LightningModule, found: Mapping[str, Estimate]) -> None:
        module.log_dict({f"memgen/{name}": seen.value for name, seen in found.items()})
