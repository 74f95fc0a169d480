"""Chapter 11, drawn: `numbers` reduces the rows, `criteria` reads measures of points, `drawings` draws."""
