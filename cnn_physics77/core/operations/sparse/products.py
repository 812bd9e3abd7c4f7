r"""The product of a sparse matrix, given by its stored elements, with a dense one; and its adjoint.

With rows i and columns j of the elements e, *weighted_rows* is :math:`y_m = \sum_{e:\ i_e = m} a_e\, b_{j_e}`
and *inner_products* is :math:`y_e = g_{i_e} \cdot b_{j_e}`. Each is linear in both operands, and they are
each other's derivatives.
"""

from __future__ import annotations

from cnn_physics77.core.kernels import rows as kernels
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.pointwise.arithmetic import conj


@operation(name="weighted_rows")
def weighted_rows(a, b, rows, columns, *, count):
    """y_m = Σ a_e b_(j_e) over the e with i_e = m; ``count`` is the number of rows of y"""
    return kernels.weighted_rows(a, rows, columns, b, count)


@weighted_rows.derivative("a")
def _(g, b, rows, columns):
    return inner_products(g, conj(b), rows, columns)


@weighted_rows.derivative("b")
def _(g, a, b_shape, rows, columns):
    return weighted_rows(conj(a), g, columns, rows, count=b_shape[0])


@operation(name="inner_products")
def inner_products(g, b, rows, columns):
    """y_e = g_(i_e) · b_(j_e)"""
    return kernels.inner_products(g, rows, b, columns)


@inner_products.derivative("g")
def _(v, g_shape, b, rows, columns):
    return weighted_rows(v, conj(b), rows, columns, count=g_shape[0])


@inner_products.derivative("b")
def _(v, g, b_shape, rows, columns):
    return weighted_rows(v, conj(g), columns, rows, count=b_shape[0])
