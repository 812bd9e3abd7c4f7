"""``torch.distributions.chi2``."""

from __future__ import annotations

from typing import Any, ClassVar

from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.gamma import Gamma


class Chi2(Gamma):
    r"""The distribution of the sum of ν squares of standard normal numbers: gamma with α = ν/2, β = 1/2.

    Args:
        df: the degrees of freedom ν > 0.

    >>> from cnn_physics77.distributions import Chi2
    >>> Chi2(3.0).mean, Chi2(3.0).variance
    (tensor(3.), tensor(6.))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """ν."""
        return self.concentration * 2


__all__ = ["Chi2"]
