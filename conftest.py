"""Loads the package before pytest collects the examples of its modules one by one.

An operation module imported first, by itself, would declare its operations twice.
"""

import cnn_physics77  # noqa: F401
