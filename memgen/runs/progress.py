"""How far a sweep is, on stderr: a bar in a terminal, lines in a log."""

import sys
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

EVERY = 30  # seconds between lines


def bar(cells: int) -> tqdm:
    """A progress bar if stderr is a terminal; otherwise nothing is shown."""
    return tqdm(total=cells, file=sys.stderr, disable=not sys.stderr.isatty(), unit="cell")


def bar_or_lines(name: str, done: int, cells: int) -> tqdm:
    """A progress bar if stderr is a terminal, otherwise lines; nothing is shown if all cells are done already."""
    words = {"desc": name, "initial": done, "total": cells, "file": sys.stderr, "disable": done == cells}
    if sys.stderr.isatty():
        return tqdm(**words, unit="cell")
    form = "{desc}: {n_fmt} of {total_fmt} cells, {elapsed} so far, {remaining} left"
    return _Lines(**words, mininterval=EVERY, miniters=1, bar_format=form)


class _Lines(tqdm):
    """Progress in plain lines, for a log."""

    disable = True  # until it has begun: an interrupt may come sooner

    @staticmethod
    def status_printer(file: TextIO) -> Callable[[str], None]:
        return lambda line: print(line, file=file, flush=True)

    def clear(self, *_: object, **__: object) -> None:
        """Do nothing before other output: printed lines stay."""

    def close(self) -> None:
        if not self.disable and hasattr(self, "sp"):  # what prints: an interrupt may come before there is one
            self.refresh()
            self.disable = True
            self._decr_instances(self)
