"""One module a chapter: Params (typed, frozen), grid() and cell(), a pure function of one grid cell.

`fluctuations` is a second one of chapter 3, of which it reads the stored rows; `lazy`, `autoencoder` and `truncated`
are others of chapter 10, `exposure`, `orbits` and `plane` of chapter 13, `sensitivity` of chapter 15.
"""

import importlib
from types import ModuleType

from memgen.errors import BadInput, one_line


def load(name: str) -> ModuleType:
    """The experiment of that name, here or in memgen.evidence. BadInput if there is none.

    If its own imports fail, that error is raised.
    """
    named = all(part.isidentifier() and not part.startswith("_") for part in name.split("."))
    for room in (__name__, "memgen.evidence") if named else ():
        module = f"{room}.{name}"
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
        else:
            if hasattr(found, "Params"):  # what has none is no experiment, such as the page of the evidence
                return found
    raise BadInput(f"there is no {__name__}.{one_line(name, 60)}")
