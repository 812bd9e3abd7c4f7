"""Sums, extremes, moments, cumulative functions."""
