"""The exceptions of the framework, each a kind of the built-in one that PyTorch raises in its place.

A message has four parts: the operation, the relation that was expected, both sides as found, the way out::

    matmul: expected the last size of the first factor to equal the second-to-last size of the second,
    found (2, 3) @ (4, 5); transpose one factor or check the layer's in_features
"""


class ShapeError(ValueError, RuntimeError, IndexError):
    """Sizes, dimensions or indices that do not fit the operation.

    It is all three of the built-in kinds because PyTorch raises one or another of them for such input.
    """


class DtypeError(TypeError, RuntimeError):
    """An element type that the operation does not take."""


class RangeError(OverflowError, ValueError, RuntimeError):
    """A number that the element type cannot hold.

    It is all three of the built-in kinds because PyTorch raises one or another of them for such numbers.
    """


class GradientError(RuntimeError):
    """A derivative that does not exist, or a graph that cannot be walked (again)."""


class IntegerDivisionError(ZeroDivisionError, RuntimeError):
    """Integers divided by zero, for which integers have no value."""


class DataError(RuntimeError):
    """A data set that is missing, truncated or not what its hash says."""


class CheckpointError(RuntimeError):
    """A saved state that is damaged, or does not fit what it is loaded into."""
