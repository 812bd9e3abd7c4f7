"""What the benchmark needs from a framework.

Ours and PyTorch have the same names, so one class, `Adapter`, serves both; an adapter is its modules. A
framework with other names is a `Framework` of its own.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ...core.training import training_step
from ...results import Config


class Framework(abc.ABC):
    """What a process needs in which some framework is timed.

    Attributes:
        name: key of the framework in logs.
        from_numpy: makes its array from NumPy's.
    """

    name: str
    from_numpy: Callable[[np.ndarray], Any]

    @abc.abstractmethod
    def threads(self) -> int:
        """How many threads it uses."""

    def set_threads(self, count: int) -> int:
        """Allow `count` threads; return the number that the framework then reports."""
        return self.threads()

    def denormals(self) -> str:
        """Whether a product too small for a normal float32 is kept or flushed to zero."""
        factors = self.from_numpy(np.array([1e-38, 0.1], np.float32))
        return "kept" if (factors[0] * factors[1]).item() != 0 else "flushed"


class Adapter(Framework):
    """A framework, used through PyTorch's names.

    Args:
        name: key of the framework in logs.
        torch, functional, optim: the framework's modules.
        models: module with the networks as classes.

    Attributes:
        lanes: what a captured step uses side by side; "" where it finds out.
    """

    lanes = ""

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
        self.from_numpy = self.torch.from_numpy

    def compiled(self, function: Callable[..., Any], lanes: str) -> Callable[..., Any]:
        """The function as the suite times it in a compiled column; what does not compile returns it."""
        return function

    def set_threads(self, count: int) -> int:
        self.torch.set_num_threads(count)
        return self.threads()

    def threads(self) -> int:
        return self.torch.get_num_threads()

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
        """SGD or Adam with PyTorch's defaults and the configured learning rate."""
        return getattr(self.optim, config.optimizer)(model.parameters(), lr=config.lr)

    def training_step(self, model: Any, optimizer: Any) -> Callable[[Any, Any], Any]:
        """One step of training as a function of a batch, as `core.training` writes it."""
        return training_step(model, self.criterion, optimizer)

    def settle(self, step: Any) -> str:
        """After some calls of a step: what it has found to be fastest by trying, which it keeps to; "" for
        nothing. Another process that is to round alike gets it as `lanes`."""
        return ""

    def restore(self, optimizer: Any, state: dict[str, Any]) -> None:
        """Give the optimizer the state of a `state_dict`, in place: a captured step is bound to its memory.

        What the given state does not have becomes zero, which is how SGD and Adam begin.
        """
        with self.torch.no_grad():
            for number, own in optimizer.state_dict()["state"].items():
                given = state["state"].get(number, {})
                for name, tensor in own.items():
                    tensor.copy_(given[name]) if name in given else tensor.zero_()

    def rehearse(self, config: Config) -> None:
        """Run one step on one number, to load the code that the framework loads on first use: PyTorch imports
        some 800 modules (70 MB) with its first optimizer, which are not memory of training."""
        number = self.torch.zeros(1, requires_grad=True)
        optimizer = getattr(self.optim, config.optimizer)([number], lr=config.lr)
        number.sum().backward()
        optimizer.step()

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

    def saved(self, node: Any) -> list[Any]:
        """What a node of the graph keeps for its derivative, as PyTorch's nodes show it."""
        return [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]

    def kept_bytes(self, loss: Any, apart_from: list[Any]) -> dict[str, int]:
        """Bytes that the graph of `loss` keeps for the backward pass, by the name of the derivative.

        Each block of memory counts once, in full, for the first operation on the way from the loss that keeps
        it.

        Args:
            loss: before its backward pass.
            apart_from: tensors that are alive anyway, such as parameters and the batch.
        """
        seen = {_block(tensor)[0] for tensor in apart_from}
        kept: dict[str, int] = {}
        nodes, waiting = set(), [loss.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is None or hasattr(node, "variable") or node in nodes:  # a constant, a leaf, or visited
                continue
            nodes.add(node)
            waiting += [following for following, _ in node.next_functions]
            for tensor in _tensors(self.saved(node)):
                place, size = _block(tensor)
                if place not in seen:
                    seen.add(place)
                    kept[node.name()] = kept.get(node.name(), 0) + size
        return kept

    def predict(self, model: Any, images: np.ndarray) -> np.ndarray:
        """Logits of a batch of images, in evaluation mode, without a graph."""
        model.eval()
        with self.torch.no_grad():
            logits = model(self.from_numpy(images)).numpy()
        model.train()
        return logits


def _tensors(value: Any) -> Iterator[Any]:
    """The tensors and arrays in nested containers."""
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, np.ndarray) or hasattr(value, "requires_grad"):
        yield value


def _block(tensor: Any) -> tuple[int, int]:
    """Address and size in bytes of the memory block under a tensor or array."""
    array = tensor if isinstance(tensor, np.ndarray) else tensor.detach().numpy()
    if not isinstance(tensor, np.ndarray) and hasattr(tensor, "untyped_storage"):
        storage = tensor.untyped_storage()
        return storage.data_ptr(), storage.nbytes()
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.ctypes.data, array.nbytes
