"""Indexing, slicing, joining, and changes of shape, order and dtype."""
