"""One module a chapter: Params (typed, frozen), grid() and cell(), a pure function of one grid cell.

Some chapters have more than one: 3 `fluctuations`; 4 `rise`; 6 `trained`; 9 `few_steps`; 10 `lazy`, `loss_parts`,
`autoencoder` and `truncated`; 13 `exposure`, `orbits` and `plane`; 14 `audit`; 15 `sensitivity`. The chapter's
notebook, or the ledger, reads their stored rows.
"""

import importlib
import pkgutil
from types import ModuleType

from memgen.errors import BadInput, one_line


def load(name: str) -> ModuleType:
    """The module of the experiment of that name, here or in memgen.evidence. BadInput if there is none.

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
    raise BadInput(f"unknown experiment {one_line(name, 60)!r} (known: {', '.join(sorted(names()))})")


def names() -> set[str]:
    """The names of the experiments of this folder."""
    return {module.name for module in pkgutil.iter_modules(__path__)}
