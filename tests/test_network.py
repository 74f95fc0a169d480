"""The network experiment: parameters, rows that belong to their key, what a copier and an ideal sampler measure."""

import numpy as np
import pytest
from pydantic import ValidationError

from memgen import store
from memgen.experiments import network as experiment
from memgen.statistics import mean, threshold

_SMALL = experiment.Params(preset="smoke", sizes=(30,), replicas=2, epochs=2)


@pytest.mark.parametrize(
    "values",
    [{"sizes": (5,)}, {"width": 12}, {"replicas": 0}, {"device": "gpu"}, {"precision": "float16"}, {"samples": 10}],
)
def test_bad_parameters_are_named(values: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        experiment.Params(**values)


def test_a_network_measures_the_same_alone_and_in_company() -> None:
    first, second = experiment.grid(_SMALL)
    together, alone = experiment.cell(first._replace(replicas=2)), experiment.cell(second)
    keys = ["n", "replica", "generator", "points", "tau", "measure"]
    both = alone.merge(together, on=keys)
    assert len(both) == len(alone) == len(together) / 2 and set(both.replica) == {1}
    assert both.value_x.to_numpy() == pytest.approx(both.value_y.to_numpy(), rel=2e-3, abs=1e-3)
    assert not alone.duplicated(keys).any() and np.isfinite(alone.value).all()


def test_in_bfloat16_a_network_comes_out_the_same_but_for_rounding() -> None:
    precise, rounded = (
        experiment.cell(experiment.grid(_SMALL.model_copy(update={"precision": precision}))[0]).query(
            "generator == 'network'"
        )
        for precision in ("float32", "bfloat16")
    )
    for measure in ("error", "variance"):  # of training, and of sampling
        exact, other = (table[table.measure == measure].value.to_numpy() for table in (precise, rounded))
        assert 1e-5 < np.abs(other / exact - 1).max() < 0.05, measure


def test_the_paper_preset_is_the_scripts() -> None:
    params = experiment.Params(preset="paper").resolved()
    assert params.sizes == tuple(range(50, 1051, 100)) and params.width == 64 and params.epochs == 10
    assert len(experiment.grid(params)) == 110


def test_stored_generators_measure_what_they_are() -> None:
    """On one scale a copier is nearer to its training set, an ideal sampler is not; by the script both have Δ > 0."""
    table = store.read(store.RESULTS / "network")[0]

    def gap(generator: str, measure: str, reference: str) -> np.ndarray:
        own = table[(table.generator == generator) & (table.measure == measure)]
        wide = own.pivot(index=["n", "replica"], columns="points", values="value")
        return (wide["train"] - wide[reference]).to_numpy()

    limit = threshold(2)
    assert (
        abs(mean(gap("ideal", "marginal", "holdout")).z(0)) < limit < -mean(gap("copier", "marginal", "holdout")).z(0)
    )
    for generator in ("ideal", "copier"):
        assert gap(generator, "published", "truth").min() > 0
    flagged = table[table.measure == "flagged"].groupby("generator").value.mean()
    assert flagged["copier"] == 1 and flagged["ideal"] == flagged["network"] == 0
