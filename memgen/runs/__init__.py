"""From typed parameters to stored rows: a grid of cells on any executor, interrupted and resumed."""
