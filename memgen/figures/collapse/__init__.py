"""What chapter 8 shows: the map, clones and entropy beside published numbers, and the collapse of single points."""
