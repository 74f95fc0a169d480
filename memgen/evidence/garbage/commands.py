"""Command lines of every command, with spoilt arguments and files. What would compute for long is not begun."""

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from memgen.app.cli import main
from memgen.errors import one_line
from memgen.evidence.garbage.judge import LONGEST, Outcome

Draws = np.random.Generator

_WORDS = (
    "", " ", "-", "--", "-o", "-5", "{seed}", "{}", "%s", "\x1b[31mred", "a\nb", "x" * 5000, "\udcff", "a\0b", "../..",
    "/", "~", "é", "null", "[]", "[1,", "[" * 20_000, "1e309", "nan", "-inf", "-1", "0", "1.5", "3", "1" * 31,
    "9" * 5000, "__init__", "a.b", "\u202e", "\x9b2J", "'; ls", "none.npy", "page", "garbage", "tcp://", "os:getcwd",
    "no:no", ":",
)  # fmt: skip
_TABLES = ("good.npy", "few.npy", "bad.npy", "good.csv", "text.csv", "images", "loop", "pipe", "empty", "other.npy")
_BOOKS = tuple(f"{k:02d}_bad.ipynb" for k in range(14))
_CHAPTERS = ("01", "linear", "03_linear_denoiser", *_BOOKS)
_EXPERIMENTS = ("linear", "kernel", "alarms", "transition")
_NAMES = ("seed", "d", "n", "preset", "sizes", "module", "seeds", "replicas", "tau")
_OUT = ("out", "loop", "pipe", "good.npy", "empty", "good.npy/out", "empty/a/b")
_P, _JSON, _REPORT, _TO = ("-p", _NAMES), ("!--json", ()), ("--report", ("page.html", *_OUT)), ("--out", _OUT)

# For each command its options, "" for an argument and "!" before a flag without value, each with sound words.
_TEMPLATES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "list": (("", _CHAPTERS), ("", _CHAPTERS), _JSON),
    "run": (("", _CHAPTERS), ("", _CHAPTERS), _TO, _P, _P, ("--jobs", ("1", "9" * 9)), _JSON),
    "refresh": (("--jobs", ("1", "2")), ("", ())),
    "book": (("--from", ("books", "out", "loop", "empty", "one")), ("--to", _OUT)),
    "formula": (("", ("noise_variance", "ou.noise_variance")), ("--as", ("text", "latex", "c")), _JSON),
    "sweep": (
        ("", _EXPERIMENTS), ("--preset", ("smoke", "paper")), _TO, ("--name", ("a", "b-1")), ("--workers", ("1", "2")),
        ("--executor", ("processes", "dask")), ("--scheduler-address", ("tcp://",)), _P, _P,
    ),
    "claims": (("", ("none",)), ("", ("C99",)), _JSON),
    "predict": (
        ("", _TABLES), ("--n", ("100",)), ("--sigma", ("0.5",)), ("--batch", ("4",)), ("--augmentation", ("2",)),
        ("--seed", ("1",)), _REPORT, _JSON,
    ),
    "audit": (
        ("--train", _TABLES), ("--generated", _TABLES), ("--holdout", _TABLES), ("--groups", ("groups.txt", *_TABLES)),
        ("--features", ("numpy:abs", "numpy:pi", "numpy:sum")), ("--copies", ("0.1",)), ("--seed", ("1",)),
        _REPORT, _JSON, ("--fail-on", ("memorized",)),
    ),
    "": (("", ("list", "fly")), ("", ("--help",))),
}  # fmt: skip
COMMANDS = tuple(_TEMPLATES)
_VALUES = ("1", "0.5", "smoke", "[2, 3]", "null")
_NEEDED = 1  # words that are always there: without them every command line would say only that


class Reached(Exception):
    """The command line was accepted, and what follows is a computation."""


def line(command: str, rng: Draws) -> list[str]:
    """A command line of sound and of spoilt words, drawn at random."""
    spoilt = rng.random() < 0.9
    words = [command] if command else []
    for k, (option, sound) in enumerate(_TEMPLATES[command]):
        if k >= _NEEDED and rng.random() < 0.5:
            continue
        if option.startswith("!"):
            words.append(option[1:])
            continue
        wrong = not sound or (spoilt and rng.random() < 0.4)
        word = _WORDS[rng.integers(len(_WORDS))] if wrong else sound[rng.integers(len(sound))]
        words += [option, word] if option else [word]
        if option == "-p":
            values = _WORDS if spoilt and rng.random() < 0.5 else _VALUES
            words.append(values[rng.integers(len(values))])
    return words


def prepare(folder: Path) -> None:
    """Write the files that command lines name."""
    x = np.random.default_rng(0).standard_normal((12, 2))
    np.save(folder / "good.npy", x)
    np.save(folder / "few.npy", x[:3])
    np.save(folder / "other.npy", np.ones((12, 3)))
    np.save(folder / "bad.npy", np.full((12, 2), np.nan))
    (folder / "good.csv").write_text("a,b\n" + "\n".join(f"{a},{b}" for a, b in x))
    (folder / "text.csv").write_text("a,\x1b[31mb\n1,\x1b[2Jx\n")
    (folder / "groups.txt").write_text("\n".join("a" * 24))
    for name in ("images", "empty", "books", "one"):
        (folder / name).mkdir()
    (folder / "images" / "\x1b[31mred.png").write_bytes(b"no image")
    (folder / "loop").symlink_to("loop")
    (folder / "pipe").touch()
    for place in (folder, folder / "books"):
        for name, content in zip(_BOOKS, _notebooks(), strict=True):
            (place / name).write_text(content)
    (folder / "one" / "01_x.ipynb").write_text(next(_notebooks()))


def _notebooks() -> Iterator[str]:
    """Yield the content of files that are no notebooks, or notebooks with little in them."""
    deep = "[" * 50_000 + "]" * 50_000
    named = {"memgen": {"experiment": "linear"}}
    head = {"metadata": named, "nbformat": 4, "nbformat_minor": 5}
    code: dict[str, Any] = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "id": "a"}
    code |= {"outputs": [], "execution_count": None}
    title = {"cell_type": "markdown", "metadata": {}, "source": "# \x1b[31mred \x9b2J", "id": "b"}
    yield from ("null", "[]", "{}", "", "{", deep, f'{{"cells": {deep}, "metadata": {json.dumps(named)}}}')
    yield json.dumps(head)
    yield json.dumps(head | {"cells": []})
    yield json.dumps(head | {"cells": [None, 3]})
    yield json.dumps(head | {"cells": [title]})
    yield json.dumps(head | {"cells": [title, code | {"source": "x = (("}]})
    yield json.dumps(head | {"cells": [title, code | {"source": "seed = 1  # \x1b]0;title\x07\nd = f(3)"}]})
    yield json.dumps(head | {"metadata": {"memgen": {"experiment": "\x1b[31mred"}}, "cells": [title]})


def run(words: list[str], folder: Path) -> Outcome:
    """Run a command line in a folder; the outcome says how it ended and what was wrong with that, or its output."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            _nothing_long(),
            chdir(folder),
            redirect_stdout(out),
            redirect_stderr(err),
            patch.object(sys, "path", list(sys.path)),
        ):
            status = main(words)
    except Reached:
        return Outcome("accepted", _printed(out.getvalue(), err.getvalue()))
    except BaseException as error:  # SystemExit, too, is none of main's ways to end
        return Outcome(type(error).__name__, f"raises {type(error).__name__}: {one_line(error, 160)}")
    said = re.sub(r"\r[^\r\n]*", "", err.getvalue())  # progress bars
    if wrong := _printed(out.getvalue(), said):
        return Outcome(f"status {status}", wrong)
    if status in (0, 3):
        return Outcome(f"status {status}", "")
    *notes, last = said.splitlines() or [""]
    if status not in (1, 2):
        return Outcome(f"status {status}", "a status that is not documented")
    if not last.startswith("memgen: ") or len(last) > LONGEST:
        return Outcome(f"status {status}", f"ends without a line that says why: {one_line(last, 160)}")
    if strange := [
        note for note in notes if not re.match(r"(train|generated|holdout|data): |.*: (computed again|started)", note)
    ]:
        return Outcome(f"status {status}", f"prints more than a line: {one_line(strange[0], 160)}")
    return Outcome(f"status {status}", "")


def _printed(out: str, err: str) -> str:
    for text in (out, err):
        if found := re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202e]", text):
            return f"prints the control character {found[0]!r}: {one_line(text[max(0, found.start() - 40) :], 80)}"
    return "prints a traceback" if "Traceback" in err else ""


@contextmanager
def _nothing_long() -> Iterator[None]:
    """Replace what computes or writes by stand-ins that raise `Reached`, as the command line was accepted."""

    def reached(*given: object, **named: object) -> None:
        raise Reached

    long = (
        "memgen.app.notebooks.run",
        "memgen.runs.sweep.sweep",
        "memgen.app.book.write_source",
        "memgen.app.refresh.refresh",
    )
    with ExitStack() as stack:
        stack.enter_context(patch("memgen.app.say.PATIENCE", 600))
        for name in long:
            stack.enter_context(patch(name, reached))
        yield
