"""``torch.nested``: tensors have one size in each dimension; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "as_nested_tensor masked_select narrow nested_tensor nested_tensor_from_jagged to_padded_tensor",
    "no tensors of several sizes; pad them, see torch.nn.utils.rnn.pad_sequence",
)
