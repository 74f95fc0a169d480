"""Tables and figures of chapter 8: the map, clones and entropy beside published numbers, collapse of single points."""
