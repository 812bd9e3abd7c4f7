"""``torch.utils``: data, and tools of training scripts."""

import typing as _typing

from cnn_physics77 import _lazy

if _typing.TYPE_CHECKING:
    from cnn_physics77.utils import benchmark, checkpoint, data, dlpack, hooks, model_zoo, tensorboard

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "hooks", "model_zoo", "tensorboard"]

__getattr__, __dir__ = _lazy.attributes(
    globals(), dict.fromkeys([*__all__, "_foreach_utils", "cpp_extension"], __name__)
)
