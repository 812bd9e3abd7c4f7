"""What the rows of gather and scatter cannot say: derivatives that PyTorch does not give."""

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.autograd import grad, gradcheck, gradgradcheck


def variables(*values):
    return [ours.tensor(v, dtype=ours.float64, requires_grad=True) for v in values]


@pytest.mark.parametrize("include_self", [True, False])
def test_product_of_several_zeros_has_all_its_derivatives(include_self):
    x, src = variables([2.0, 0.0, 3.0], [0.0, 5.0, 0.0, 0.0, 2.0, 0.0, 7.0, 0.0])
    index = ours.tensor([0, 0, 0, 1, 1, 2, 2, 1])

    def product(x, src):
        return ours.scatter_reduce(x, 0, index, src, "prod", include_self=include_self)

    assert gradcheck(product, (x, src))
    assert gradgradcheck(product, (x, src))


def test_third_derivative_of_a_product_of_three_zeros():
    (src,) = variables([0.0, 0.0, 0.0])
    y = ours.scatter_reduce(ours.ones(1, dtype=ours.float64), 0, ours.tensor([0, 0, 0]), src, "prod")
    first = grad(y.sum(), src, create_graph=True)[0]
    second = grad(first[0], src, create_graph=True)[0]
    assert grad(second[1], src)[0].tolist() == [0, 0, 1]  # y = abc: d³y / da db dc = 1


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_gradient_of_a_source_longer_than_its_index(reduce):
    rng = np.random.default_rng(0)
    x, src = variables(rng.normal(size=(3, 4)), rng.normal(size=(4, 5)))
    index = ours.tensor([[0, 3, 3], [1, 1, 0]])
    assert gradcheck(lambda x, src: ours.scatter_reduce(x, 1, index, src, reduce), (x, src))
