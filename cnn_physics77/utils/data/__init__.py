"""``torch.utils.data``: data sets, samplers, the loader."""

from cnn_physics77.core.data import *
from cnn_physics77.core.data import __all__
from cnn_physics77.core.data.registry import registry
from cnn_physics77.core.operations.joining import stack
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.tensor import Tensor, from_numpy

# The room of data lies below Tensors; here it learns what batches are made of.
registry.tensor_type = Tensor
registry.from_array = from_numpy
registry.stack = stack
registry.default_generator = lambda: default_generator.numpy
