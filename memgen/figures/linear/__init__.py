"""Chapter 3, drawn: `numbers` reduces the rows of the sweep, `drawings` draws them, `tables` writes them out.

`fluctuations` does all three for the section on how the determinant fluctuates.
"""

from memgen.figures.linear import drawings, fluctuations, numbers, tables

__all__ = ["drawings", "fluctuations", "numbers", "tables"]
