"""Decompositions and solutions of linear systems: by LAPACK where NumPy offers its routine, else in NumPy."""
