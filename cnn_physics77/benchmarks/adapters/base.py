"""What the benchmark asks of a framework, in PyTorch's names.

Both frameworks have these names, so there is one class, and an adapter is the modules that it is given. A
framework with other names would subclass it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ...results import Config


class Adapter:
    """A framework, used through PyTorch's names.

    Args:
        name: key of the framework in logs.
        torch, functional, optim: the framework's modules.
        models: module with the networks as classes.
    """

    def __init__(
        self,
        name: str,
        torch: ModuleType,
        functional: ModuleType,
        optim: ModuleType,
        models: ModuleType,
    ) -> None:
        self.name = name
        self.torch: Any = torch
        self.optim = optim
        self.models = models
        self.criterion: Callable[[Any, Any], Any] = functional.cross_entropy
        self.from_numpy: Callable[[np.ndarray], Any] = self.torch.from_numpy

    def set_threads(self, count: int) -> int:
        """Allow `count` threads; what the framework then reports."""
        self.torch.set_num_threads(count)
        return self.torch.get_num_threads()

    def denormals(self) -> str:
        """Whether a product that is too small for a normal float32 is kept or flushed to zero."""
        factors = self.from_numpy(np.array([1e-38, 0.1], np.float32))
        return "kept" if (factors[0] * factors[1]).item() != 0 else "flushed"

    def build(self, config: Config, image_shape: list[int], classes: int) -> Any:
        """The network of `config` with parameters of its dtype, in training mode."""
        arguments: dict[str, Any] = {}
        if config.model == "CNN":
            arguments = {
                "in_channels": image_shape[0],
                "channels": config.channels,
                "kernel_size": config.kernel_size,
                "hidden": config.hidden,
                "classes": classes,
                "image_size": image_shape[1],
            }
        self.torch.set_default_dtype(getattr(self.torch, config.dtype))
        return getattr(self.models, config.model)(**arguments)

    def optimizer(self, model: Any, config: Config) -> Any:
        """SGD or Adam with the framework's defaults, which are PyTorch's, and the configured rate."""
        return getattr(self.optim, config.optimizer)(model.parameters(), lr=config.lr)

    def load(self, model: Any, weights: dict[str, np.ndarray], dtype: str) -> None:
        """Copy values into the parameters, cast to `dtype`; names and shapes must match exactly."""
        state = model.state_dict()  # with buffers, which keep their values
        state.update({name: self.from_numpy(value.astype(dtype)) for name, value in weights.items()})
        model.load_state_dict(state)

    def parameters(self, model: Any) -> dict[str, np.ndarray]:
        """Views of the parameters."""
        return {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}

    def gradients(self, model: Any) -> dict[str, np.ndarray]:
        """Views of the gradients."""
        return {name: parameter.grad.detach().numpy() for name, parameter in model.named_parameters()}

    def state_dtypes(self, optimizer: Any) -> set[str]:
        """Dtypes of the optimizer's arrays that have a parameter's shape (a step counter may be anything)."""
        return {
            str(value.detach().numpy().dtype)
            for state in optimizer.state_dict()["state"].values()
            for value in state.values()
            if hasattr(value, "detach") and value.ndim > 0
        }

    def predict(self, model: Any, images: np.ndarray) -> np.ndarray:
        """Logits of a batch of images, without recording a graph, in evaluation mode."""
        model.eval()
        with self.torch.no_grad():
            logits = model(self.from_numpy(images)).numpy()
        model.train()
        return logits
