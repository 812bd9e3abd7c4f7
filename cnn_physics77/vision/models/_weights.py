"""The arguments ``weights`` and ``pretrained`` of the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.layers.module import Module


def maker(name: str, text: str, make: Callable[..., Module]) -> Callable[..., Any]:
    """The function ``name(*, weights=None, progress=True, **settings)`` that makes a model.

    Args:
        name: its name.
        text: what it makes, for its docstring.
        make: gets the settings.
    """

    def model(*former: Any, weights: Any = None, progress: bool = True, **settings: Any) -> Module:
        if former or "pretrained" in settings:
            given = former[0] if former else settings.pop("pretrained")
            warn(
                "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, "
                "please use 'weights' instead."
            )
            weights = weights or given or None
        if weights is not None:
            raise ValueError(
                f"{name}: expected weights=None, found {weights!r}, as nothing is downloaded; load them from "
                "a file: load_state_dict(torch.load(path))"
            )
        return make(**settings)

    model.__name__ = model.__qualname__ = name
    model.__doc__ = f"{text}\n\n``weights`` must be None; settings are those of the class."
    return model
