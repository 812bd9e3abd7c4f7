"""``torch.distributions.constraint_registry``: the transform from unconstrained numbers to a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_physics77.distributions import constraints, transforms


class ConstraintRegistry:
    """For each kind of set a function that makes the transform whose codomain is the set.

    >>> from cnn_physics77.distributions import biject_to, constraints
    >>> biject_to(constraints.positive)
    ExpTransform()
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable] = {}

    def register(self, constraint: Any, factory: Callable | None = None) -> Callable:
        """Make ``factory(constraint)`` the transform for sets of this class; also a decorator.

        Args:
            constraint: a class, or a set of it.
            factory: takes a set of the class and returns a transform.

        Raises:
            TypeError: not a constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError(
                "ConstraintRegistry.register: expected constraint to be either a Constraint subclass or "
                f"instance, but got {constraint}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """The transform to the set.

        Raises:
            NotImplementedError: there is none for sets of its class.
        """
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(
                f"ConstraintRegistry: cannot transform {type(constraint).__name__} constraints; register one"
            )
        return factory(constraint)


biject_to = ConstraintRegistry()
"""``biject_to(set)``: a bijective transform to it."""
transform_to = ConstraintRegistry()
"""``transform_to(set)``: a transform to it, maybe from more numbers than needed; good for optimizers."""


def _real(constraint: Any) -> Any:
    return transforms.identity_transform


def _positive(constraint: Any) -> Any:
    return transforms.ExpTransform()


def _greater_than(constraint: Any) -> Any:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(constraint.lower_bound, 1)]
    )


def _less_than(constraint: Any) -> Any:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(constraint.upper_bound, -1)]
    )


def _interval(constraint: Any) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform(
        [transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)]
    )


def _from_zero(constraint: Any) -> Any:
    bound = constraint.lower_bound
    if isinstance(bound, (int, float)) and bound == 0:
        return _positive(constraint)
    return _greater_than(constraint)


for _registry in (biject_to, transform_to):
    _registry.register(constraints.real, _real)
    _registry.register(constraints.greater_than, _from_zero)
    _registry.register(constraints.greater_than_eq, _from_zero)
    _registry.register(constraints.less_than, _less_than)
    _registry.register(constraints.interval, _interval)
    _registry.register(constraints.half_open_interval, _interval)
    _registry.register(constraints.corr_cholesky, lambda _: transforms.CorrCholeskyTransform())

biject_to.register(constraints.simplex, lambda _: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda _: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda _: transforms.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda _: transforms.PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda _: transforms.PositiveDefiniteTransform())


@biject_to.register(constraints.independent)
def _(constraint: Any) -> Any:
    base = biject_to(constraint.base_constraint)
    return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)


@transform_to.register(constraints.independent)
def _(constraint: Any) -> Any:
    base = transform_to(constraint.base_constraint)
    return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)


@biject_to.register(constraints.cat)
def _(constraint: Any) -> Any:
    return transforms.CatTransform(
        [biject_to(c) for c in constraint.cseq], constraint.dim, constraint.lengths
    )


@transform_to.register(constraints.cat)
def _(constraint: Any) -> Any:
    return transforms.CatTransform(
        [transform_to(c) for c in constraint.cseq], constraint.dim, constraint.lengths
    )


@biject_to.register(constraints.stack)
def _(constraint: Any) -> Any:
    return transforms.StackTransform([biject_to(c) for c in constraint.cseq], constraint.dim)


@transform_to.register(constraints.stack)
def _(constraint: Any) -> Any:
    return transforms.StackTransform([transform_to(c) for c in constraint.cseq], constraint.dim)


__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]
