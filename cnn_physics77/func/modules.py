"""Modules as functions of their parameters: for transforms, and for ensembles of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.tensor import Tensor


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with other parameters and buffers, for this call alone.

    A given buffer that the module changes in place, such as a running mean, is changed in that tensor. One
    that it assigns anew is put into the given dict.

    Args:
        module: not changed, but for buffers of its own that it changes and that are not given.
        parameter_and_buffer_dicts: tensors by dotted name, or a sequence of such dicts. Those that are not
            named stay those of the module.
        args: a tuple of positional arguments, or the only one.
        kwargs: the keyword arguments.
        tie_weights: a tensor that the module has under several names is replaced under all of them.
        strict: names that are missing, or that the module does not have, are errors.

    Raises:
        ValueError: not a dict or a sequence of dicts; a name in several of them; several tensors for one that
            is tied.
        RuntimeError: names do not match, with ``strict``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> line = nn.Linear(1, 1)
    >>> weights = {"weight": torch.tensor([[2.0]]), "bias": torch.tensor([1.0])}
    >>> torch.func.functional_call(line, weights, torch.tensor([3.0]))
    tensor([7.])
    """
    given = _merged(parameter_and_buffer_dicts)
    own = {
        f"{path}.{name}" if path else name: (tensors, name)
        for path, part in module.named_modules(remove_duplicate=False)
        for tensors in (part._parameters, part._buffers)
        for name in tensors
    }
    values = dict(given)
    if tie_weights:
        values |= _tied(own, given)
    missing, unexpected = [n for n in own if n not in values], [n for n in given if n not in own]
    if strict and (missing or unexpected):
        raise RuntimeError(
            f"functional_call: Error(s) in reparametrizing for {type(module).__name__}: missing key(s) "
            f"{missing}, unexpected key(s) {unexpected}; expected the names of its parameters and buffers"
        )
    before = [(*own[key], own[key][0][own[key][1]]) for key in values if key in own]
    try:
        for key, value in values.items():
            if key in own:
                tensors, name = own[key]
                tensors[name] = value
        args = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*args, **(kwargs or {}))
    finally:
        try:
            for key, value in given.items():
                if key in own:
                    tensors, name = own[key]
                    if name in tensors and tensors[name] is not value:
                        _put(parameter_and_buffer_dicts, key, tensors[name])
        finally:
            for tensors, name, value in before:
                tensors[name] = value


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (tuple, list)) or not all(isinstance(each, dict) for each in dicts):
        raise ValueError(
            "functional_call: expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, "
            f"but got {type(dicts).__name__}"
        )
    names = [name for each in dicts for name in each]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"functional_call: {repeated} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous; leave each in one of them"
        )
    return {name: value for each in dicts for name, value in each.items()}


def _put(dicts: Any, key: str, value: Tensor) -> None:
    for each in (dicts,) if isinstance(dicts, dict) else dicts:
        if key in each:
            each[key] = value


def _tied(own: dict, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """What was given for one of several names of a tensor, for the others."""
    names: dict[int, list[str]] = {}
    for key, (tensors, name) in own.items():
        if tensors[name] is not None:
            names.setdefault(id(tensors[name]), []).append(key)
    found: dict[str, Tensor] = {}
    for group in names.values():
        values = {id(given[key]): given[key] for key in group if key in given}
        if len(values) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(group)}, which are tied. Consider "
                "using tie_weights=False"
            )
        found |= dict.fromkeys(group, *values.values()) if values else {}
    return found


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and buffers of several models together, for :func:`vmap` over the models.

    Args:
        models: of one class, all in training mode or all in evaluation mode.

    Returns:
        (parameters, buffers), by name, with a new first dimension that counts the models. The parameters are
        new leaves; those of the models are not changed.

    Raises:
        RuntimeError: no model, models of several classes, in several modes, or of which only some require
            grad.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> from cnn_physics77.func import functional_call, stack_module_state, vmap
    >>> models = [nn.Linear(3, 1) for _ in range(5)]
    >>> params, buffers = stack_module_state(models)
    >>> params["weight"].shape
    torch.Size([5, 1, 3])
    >>> vmap(lambda p, x: functional_call(models[0], p, x), in_dims=(0, None))(params, torch.ones(2, 3)).shape
    torch.Size([5, 2, 1])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: expected at least one model, got 0")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: expected all models to be of the same class, found several")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: expected all models to have the same training/eval mode, found both; call "
            "train() or eval() on all"
        )
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return (
        {name: _stacked([each[name] for each in parameters]) for name in parameters[0]},
        {name: _stacked([each[name] for each in buffers]) for name in buffers[0]},
    )


def _stacked(tensors: list[Tensor]) -> Tensor:
    """A new leaf."""
    require = {tensor.requires_grad for tensor in tensors}
    if len(require) > 1:
        raise RuntimeError(
            "stack_module_state: expected parameters from each model to have the same requires_grad, found "
            "both; set it alike with requires_grad_()"
        )
    return stack([tensor.detach() for tensor in tensors]).requires_grad_(require.pop())


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let batch norms keep no running statistics, in place: what one example changes there would be seen by
    the next. Returns the module.

    >>> from cnn_physics77 import nn
    >>> replace_all_batch_norm_modules_(nn.BatchNorm1d(2)).running_mean is None
    True
    """
    for module in root.modules():
        if getattr(module, "track_running_stats", False):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
