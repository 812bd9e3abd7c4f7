"""Matrix products, contractions, diagonals."""
