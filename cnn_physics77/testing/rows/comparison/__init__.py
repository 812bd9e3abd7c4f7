"""Comparison, sorting, searching."""
