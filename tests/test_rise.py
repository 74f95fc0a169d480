"""The rise of P(Δ > 0) on a finer grid."""

import numpy as np

from memgen.experiments import rise, transition
from memgen.runs.store import load


def test_rows_are_those_of_the_transition_where_both_have_them() -> None:
    at = next(cell for cell in rise.grid(rise.Params(preset="paper")) if (cell.d, cell.n) == (16, 24))
    found = rise.cell(at._replace(replicas=2))
    keys = ["study", "d", "n", *transition.Choice._fields, "replica", "measure"]
    both = found.merge(load("transition")[0], on=keys)
    assert len(both) == len(found) == 2 * 2 * 7 and np.allclose(both["value_x"], both["value_y"], rtol=1e-9)


def test_the_grid_has_each_place_once() -> None:
    cells = rise.grid(rise.Params())
    assert len({(cell.d, cell.n) for cell in cells}) == len(cells) == sum(map(len, rise.COUNTS.values()))
    assert all(cell.tau == transition.grid(transition.Params())[0].tau for cell in cells)
