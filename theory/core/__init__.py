"""What every formula is made of: expressions with their evaluation and proof, averages, special functions."""
