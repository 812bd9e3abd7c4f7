"""The exceptions of the framework. Each is a subclass of the built-in exception that PyTorch raises.

A message has four parts: the operation, what was expected, what was found, and what to do::

    matmul: expected the last size of the first factor to equal the second-to-last size of the second,
    found (2, 3) @ (4, 5); transpose one factor or check the layer's in_features
"""


class ShapeError(ValueError, RuntimeError, IndexError):
    """Sizes, dimensions or indices that do not fit the operation.

    It has three built-in bases because PyTorch raises one or another of them for such input.
    """


class DtypeError(TypeError, RuntimeError):
    """A dtype that the operation does not support."""


class LayoutError(NotImplementedError):
    """A sparse tensor where a dense one is needed, or the other way round."""


class ArgumentError(ValueError, RuntimeError):
    """A value that an argument cannot have, such as a probability above 1.

    It has two built-in bases because PyTorch raises one or the other, by the language that it checks in.
    """


class RangeError(OverflowError, ValueError, RuntimeError):
    """A number that is out of the range of the dtype.

    It has three built-in bases because PyTorch raises one or another of them for such numbers.
    """


class DeviceError(RuntimeError, AssertionError):
    """A device other than the CPU. PyTorch raises one or the other of these for a device that it lacks."""


class GradientError(RuntimeError):
    """A derivative that does not exist, or a graph that has no (second) backward pass."""


class LinAlgError(RuntimeError):
    """A matrix without the inverse or the decomposition that is asked for."""


class IntegerDivisionError(ZeroDivisionError, RuntimeError):
    """An integer division by zero, which has no result."""


class DataError(RuntimeError):
    """A data set that is missing, truncated, or does not match its hash."""


class CheckpointError(RuntimeError):
    """A saved state that is damaged, or does not match the object that loads it."""
