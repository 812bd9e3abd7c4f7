"""The package is imported as a whole before pytest collects the examples of its modules one by one: an operation module
imported first, by itself, would declare its operations twice."""

import cnn_physics77  # noqa: F401
