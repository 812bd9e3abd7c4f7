"""Creation of tensors, filled with numbers, ranges or random numbers."""
