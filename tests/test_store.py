"""Shards: what is written comes back, what is damaged or does not belong is refused by name."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgen.errors import BadInput
from memgen.runs import store
from memgen.runs.store import Store


class Cell(NamedTuple):
    k: int
    tau: float = 0.5


GRID = [Cell(k) for k in range(3)]


def stored(folder: Path, **changes: object) -> Store:
    about = {"chapter": "toy", "version": 1, "parameters": {"d": 4, "rhos": [0.5]}, "command": "memgen sweep toy"}
    return Store(folder, **{**about, **changes})


def rows(cell: Cell) -> pd.DataFrame:
    return pd.DataFrame({"k": cell.k, "measure": ["a", "b", "b"], "value": [math.pi * cell.k, math.inf, math.nan]})


def add(to: Store, cell: Cell, position: int, cells: int) -> None:
    to.write(rows(cell), to.about(cell, position, cells), 1.5)


def fill(to: Store, grid: list[Cell] = GRID) -> list[Path]:
    to.folder.mkdir(exist_ok=True)
    for k, cell in enumerate(grid):
        add(to, cell, k, len(grid))
    return sorted(to.folder.iterdir())


def rewrite(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda t: t, **made_by: object) -> None:
    """The shard as someone else would change it: valid Parquet, another value or another provenance."""
    content = pq.read_table(path)
    old = json.loads(content.schema.metadata[b"memgen"])
    content = content.from_pandas(change(content.to_pandas()), preserve_index=False)
    pq.write_table(content.replace_schema_metadata({b"memgen": json.dumps({**old, **made_by})}), path)


def test_a_sweep_comes_back_in_the_order_of_its_grid_and_says_how_it_was_made(tmp_path: Path) -> None:
    paths = fill(stored(tmp_path))
    table, made_by = store.read(tmp_path)
    pd.testing.assert_frame_equal(table, pd.concat(map(rows, GRID), ignore_index=True), check_exact=True)
    assert [path.name[:5] for path in paths] == ["0000-", "0001-", "0002-"]
    assert made_by.pop("cores") > 0
    assert set(made_by.pop("versions")) == {"python", "numpy", "scipy", "torch"}
    assert made_by == {
        "chapter": "toy",
        "version": 1,
        "parameters": {"d": 4, "rhos": [0.5]},
        "cells": 3,
        "seconds": 4.5,
        "command": "memgen sweep toy",
        "device": "cpu",
    }


def test_shards_of_one_sweep_may_come_from_different_commands(tmp_path: Path) -> None:
    fill(stored(tmp_path))
    again = stored(tmp_path, command="memgen sweep toy --workers 9")
    add(again, GRID[1], 1, 3)
    assert store.read(tmp_path)[1]["command"] == ["memgen sweep toy", "memgen sweep toy --workers 9"]


def test_names_sort_as_the_grid_does_and_depend_on_all_that_rows_depend_on(tmp_path: Path) -> None:
    def name(cell: Cell, position: int, cells: int, **changes: object) -> str:
        return store._name(stored(tmp_path, **changes).about(cell, position, cells))

    names = [name(GRID[0], k, 12345) for k in (0, 9, 10, 999, 1000, 9999, 10000, 12344)]
    assert names == sorted(names)
    changed = [{}, {"chapter": "other"}, {"version": 2}, {"parameters": {"d": 5, "rhos": [0.5]}}]
    digests = {name(GRID[0], 0, 3, **change)[5:] for change in changed} | {name(GRID[1], 0, 3)[5:]}
    assert len(digests) == 5
    assert name(GRID[0], 0, 3, command="another") == name(GRID[0], 0, 3)


finite_or_not = st.floats(allow_subnormal=True)
tables = st.integers(0, 6).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "x": st.lists(finite_or_not, min_size=n, max_size=n).map(lambda v: np.array(v, float)),
            "n": st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n, max_size=n).map(lambda v: np.array(v, int)),
            "flag": st.lists(st.booleans(), min_size=n, max_size=n).map(lambda v: np.array(v, bool)),
            "text": st.lists(st.text(max_size=5), min_size=n, max_size=n).map(lambda v: pd.Series(v, dtype="str")),
        }
    )
)


@given(tables)
def test_any_rows_come_back_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, columns: dict) -> None:
    folder, table = tmp_path_factory.mktemp("any"), pd.DataFrame(columns)
    to = stored(folder)
    to.write(table, to.about(GRID[0], 0, 1), 0.0)
    found, _ = store.read(folder)
    pd.testing.assert_frame_equal(found, table, check_exact=True)
    numbers = ~np.isnan(table.x.to_numpy())  # one NaN is as good as another; 0 and −0 are not the same
    assert found.x.to_numpy()[numbers].tobytes() == table.x.to_numpy()[numbers].tobytes()


def test_rows_that_parquet_would_change_are_not_kept(tmp_path: Path) -> None:
    to = stored(tmp_path)
    for value in ([1, "a"], [[1], [2]], pd.Categorical(["a", "b"])):
        with pytest.raises((TypeError, ValueError)):
            to.write(pd.DataFrame({"value": value}), to.about(GRID[0], 0, 1), 0.0)
        assert list(tmp_path.iterdir()) == []
    to.write(pd.DataFrame({"value": ["a", "b"]}), to.about(GRID[0], 0, 1), 0.0)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace")], ids=["fsync", "replace"])
def test_a_shard_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[object, str]
) -> None:
    def fail(*_: object) -> None:
        (name,) = (path.name for path in tmp_path.iterdir())
        assert name.startswith(".0000-") and name.endswith(".partial")
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(*step, fail)
        with pytest.raises(OSError, match="the disk is full"):
            add(stored(tmp_path), GRID[0], 0, 1)
    assert list(tmp_path.iterdir()) == []
    add(stored(tmp_path), GRID[0], 0, 1)
    assert len(store.read(tmp_path)[0]) == 3


def test_no_flipped_byte_and_no_cut_changes_what_is_read(tmp_path: Path) -> None:
    path = fill(stored(tmp_path), GRID[:1])[0]
    whole, (table, made_by) = path.read_bytes(), store.read(tmp_path)
    harmless = []
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        try:
            found, said = store.read(tmp_path)
        except BadInput as error:
            assert path.name in str(error) and "damaged" in str(error)
        else:  # a byte that means nothing, such as one of the writer's name
            harmless.append(place)
            pd.testing.assert_frame_equal(found, table, check_exact=True)
            assert said == made_by
    provenance = range(whole.index(b'{"cell"'), whole.index(b'"version": 1'))
    assert len(provenance) > 200 and not set(harmless) & set(provenance)
    assert len(harmless) < len(whole) / 3 / 2
    for length in (0, 1, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=f"{path.name}: damaged"):
            store.read(tmp_path)
    path.write_bytes(whole)
    pd.testing.assert_frame_equal(store.read(tmp_path)[0], table, check_exact=True)


CHANGES: dict[str, dict] = {
    "value": {"change": lambda table: table.assign(k=7)},
    "last digit": {"change": lambda table: table.assign(value=table.value * (1 + 1e-15))},
    "order": {"change": lambda table: table[::-1]},
    "column": {"change": lambda table: table.rename(columns={"k": "kk"})},
    "type": {"change": lambda table: table.astype({"k": "int32"})},
    "row": {"change": lambda table: table[:2]},
    "seconds": {"seconds": 0.1},
    "versions": {"versions": {}},
    "cell": {"cell": {"k": 2, "tau": 0.5}},
    "more": {"note": "nothing"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_by_hand_is_refused(tmp_path: Path, change: dict) -> None:
    path = fill(stored(tmp_path))[1]
    rewrite(path)
    assert len(store.read(tmp_path)[0]) == 9  # written anew and nothing changed: it is sound
    rewrite(path, **change)
    with pytest.raises(BadInput, match=f"{path.name}: damaged.*checksum"):
        store.read(tmp_path)
    assert stored(tmp_path).survey(GRID)[0] == {0, 2}


def other_columns(folder: Path, paths: list[Path]) -> None:
    to = stored(folder)
    to.write(rows(GRID[1]).rename(columns={"k": "kk"}), to.about(GRID[1], 1, 3), 1.0)


MIXED: dict[str, tuple[Callable[[Path, list[Path]], object], str]] = {
    "incomplete": (lambda folder, paths: paths[1].unlink(), r"incomplete: 2 of 3 cells"),
    "empty": (lambda folder, paths: [path.unlink() for path in paths], "no results"),
    "parameters": (lambda folder, paths: fill(stored(folder, parameters={"d": 5, "rhos": [0.5]})), r"d = [45], not"),
    "version": (lambda folder, paths: fill(stored(folder, version=2)), r"VERSION = [12], not [12]"),
    "chapter": (lambda folder, paths: fill(stored(folder, chapter="other")), "chapter = "),
    "cells": (lambda folder, paths: add(stored(folder), Cell(3), 3, 4), "number of cells = 4, not 3"),
    "grid": (lambda folder, paths: fill(stored(folder), [Cell(4), Cell(5), Cell(6)]), "6 shards"),
    "one for another": (
        lambda folder, paths: [paths[1].unlink(), add(stored(folder), Cell(9), 0, 3)],
        "incomplete: 2 of 3 cells are there, in 3 shards",
    ),
    "columns": (other_columns, r"0001-.* columns kk"),
    "foreign": (lambda folder, paths: rows(GRID[0]).to_parquet(folder / "mine.parquet"), r"mine\.parquet: damaged"),
    "text": (lambda folder, paths: (folder / "mine.parquet").write_text("?"), r"mine\.parquet: damaged"),
    "folder": (lambda folder, paths: (folder / "mine.parquet").mkdir(), r"mine\.parquet: damaged"),
    "renamed": (
        lambda folder, paths: paths[0].rename(folder / f"9{paths[0].name[1:]}"),
        "it holds what belongs into 0000",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), MIXED.values(), ids=MIXED)
def test_a_folder_that_is_not_one_whole_sweep_is_refused(
    tmp_path: Path, spoil: Callable[[Path, list[Path]], object], message: str
) -> None:
    folder = tmp_path / "toy"
    with pytest.raises(BadInput, match="toy: no results"):
        store.read(folder)
    paths = fill(stored(folder))
    assert len(store.read(folder)[0]) == 9
    spoil(folder, paths)
    with pytest.raises(BadInput, match=message) as error:
        store.read(folder)
    assert "\n" not in str(error.value)
