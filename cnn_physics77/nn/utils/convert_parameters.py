"""``torch.nn.utils.convert_parameters``: parameters as a vector."""

from cnn_physics77.nn.utils import parameters_to_vector, vector_to_parameters

__all__ = ["parameters_to_vector", "vector_to_parameters"]
