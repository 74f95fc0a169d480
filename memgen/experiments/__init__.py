"""One module a chapter: Params (typed, frozen), grid() and cell(), a pure function of one grid cell.

`fluctuations` is a second one of chapter 3, of which it reads the stored rows; `exposure`,
`orbits` and `plane` are others of chapter 13.
"""

import importlib
from types import ModuleType

from memgen.errors import BadInput


def load(name: str) -> ModuleType:
    """The experiment of that name. BadInput if there is none; if its own imports fail, that error is raised."""
    module = f"{__name__}.{name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise BadInput(f"there is no {module}") from None
