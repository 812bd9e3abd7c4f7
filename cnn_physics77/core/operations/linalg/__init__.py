"""Matrix products, einsum, diagonals and triangles."""
