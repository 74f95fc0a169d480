"""Chapter 5, drawn: `numbers` reduces the rows of the sweeps, `drawings` draws them, `tables` writes them out."""

from memgen.figures.network import drawings, numbers, statements, tables

__all__ = ["drawings", "numbers", "statements", "tables"]
