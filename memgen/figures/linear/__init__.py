"""Chapter 3, drawn: `numbers` reduces the rows, `drawings` and `hard_edge` draw them, `tables` writes them out."""

from memgen.figures.linear import drawings, hard_edge, numbers, tables

__all__ = ["drawings", "hard_edge", "numbers", "tables"]
