"""Chapter 3, drawn: `numbers` reduces the rows, `drawings` and `hard_edge` draw them, `tables` writes them out.

`fluctuations` does all three for the section on how the determinant fluctuates.
"""

from memgen.figures.linear import drawings, fluctuations, hard_edge, numbers, tables

__all__ = ["drawings", "fluctuations", "hard_edge", "numbers", "tables"]
