"""Chapter 3, drawn: `numbers` reduces the rows of the sweep, `drawings` draws them, `tables` writes them out."""

from memgen.figures.linear import drawings, numbers, tables

__all__ = ["drawings", "numbers", "tables"]
