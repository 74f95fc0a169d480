"""The two ways in which a command ends badly, each with a message of one line."""


class BadInput(ValueError):
    """Input that cannot be used; the message names it. The command line exits with 2."""


class Failure(Exception):
    """Sound input, and yet no result. The command line exits with 1."""


def one_line(text: object, width: int = 200) -> str:
    """The text without line breaks, cut to a width."""
    line = " ".join(str(text).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
