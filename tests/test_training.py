"""Training: ensembles against their members, going on after an interruption, the paper's epochs, what goes wrong."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from memgen.denoisers.mlp import MLP
from memgen.denoisers.training import Draws, Training, in_groups, steps_of
from memgen.denoisers.unet import NoisePredictor, UNet
from memgen.errors import BadInput, Failure
from memgen.laws.schedules import LogNormal, cosine, linear


def _data(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def _unet(keys: list, dtype: torch.dtype = torch.float32) -> NoisePredictor:
    return NoisePredictor(UNet(models=len(keys), width=8, keys=keys), linear()).to(dtype)


def _mlp(keys: list, dtype: torch.dtype = torch.float32) -> MLP:
    return MLP(64, models=len(keys), hidden=32, depth=2, keys=keys).to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@pytest.mark.parametrize("make", [_unet, _mlp])
def test_a_member_is_what_it_is_alone(make: Callable, dtype: torch.dtype, tolerance: float) -> None:
    # 40 points in batches of 16, 16 and 8; other data, other keys for each.
    keys, data, u = [8, "b", 3], _data(3, 40, 64), _data(3, 10, 64, seed=1).to(dtype)
    levels = cosine() if make is _mlp else linear()
    together = Training(make(keys, dtype), data, keys, levels, batch=16, ema=0.9)
    losses = together.run(8)
    for m, key in enumerate(keys):
        alone = Training(make([key], dtype), data[m], [key], levels, batch=16, ema=0.9)
        assert torch.allclose(alone.run(8)[:, 0], losses[:, m], rtol=tolerance)
        for model, other in ((together.model, alone.model), (together.averaged, alone.averaged)):
            with torch.no_grad():
                y, x = model(u, 1.0)[m], other(u[m], 1.0)
            assert float((x - y).norm() / y.norm()) < tolerance
    assert float((losses[:, 0] - losses[:, 1]).abs().min()) > 1e-3


def test_no_gradient_crosses_between_models() -> None:
    model = _unet([1, 2])
    data = _data(2, 20, 64).float()
    losses = model.error(data, data, np.full((2, 20), 0.5)).square().mean((1, 2))
    losses[1].backward()
    assert all(bool((p.grad[0] == 0).all()) for p in model.parameters())
    assert all(bool((p.grad[1] != 0).any()) for p in model.parameters() if p.ndim > 2)


@pytest.mark.parametrize("make", [_unet, _mlp])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_going_on_is_the_same_bit_for_bit(make: Callable, ema: float | None, tmp_path: Path) -> None:
    # 20 steps of 3 a pass: the break falls within a pass and within a block of noise.
    def start() -> Training:
        return Training(make([1, 2]), _data(2, 40, 64), [1, 2], linear(), batch=16, ema=ema)

    straight = start()
    losses = straight.run(20)
    first, second, path = start(), start(), tmp_path / "half.safetensors"
    before = first.run(10)
    first.save(path)
    second.load(path)
    assert second.step == 10
    assert torch.equal(torch.cat([before, second.run(10)]), losses)
    assert all(torch.equal(a, b) for a, b in zip(straight._state().values(), second._state().values(), strict=True))
    assert [p.name for p in tmp_path.iterdir()] == ["half.safetensors"]


def test_a_checkpoint_from_before_the_first_step(tmp_path: Path) -> None:
    first, second = (Training(_mlp([1]), _data(50, 64), [1], LogNormal()) for _ in range(2))
    first.save(tmp_path / "a")
    second.load(tmp_path / "a")
    assert torch.equal(first.run(3), second.run(3))


def test_checkpoints_that_are_refused(tmp_path: Path) -> None:
    good, data = tmp_path / "good", _data(50, 64)
    Training(_mlp([1]), data, [1], LogNormal()).save(good)
    (cut := tmp_path / "cut").write_bytes(good.read_bytes()[:-100])
    (header := tmp_path / "header").write_bytes(good.read_bytes()[:5])
    (text := tmp_path / "text").write_text("weights, honestly")
    content = bytearray(good.read_bytes())
    content[-100] ^= 1
    (flipped := tmp_path / "flipped").write_bytes(content)
    torch.save({"a": 1}, pickled := tmp_path / "pickled")
    save_file({"a": torch.zeros(1)}, foreign := tmp_path / "foreign")
    save_file({"a": torch.zeros(1)}, older := tmp_path / "older", {"kind": "memgen checkpoint 1"})
    same = Training(_mlp([1]), data, [1], LogNormal())
    untouched = {name: t.clone() for name, t in same._state().items()}
    for path in (cut, flipped, header, text, pickled, foreign, older, tmp_path / "none", tmp_path):
        with pytest.raises(BadInput, match=rf"^{path}: [^\n]+$"):
            same.load(path)
    with pytest.raises(BadInput, match="a 'memgen checkpoint 1', but not a 'memgen checkpoint 2'"):
        same.load(older)
    for training, message in (
        (Training(MLP(64, hidden=48), data, [1], LogNormal()), r"network: weights.first.weight is \(1, 32, 80\)"),
        (Training(MLP(64, hidden=32, depth=1), data, [1], LogNormal()), "network"),
        (Training(_mlp([1], torch.float64), data, [1], LogNormal()), "float32, not"),
        (Training(_mlp([1, 2]), data, [1, 2], LogNormal()), "another network"),
        (Training(_unet([1]), data, [1], linear()), "another network: weights.network.first.conv1.weight is missing"),
        (Training(_mlp([1]), data, [1], LogNormal(), ema=0.9), "averaged.first.weight is missing"),
        (Training(MLP(64, hidden=32, depth=2, scale=3.0, keys=[1]), data, [1], LogNormal()), "model is not the same"),
        (Training(_mlp([1]), data + 1, [1], LogNormal()), "data is not the same"),
        (Training(_mlp([1]), data, [2], LogNormal()), "keys is not the same"),
        (Training(_mlp([1]), data, [1], LogNormal(std=1.0)), "levels is not the same"),
        (Training(_mlp([1]), data, [1], LogNormal(), batch=4), "batch is not the same"),
    ):
        with pytest.raises(BadInput, match=message):
            training.load(good)
    assert all(torch.equal(untouched[name], t) for name, t in same._state().items()) and same.step == 0
    with pytest.raises(BadInput, match=r"absent/a: cannot be written"):
        same.save(tmp_path / "absent" / "a")


def test_the_seeds_epochs() -> None:
    assert steps_of(10, int(50 * 0.9)) == 10 and int(50 * 0.9) == 45
    assert steps_of(10, int(1050 * 0.9)) == 80 and int(1050 * 0.9) == 945
    assert steps_of(10, int(250 * 0.9)) == 20
    for n, sizes in ((45, [45]), (225, [128, 97]), (945, [128] * 7 + [49]), (128, [128]), (1, [1])):
        draws = Draws([0, 1], n, 3, 128)
        passes = [[draws(k + e * len(sizes)) for k in range(len(sizes))] for e in range(2)]
        for steps in passes:
            assert [chosen.shape[1] for chosen, _, _ in steps] == sizes
            assert [normal.shape for _, normal, _ in steps] == [(2, size, 3) for size in sizes]
            seen = np.concatenate([chosen for chosen, _, _ in steps], 1)
            assert np.array_equal(np.sort(seen), np.tile(np.arange(n), (2, 1)))  # each point once in a pass
        if n > 1:
            orders = [np.concatenate([c for c, _, _ in steps], 1) for steps in passes]
            assert not np.array_equal(orders[0], orders[1]) and not np.array_equal(orders[0][0], orders[0][1])


def test_draws_depend_on_key_and_step_alone() -> None:
    many, one = Draws(["a", 5], 200, 3, 128), Draws([5], 200, 3, 128)
    forwards = [many(k) for k in range(40)]
    for k in reversed(range(40)):
        for all_models, alone in zip(forwards[k], one(k), strict=True):
            assert np.array_equal(all_models[1:], alone)
    normal = np.concatenate([n.ravel() for _, n, _ in forwards])
    assert len(np.unique(normal)) > 0.99 * len(normal)  # single precision repeats a few by chance
    assert abs(normal.mean()) * math.sqrt(len(normal)) < 4
    assert abs((normal.astype(float) ** 2).mean() - 1) * math.sqrt(len(normal) / 2) < 4


@pytest.mark.parametrize("bf16", [False, True])
def test_a_unet_learns_to_tell_noise_from_one_image(bf16: bool) -> None:
    training = Training(_unet([1]), _data(1, 64).expand(32, 64), [1], linear(), lr=5e-3, bf16=bf16)
    losses = training.run(40)[:, 0]
    assert losses.dtype == torch.float32
    assert losses[-10:].mean() < 0.5 * losses[:3].mean()
    assert next(training.model.parameters()).dtype == torch.float32


def test_a_loss_that_is_not_finite_names_step_and_model() -> None:
    data = _data(2, 30, 64)
    data[1] *= 1e30  # its square overflows single precision
    training = Training(_mlp(["good", "bad"]), data, ["good", "bad"], LogNormal())
    with pytest.raises(Failure, match="the loss of model bad is inf at step 0"):
        training.run(5)
    assert all(bool(torch.isfinite(p).all()) for p in training.model.parameters())
    diverging = Training(_mlp(["only"]), _data(30, 64), ["only"], LogNormal(), lr=1e25)
    with pytest.raises(Failure, match=r"the loss of model only is (nan|inf) at step [1-9]"):
        diverging.run(50)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (torch.zeros(3, 5, 64), {}, r"data must be \(2, n, d\)"),
        (torch.zeros(2, 0, 64), {}, "data must be"),
        (torch.zeros(64), {}, "data must be"),
        (torch.full((5, 64), math.nan), {}, "not finite"),
        (torch.zeros(5, 64), {"keys": [1]}, "need a key"),
        (torch.zeros(5, 64), {"batch": 0}, "batch ≥ 1"),
        (torch.zeros(5, 64), {"lr": 0.0}, "lr > 0"),
        (torch.zeros(5, 64), {"ema": 1.0}, "ema < 1"),
    ],
)
def test_what_is_refused(data: Tensor, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Training(_mlp([1, 2]), data, **{"keys": [1, 2], "levels": LogNormal(), **options})


class _Small(nn.Module):
    """A device on which no more than so many models fit."""

    room = 3
    full: Exception = torch.OutOfMemoryError("out of memory")

    def __init__(self, keys: list) -> None:
        super().__init__()
        self.inner, self.models = _mlp(keys), len(keys)

    def error(self, x0: Tensor, xi: Tensor, tau: np.ndarray) -> Tensor:
        if self.models > self.room:
            raise self.full
        return self.inner.error(x0, xi, tau)


@pytest.mark.parametrize(
    "full",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
)
def test_too_little_memory_halves_the_group(
    full: Exception, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Small, "full", full)
    keys, data = list(range(10)), _data(10, 40, 64)

    def start(members: slice) -> Training:
        return Training(_Small(keys[members]), data[members], keys[members], LogNormal())

    trained = [(t.keys, t.model.inner.last.weight.data) for t in in_groups(start, 10, 8, 3)]
    assert [k for k, _ in trained] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "too little memory for 8 models at once: going on with 4 at a time",
        "too little memory for 4 models at once: going on with 2 at a time",
    ]
    monkeypatch.setattr(_Small, "room", 10)
    (whole,) = in_groups(start, 10, 10, 3)
    assert torch.allclose(torch.cat([w for _, w in trained]), whole.model.inner.last.weight.data, rtol=1e-4, atol=1e-7)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_Small, "room", 0)
    with pytest.raises(Failure, match="does not suffice to train one model"):
        next(in_groups(start, 10, 10, 3))
    monkeypatch.setattr(_Small, "full", RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        next(in_groups(start, 10, 10, 3))
