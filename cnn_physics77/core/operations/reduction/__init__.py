"""Sums, maxima and minima, moments, cumulative functions."""
