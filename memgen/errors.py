"""The two kinds of errors that end a command, each with a message of one line."""


class BadInput(ValueError):
    """Input that cannot be used; the message names it. The command exits with status 2."""


class Failure(Exception):
    """Valid input, but the computation failed. The command exits with status 1."""


def one_line(text: object, width: int = 200) -> str:
    """The text without line breaks, cut to `width` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
