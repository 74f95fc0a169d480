"""Files of results: what is written comes back; what is damaged or does not belong is refused by name."""

import json
import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgen.errors import BadInput
from memgen.files import temporary
from memgen.runs import lock, parts, provenance, store
from memgen.runs.parts import Part
from memgen.runs.store import Store


class Cell(NamedTuple):
    k: int
    tau: float = 0.5


GRID = [Cell(k) for k in range(3)]


def stored(path: Path, **changes: object) -> Store:
    about = {"chapter": "toy", "version": 1, "parameters": {"d": 4, "rhos": [0.5]}, "command": "memgen sweep toy"}
    return Store(path, **{**about, **changes})


def rows(cell: Cell) -> pd.DataFrame:
    return pd.DataFrame({"k": cell.k, "measure": ["a", "b", "b"], "value": [math.pi * cell.k, math.inf, math.nan]})


def fill(to: Store, grid: list[Cell] = GRID) -> list[Path]:
    """Write a shard for each cell."""
    to.shards.mkdir(parents=True, exist_ok=True)
    for k, cell in enumerate(grid):
        to.write(rows(cell), to.about(cell, k, len(grid)), 1.5)
    return sorted(to.shards.iterdir())


def join(to: Store) -> pd.DataFrame:
    with lock.alone(to.shards):
        return to.join(GRID)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The file of a finished sweep."""
    to = stored(tmp_path / "whole.parquet")
    fill(to)
    join(to)
    return to.path


def rewrite(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda t: t, **made_by: object) -> None:
    """The second cell as someone else would change it: valid Parquet, another value or another provenance."""
    with pq.ParquetFile(path) as file:
        about = json.loads(file.metadata.metadata[b"memgen"])
        tables = [file.read_row_group(k).to_pandas() for k in range(file.num_row_groups)]
    tables[1] = change(tables[1])
    about["parts"][1] |= made_by
    contents = [pa.Table.from_pandas(table, preserve_index=False) for table in tables]
    schema = contents[1].schema.remove_metadata()
    with pq.ParquetWriter(path, schema) as file:
        for content in contents:
            file.write_table(content.rename_columns(schema.names).cast(schema), row_group_size=9)
        file.add_key_value_metadata({b"memgen": json.dumps(about)})


def test_a_sweep_comes_back_in_the_order_of_its_grid_and_says_how_it_was_made(tmp_path: Path) -> None:
    to = stored(tmp_path / "toy.parquet")
    paths = fill(to)
    assert [path.name[:5] for path in paths] == ["0000-", "0001-", "0002-"]
    joined = join(to)
    assert list(tmp_path.iterdir()) == [to.path]
    table, made_by = store.read(to.path)
    expected = pd.concat(map(rows, GRID), ignore_index=True)
    for found in (joined, table, pd.read_parquet(to.path)):  # the last, without us, is any reader's
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert made_by.pop("cores") > 0
    assert set(made_by.pop("versions")) == {"python", "numpy", "scipy", "torch"}
    assert made_by == {
        "chapter": "toy",
        "version": 1,
        "parameters": {"d": 4, "rhos": [0.5]},
        "cells": 3,
        "seconds": 4.5,
        "command": "memgen sweep toy",
        "commit": provenance.commit(),
        "device": "cpu",
    }


def test_cells_of_one_sweep_may_come_from_different_commands(tmp_path: Path) -> None:
    to, again = (stored(tmp_path / "toy.parquet", command=f"memgen sweep toy{more}") for more in ("", " --workers 9"))
    fill(to)
    again.write(rows(GRID[1]), again.about(GRID[1], 1, 3), 1.5)
    join(to)
    assert store.read(to.path)[1]["command"] == ["memgen sweep toy", "memgen sweep toy --workers 9"]


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=x", "-c", "user.email=x", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_clone_and_none_outside_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, clone = provenance.commit.__wrapped__, tmp_path / "clone"
    (clone / "memgen").mkdir(parents=True)
    (clone / "memgen" / "a.py").write_text("")
    git(clone, "init")
    git(clone, "add", ".")
    git(clone, "commit", "-m", "x")
    head = git(clone, "rev-parse", "HEAD")
    monkeypatch.setattr(provenance, "ROOT", clone)
    assert commit() == head
    (clone / "results.txt").touch()
    assert commit() == head  # rows depend on the package alone
    (clone / "memgen" / "a.py").write_text("changed")
    assert commit() == f"{head} + changes"
    git(clone, "checkout", ".")
    (clone / "memgen" / "new.py").touch()
    assert commit() == f"{head} + changes"
    monkeypatch.setattr(provenance, "ROOT", clone / "memgen")  # installed somewhere inside another repository
    assert commit() is None
    monkeypatch.setattr(provenance, "ROOT", clone)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() is None  # there is no git


def test_what_comes_with_memgen_is_read_by_chapter_and_name(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "RESULTS", tmp_path.parent)
    assert len(store.load(tmp_path.name, "whole")[0]) == 9
    with pytest.raises(BadInput, match=r"/none\.parquet: no results here"):
        store.load(tmp_path.name, "none")


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


def kept(path: Path, tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    parts.write(path, [Part(table, {"position": k}) for k, table in enumerate(tables)])
    found, damaged = parts.read(path)
    assert not damaged and [part.made_by for part in found] == [{"position": k} for k in range(len(tables))]
    return [part.table for part in found]


@given(st.lists(tables, min_size=1, max_size=2))
def test_any_rows_come_back_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, columns: list[dict]) -> None:
    given = [pd.DataFrame({name: one[name] for name in ("x", "n", "flag", "text")}) for one in columns]
    for found, table in zip(kept(tmp_path_factory.mktemp("any") / "x.parquet", given), given, strict=True):
        pd.testing.assert_frame_equal(found, table, check_exact=True)
        numbers = ~np.isnan(table.x.to_numpy())  # one NaN is as good as another; 0 and −0 are not the same
        assert found.x.to_numpy()[numbers].tobytes() == table.x.to_numpy()[numbers].tobytes()


LOST: dict[str, tuple[pd.DataFrame, str]] = {
    "mixed": (pd.DataFrame({"v": [1, "a"]}), "column v"),
    "lists": (pd.DataFrame({"v": [[1], [2]]}), "column v: other values"),
    "categories": (pd.DataFrame({"v": pd.Categorical(["a", "b"])}), "column v: its categories would be lost"),
    "Int64": (pd.DataFrame({"v": pd.array([1, None], "Int64")}), "column v: Int64 would come back as float64"),
    "boolean": (pd.DataFrame({"v": pd.array([True, None], "boolean")}), "column v: boolean would come back as"),
    "objects": (pd.DataFrame({"v": pd.Series([1, 2], dtype=object)}), "column v: object would come back as int64"),
    "complex": (pd.DataFrame({"v": [1j]}), "column v"),
    "labels": (pd.DataFrame({"v": [1, 2]}, index=["a", "b"]), "the index"),
    "named index": (pd.DataFrame({"v": [1, 2]}).rename_axis("who"), r"the index \(who\) would be lost: reset_index"),
    "other index": (pd.DataFrame({"v": [1, 2]})[1:], "the index"),
    "two indexes": (pd.DataFrame({"v": [1]}, index=pd.MultiIndex.from_tuples([(0, 0)])), r"the index \(MultiIndex\)"),
    "number": (pd.DataFrame({0: [1]}), "the column 0 would be renamed: names of columns must be text"),
    "columns": (pd.DataFrame({"v": [1]}).rename_axis(columns="what"), "the name of the columns, 'what', would be lost"),
    "no columns": (pd.DataFrame(index=range(2)), "there are rows, but no columns"),
}


@pytest.mark.parametrize(("table", "message"), LOST.values(), ids=LOST)
def test_rows_that_parquet_would_change_are_not_kept(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    with pytest.raises((TypeError, ValueError, pa.ArrowException), match=message):
        kept(tmp_path / "x.parquet", [table])
    assert list(tmp_path.iterdir()) == []


def test_text_and_dates_are_kept(tmp_path: Path) -> None:
    text = pd.Series(["a", "b"], dtype=object)
    table = pd.DataFrame({"v": text, "at": pd.to_datetime(["2020-01-01", None]), "small": np.array([1, 2], np.int8)})
    (found,) = kept(tmp_path / "x.parquet", [table])
    pd.testing.assert_frame_equal(found, table.astype({"v": pd.Series(["a"]).dtype}), check_exact=True)


@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace")], ids=["fsync", "replace"])
def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[object, str]
) -> None:
    path = tmp_path / "x.parquet"

    def fail(*_: object) -> None:
        (name,) = (path.name for path in tmp_path.iterdir())
        assert name.startswith(".x.parquet.") and name.endswith(".partial")
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(*step, fail)
        with pytest.raises(OSError, match="the disk is full"):
            kept(path, [rows(GRID[0])])
    assert list(tmp_path.iterdir()) == []
    assert len(kept(path, [rows(GRID[0])])) == 1


def test_no_flipped_byte_and_no_cut_changes_what_is_read(whole: Path) -> None:
    content, cells = whole.read_bytes(), parts.read(whole)[0]
    harmless, partly = set(), set()
    for place in range(0, len(content), 7):
        whole.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        try:
            found, damaged = parts.read(whole)
        except BadInput as error:
            assert whole.name in str(error)
            continue
        assert len(found) + len(damaged) == 3 and all(whole.name in line and "damaged" in line for line in damaged)
        if not damaged:  # a byte that means nothing, such as one of the writer's name
            harmless.add(place)
        elif found:
            partly.add(place)
        for part in found:  # what is still read is what was written
            wanted = cells[part.made_by["position"]]
            assert part.table.equals(wanted.table)
            assert part.made_by == wanted.made_by
    about = range(content.index(b'{"common"'), content.index(b'"version": 1'))
    assert len(about) > 200 and not harmless & set(about)
    assert len(harmless) < len(content) / 7 / 2
    whole.write_bytes(content)
    start = pq.read_metadata(whole).row_group(1).column(2).data_page_offset
    of_one_cell = {place for place in range(start, start + 30) if place % 7 == 0}
    assert of_one_cell and of_one_cell <= partly  # damage to the rows of a cell costs that cell alone
    for length in (0, 1, 4, len(content) // 2, len(content) - 1):
        whole.write_bytes(content[:length])
        with pytest.raises(BadInput, match=f"{whole.name}: damaged"):
            store.read(whole)
    whole.write_bytes(content)
    assert len(store.read(whole)[0]) == 9


CHANGES: dict[str, dict] = {
    "value": {"change": lambda table: table.assign(k=7)},
    "last digit": {"change": lambda table: table.assign(value=table.value * (1 + 1e-15))},
    "order": {"change": lambda table: table[::-1]},
    "row": {"change": lambda table: table[:2]},
    "seconds": {"seconds": 0.1},
    "versions": {"versions": {}},
    "cell": {"cell": {"k": 2, "tau": 0.5}},
    "more": {"note": "nothing"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_cell_that_was_changed_by_hand_is_refused_and_the_others_are_not(whole: Path, change: dict) -> None:
    rewrite(whole)
    assert len(store.read(whole)[0]) == 9  # written anew and nothing changed: it is sound
    rewrite(whole, **change)
    with pytest.raises(BadInput, match=rf"{whole.name}: cell 1: damaged.*checksum"):
        store.read(whole)
    assert stored(whole).survey(GRID)[0] == {0, 2}


def test_columns_that_were_changed_by_hand_are_refused(whole: Path) -> None:
    before = whole.read_bytes()
    for change in (lambda table: table.rename(columns={"k": "kk"}), lambda table: table.astype({"k": "int32"})):
        whole.write_bytes(before)
        rewrite(whole, change)
        with pytest.raises(BadInput, match=rf"{whole.name}: cell 0: damaged.*checksum"):
            store.read(whole)
        assert stored(whole).survey(GRID)[0] == set()


def collected(change: Callable[[list[Part]], list[Part]]) -> Callable[[Path], None]:
    return lambda path: parts.write(path, change(parts.read(path)[0]))


def of(cell: Cell, position: int, cells: int = 3, **changes: object) -> Part:
    to = stored(Path(), **changes)
    made_by = {**to.about(cell, position, cells), "command": "", "seconds": 1.0, **provenance.here({})}
    return Part(rows(cell), made_by)


MIXED: dict[str, tuple[Callable[[Path], object], str]] = {
    "incomplete": (collected(lambda p: [p[0], p[2]]), r"incomplete: 2 of 3 cells"),
    "missing": (lambda path: path.unlink(), "no results"),
    "parameters": (
        collected(lambda p: [*p[:2], of(GRID[2], 2, parameters={"d": 5, "rhos": [0.5]})]),
        "two sweeps: d = 5",
    ),
    "version": (collected(lambda p: [*p[:2], of(GRID[2], 2, version=2)]), "two sweeps: VERSION = 2, not 1"),
    "chapter": (collected(lambda p: [*p[:2], of(GRID[2], 2, chapter="other")]), "two sweeps: chapter = other"),
    "cells": (collected(lambda p: [*p, of(Cell(3), 3, 4)]), "number of cells = 4, not 3"),
    "order": (collected(lambda p: p[::-1]), "its cells are out of order, or twice"),
    "twice": (collected(lambda p: [*p, p[1]]), "its cells are out of order, or twice"),
    "one for another": (collected(lambda p: [p[0], of(Cell(9), 0), p[2]]), "incomplete: 2 of 3 cells"),
    "foreign": (lambda path: rows(GRID[0]).to_parquet(path), r"whole\.parquet: not results of a sweep"),
    "text": (lambda path: path.write_text("?"), r"whole\.parquet: damaged"),
    "folder": (lambda path: [path.unlink(), path.mkdir()], r"whole\.parquet: damaged"),
}


@pytest.mark.parametrize(("spoil", "message"), MIXED.values(), ids=MIXED)
def test_a_file_that_is_not_one_whole_sweep_is_refused(
    whole: Path, spoil: Callable[[Path], object], message: str
) -> None:
    assert len(store.read(whole)[0]) == 9
    spoil(whole)
    with pytest.raises(BadInput, match=message) as error:
        store.read(whole)
    assert "\n" not in str(error.value)


def test_a_renamed_shard_is_refused(tmp_path: Path) -> None:
    to = stored(tmp_path / "toy.parquet")
    path = fill(to)[0]
    path.rename(path.with_name(f"9{path.name[1:]}"))
    with pytest.raises(BadInput, match="it holds what belongs into 0000-"):
        to.survey(GRID)


# Provenance that no sweep of ours writes, with a right checksum.
ODD: dict[str, tuple[dict[str, object], str]] = {
    "seconds": ({"seconds": "a while"}, "seconds = 'a while': "),
    "no seconds": ({"seconds": None}, "seconds = None: "),
    "endless": ({"seconds": math.inf}, "seconds = inf: "),
    "position": ({"position": "first"}, "position = 'first': "),
    "truth": ({"position": True}, "position = True: "),
    "parameters": ({"parameters": None}, "parameters = None: "),
    "cell": ({"cell": [1]}, "cell = .*: "),
    "cells": ({"cells": "3"}, "cells = '3': "),
    "versions": ({"versions": {"numpy": 2}}, "versions.numpy = 2: "),
    "lines": ({"command": ["\n", "x"]}, r"command = \['"),
}


@pytest.mark.parametrize(("change", "message"), ODD.values(), ids=ODD)
def test_a_cell_that_does_not_say_how_it_was_made_is_damaged(
    whole: Path, change: dict[str, object], message: str
) -> None:
    found = parts.read(whole)[0]
    parts.write(whole, [found[0], Part(found[1].table, found[1].made_by | change), found[2]])
    with pytest.raises(BadInput, match=rf"{whole.name}: a cell that does not say how it was made: {message}") as error:
        store.read(whole)
    assert "\n" not in str(error.value)
    assert stored(whole).survey(GRID)[0] == {0, 2}
    assert not stored(whole).finished(GRID)


def test_provenance_that_lacks_something_is_damaged(whole: Path) -> None:
    for key in parts.read(whole)[0][0].made_by:
        before = whole.read_bytes()
        made = [(part.table, {k: v for k, v in part.made_by.items() if k != key}) for part in parts.read(whole)[0]]
        parts.write(whole, [Part(*one) for one in made])
        with pytest.raises(BadInput, match=rf"made: {key}: "):
            store.read(whole)
        whole.write_bytes(before)


NESTED = {"lists": "[" * 9000 + "]" * 9000, "objects": '{"a":' * 900 + "1" + "}" * 900}


@pytest.mark.parametrize(
    "text", ["null", "[]", "{}", '{"common": {}, "parts": null}', *NESTED.values()], ids=lambda text: text[:20]
)
def test_metadata_of_another_form_are_damage(whole: Path, text: str) -> None:
    table = pq.read_table(whole)
    schema = table.schema.remove_metadata()
    with pq.ParquetWriter(whole, schema) as file:
        file.write_table(table.cast(schema))
        file.add_key_value_metadata({b"memgen": text})
    with pytest.raises(BadInput, match=rf"{whole.name}: damaged, or not results of a sweep: ") as error:
        store.read(whole)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


@given(st.floats(allow_nan=False), st.integers(-(2**70), 2**70), st.text(st.characters(exclude_categories=("Cs",))))
def test_any_parameter_comes_back_in_the_provenance(
    tmp_path_factory: pytest.TempPathFactory, x: float, n: int, text: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.parquet"
    made_by = {"position": 0, "parameters": {"x": x, "n": n, "text": text}}
    parts.write(path, [Part(rows(GRID[0]), made_by)])
    (found,), damaged = parts.read(path)
    assert not damaged and found.made_by == made_by
    assert math.copysign(1, found.made_by["parameters"]["x"]) == math.copysign(1, x)


def test_a_finished_sweep_is_read_where_nothing_can_be_written(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to = stored(whole)
    fill(to)  # as if a process had been killed before it could remove the shards

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("mkdir", "unlink", "rmdir", "replace"):
        monkeypatch.setattr(Path, name, deny)
    monkeypatch.setattr(lock.os, "open", deny)
    assert to.finished(GRID)
    to.tidy(GRID)
    assert len(store.read(whole)[0]) == 9
    monkeypatch.undo()
    to.tidy(GRID)
    assert [path.name for path in whole.parent.iterdir()] == [whole.name]


def test_a_name_that_the_disk_refuses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="File name too long"):
        stored(tmp_path / f"{'x' * 300}.parquet").survey(GRID)
    with pytest.raises(BadInput, match="File name too long"):
        stored(tmp_path / f"{'x' * 300}" / "whole.parquet").survey(GRID)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BadInput, match="nothing can be written there: "), lock.alone(tmp_path / "loop" / "x.shards"):
        pass


def test_the_longest_name_is_one_that_can_be_written(tmp_path: Path) -> None:
    """One byte more is refused before there is anything, though the name of the file alone would do."""
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") - len(temporary(Path(".parquet")).name)
    to = stored(tmp_path / "new" / f"{'ü' * (longest // 2)}{'x' * (longest % 2)}.parquet")
    assert not to.finished(GRID)
    fill(to)
    assert len(join(to)) == 9
    over = stored(tmp_path / "newer" / f"{'x' * (longest + 1)}.parquet")
    (tmp_path / over.path.name).touch()
    with pytest.raises(BadInput, match=r"x…: File name too long, by 1 for this disk"):
        over.finished(GRID)
    assert not (tmp_path / "newer").exists()
