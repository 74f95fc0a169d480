"""The two kinds of errors that end a command, each with a message of one line."""

import json
import unicodedata

LONGEST = 490  # characters of a message


class BadInput(ValueError):
    """Input that cannot be used; the message names it. The command exits with status 2."""

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message, LONGEST))  # names of files are in it, and they can be anything


class Failure(Exception):
    """Valid input, but the computation failed. The command exits with status 1."""

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message, LONGEST))


def printable(text: object) -> str:
    """The text with all that is no letter, sign, space or line break written as in JSON, such as \\u001b.

    So no name of a file or title of a notebook can steer a terminal, and every text can be encoded.
    """
    whole = str(text)
    return whole if whole.isprintable() else "".join(map(_written, whole))


def _written(character: str) -> str:
    if character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs":
        return character
    return json.dumps(character)[1:-1] if ord(character) != 127 else "\\u007f"


def one_line(text: object, width: int = 200) -> str:
    """The text without line breaks and control characters, cut to `width` characters."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"
