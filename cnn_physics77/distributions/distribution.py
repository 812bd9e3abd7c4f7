"""``torch.distributions.distribution``: what all distributions have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import cnn_physics77 as torch
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.distributions import constraints
from cnn_physics77.distributions.utils import lazy_property


class Distribution:
    """The base class of distributions.

    A sample has the shape (*sample_shape, *batch_shape, *event_shape): independent draws, each of a batch of
    distributions that have their own parameters, and the numbers of one draw, which may depend on each other.

    Args:
        batch_shape: the shape of the parameters, without the dimensions of one draw.
        event_shape: the shape of one draw.
        validate_args: whether parameters and values are checked. Default: as
            :meth:`set_default_validate_args` says, at first True.

    Attributes:
        arg_constraints: for each parameter the set in which it must lie.
        has_rsample: whether samples are differentiable functions of the parameters.
        has_enumerate_support: whether the values are finitely many.

    Raises:
        ValueError: a parameter does not lie in its set.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: ClassVar[dict[str, Any]] = {}
    _batched: ClassVar[tuple[str, ...]] = ()
    """The attributes that have the dimensions of the batch: :meth:`expand` expands them."""
    _validate_args = __debug__

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape = torch.Size(batch_shape)
        self._event_shape = torch.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if constraints.is_dependent(constraint):
                    continue
                if name not in vars(self) and isinstance(getattr(type(self), name, None), lazy_property):
                    continue
                value = getattr(self, name)
                if not constraint.check(value).array.all():
                    raise ValueError(
                        f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) "
                        f"of distribution {self!r} to satisfy the constraint {constraint!r}, "
                        f"but found invalid values:\n{value}"
                    )
        super().__init__()  # of what a subclass is besides

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check parameters and values, if they are not told.

        Raises:
            ValueError: not a bool.
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, found {value!r}")
        Distribution._validate_args = bool(value)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The distribution with parameters that are expanded to another ``batch_shape``.

        >>> from cnn_physics77.distributions import Normal
        >>> Normal(0.0, 1.0).expand((3,)).batch_shape
        torch.Size([3])
        """
        if not self._batched:
            raise NotImplementedError(f"{type(self).__name__}: expand is not defined")
        batch_shape = torch.Size(batch_shape)
        made = self._get_checked_instance(type(self), _instance)
        for name, value in vars(self).items():
            if isinstance(getattr(type(self), name, None), lazy_property) and name not in self._batched:
                continue  # it is computed again when it is asked for
            if name in self._batched:
                if isinstance(value, Distribution):
                    value = value.expand(batch_shape + self._extra_batch(value))
                elif isinstance(value, Tensor):
                    value = value.expand(batch_shape + value.shape[len(self._batch_shape) :])
            setattr(made, name, value)
        made._batch_shape = batch_shape
        return made

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """A new object of this class, or ``_instance``: for the ``expand`` of a subclass."""
        return object.__new__(type(self)) if _instance is None else _instance

    def _extra_batch(self, base: Distribution) -> Any:
        """The dimensions of the batch of a distribution inside this one that are none of this batch."""
        return base._batch_shape[len(self._batch_shape) :]

    @property
    def batch_shape(self) -> Any:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Any:
        """The shape of one draw."""
        return self._event_shape

    @property
    def support(self) -> Any:
        """The set in which samples lie."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The value of the highest probability or density."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The expected squared distance from the mean."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws of the default generator; constants."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws that are differentiable functions of the parameters: reparametrized."""
        raise NotImplementedError(f"{type(self).__name__} does not implement rsample; use sample")

    def sample_n(self, n: int) -> Tensor:
        """Deprecated: ``sample((n,))``."""
        warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability or density at ``value``; of its shape without ``event_shape``.

        Raises:
            ValueError: ``value`` is not a tensor, does not fit the shapes, or is outside of the support.
        """
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of at most ``value``."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile: the inverse of :meth:`cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, along a new first dimension; ``expand`` repeats them for the batch."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The expected value of -log p, in nats, for each distribution of the batch."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return torch.exp(self.entropy())

    def _extended_shape(self, sample_shape: Any = ()) -> Any:
        """The shape of samples."""
        return torch.Size(sample_shape) + self._batch_shape + self._event_shape

    def _support_values(self, values: Tensor, expand: bool) -> Tensor:
        """:meth:`enumerate_support` for distributions of single numbers."""
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def _validate_sample(self, value: Tensor) -> None:
        """Raise a ValueError if ``value`` cannot be a sample."""
        name = type(self).__name__
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{name}: the value argument to log_prob must be a Tensor, found {type(value).__name__}; use "
                "torch.tensor() first"
            )
        event_dim = len(self._event_shape)
        start = value.ndim - event_dim
        if start < 0 or tuple(value.shape[start:]) != tuple(self._event_shape):
            raise ValueError(
                f"{name}: the right-most size of value must match event_shape, {tuple(self._event_shape)}, "
                f"found {tuple(value.shape)}"
            )
        try:
            torch.broadcast_shapes(value.shape[:start], self._batch_shape)
        except (RuntimeError, ValueError):
            raise ValueError(
                f"{name}: value is not broadcastable with batch_shape + event_shape, "
                f"{(*self._batch_shape, *self._event_shape)}, found {tuple(value.shape)}"
            ) from None
        try:
            support = self.support
        except NotImplementedError:
            warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation."
            )
            return
        if not support.check(value).array.all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be "
                f"within the support ({support!r}) of the distribution {self!r}, but found invalid "
                f"values:\n{value}"
            )

    def __repr__(self) -> str:
        names = [name for name in self.arg_constraints if name in vars(self)]
        values = [vars(self)[name] for name in names]
        shown = [f"{n}: {v.item() if v.numel() == 1 else v.size()}" for n, v in zip(names, values)]
        return f"{type(self).__name__}({', '.join(shown)})"


__all__ = ["Distribution"]
