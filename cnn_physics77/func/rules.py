"""How an operation is computed for a whole batch: by its rule, or in a loop.

A rule gets the tensors of all examples, whose first dimension counts them, and those that the examples share.
It returns what the operation does, with that dimension first. It consists of operations, so it nests and can
be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from cnn_physics77.core.operations.base.operation import Operation
from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.operations.linalg.eigen import eigvals, eigvalsh
from cnn_physics77.core.operations.linalg.svd import svdvals
from cnn_physics77.core.tensor import from_array
from cnn_physics77.func import dimensions, indices, networks
from cnn_physics77.func.batched import Batch, Batched, innermost, is_of, of_example, say, stacked, value_of
from cnn_physics77.func.call import Call


def compute(
    operation: Operation, tensors: Sequence, forward: Callable, *arrays: Any, **parameters: Any
) -> Any:
    """What the forward of the operation returns for these arrays, some of which may be :class:`.Batched`."""
    batch = innermost((*arrays, *parameters.values()))
    if batch is None:
        return forward(*arrays, **parameters)
    inputs: list[Any] = [
        t if t is None or t.array is a else from_array(a) for t, a in zip(tensors, arrays)
    ]  # unary functions convert integers
    mapped = [is_of(batch, x) for x in inputs]
    values = [value_of(x, batch) for x in inputs]
    rule = dimensions.elementwise if operation.elementwise is not None else RULES.get(operation.name)
    if operation.name not in INDEXED and innermost(parameters.values()) is batch:
        rule = None
    result = None if rule is None else rule(Call(operation, batch, values, mapped, parameters))
    if result is None:
        say(operation.name)
        results = [
            operation(*of_example(tuple(inputs), batch, i), **of_example(parameters, batch, i))
            for i in range(max(batch.size, 1))
        ]
        return _as_forward(operation, stacked(results, batch, stack))
    return _as_forward(operation, _of_batch(result, batch))


def _of_batch(result: Any, batch: Batch) -> Any:
    if isinstance(result, (tuple, list)):
        return tuple(_of_batch(each, batch) for each in result)
    return None if result is None else Batched(result, batch)


def _as_forward(operation: Operation, result: Any) -> Any:
    """A forward returns several outputs as a list, and further results of an operation in a tuple with it."""
    if operation.extras:
        output, *extras = result
        return (list(output) if isinstance(output, tuple) else output, *extras)
    return list(result) if isinstance(result, tuple) else result


_ALIKE = """
binary_cross_entropy binary_cross_entropy_with_logits clamp complex copy dropout elu elu_gradient frexp
from_edge gelu fake_quantize gelu_gradient hardshrink hardsigmoid hardswish hardtanh huber keep ldexp
leaky_relu masked_fill nan_to_num polygamma relu relu_gradient rrelu silu silu_gradient sinc softplus
softplus_gradient softshrink threshold where
"""
_FREE = """
adjugate amax amin cast cat cholesky clone cumprod cumsum det diagonal eig eigh expand_reduced fft_c2c
fft_c2r fft_r2c flip gather geqrf identity imag inv ldl_factor log_softmax log_softmax_gradient logcumsumexp
logsumexp lu_factor matmul matrix_exp mean permute prod put_diagonal put_slice real recurrence resample
resample_adjoint reshape roll scatter scatter_add scatter_extreme scatter_prod shifted slice sliding_windows
sliding_windows_sum slogdet softmax softmax_gradient solve solve_triangular split stack sum svd tril triu
unbind var view_as_complex view_as_real
"""
_FOLDED = """
adaptive_average_pool adaptive_average_pool_gradient adaptive_max_pool average_pool average_pool_gradient fold
fractional_max_pool max_pool_gather max_pool_scatter max_unpool over_channels over_taps unfold
"""

RULES: dict[str, Callable[[Call], Any]] = {
    **dict.fromkeys(_ALIKE.split(), dimensions.alike),
    **dict.fromkeys(_FREE.split(), dimensions.free),
    **dict.fromkeys(_FOLDED.split(), networks.folded),
    "batch_norm": partial(networks.in_channels, vectors=(1, 2, 3, 4)),
    "batch_norm_gradient": partial(networks.in_channels, vectors=(2, 3, 4)),
    "channel_expand": networks.channels_expanded,
    "channel_sum": networks.channels_summed,
    "constant_in": dimensions.beside,
    "convolution": networks.convolved,
    "convolution_gradients": networks.both_convolved,
    "convolution_input_gradient": networks.convolved,
    "convolution_weight_gradient": networks.weights_convolved,
    "cross_entropy": networks.cross_entropy,
    "cross_entropy_gradient": networks.cross_entropy_gradient,
    "drawn": dimensions.drawn,
    "eigvals": partial(dimensions.by_function, eigvals),
    "eigvalsh": partial(dimensions.by_function, eigvalsh),
    "embedding": indices.looked_up,
    "embedding_gradient": indices.rows_gathered,
    "expand": dimensions.expanded,
    "group_norm": partial(networks.in_channels, vectors=(1, 2)),
    "group_norm_gradient": partial(networks.in_channels, vectors=(2,)),
    "index_add": indices.index_added,
    "inner_products": indices.sparse_product,
    "index_put": indices.assigned,
    "ldl_solve": partial(dimensions.of_matrices, own=(2, 2, 1)),
    "layer_norm": networks.layer_normalized,
    "layer_norm_gradient": networks.layer_gradient,
    "linear": networks.transformed,
    "linear_bias_gradient": networks.rows_summed,
    "linear_input_gradient": networks.transformed_back,
    "linear_weight_gradient": networks.outer,
    "max_pool": networks.pooled_max,
    "nll": networks.class_losses,
    "nll_divisor": networks.class_weights,
    "nll_gradient": networks.class_losses,
    "pad": dimensions.padded,
    "pick": indices.picked,
    "pinv": partial(dimensions.of_matrices, own=(2, 0, 0)),
    "put_add": indices.added,
    "qr": dimensions.factored,
    "sum_to": dimensions.summed,
    "svdvals": partial(dimensions.by_function, svdvals),
    "view_scatter": dimensions.scattered,
    "weighted_rows": indices.sparse_product,
}
"""The rule of each operation by its name; those of :mod:`.base.elementwise` have one in common. A rule that
returns None leaves the call to the loop."""

INDEXED = frozenset({"drawn", "index_put", "pick", "put_add"})
"""The operations whose rules take parameters that differ from example to example."""

__all__ = ["RULES", "compute"]
