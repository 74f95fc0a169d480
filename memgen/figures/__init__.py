"""What shapes the tables of a chapter and draws its figures, one module a chapter."""
