"""``torch.testing``, and this package's own checks: gradcheck and the table of operations."""

import typing as _typing

from cnn_physics77 import _lazy

if _typing.TYPE_CHECKING:
    from cnn_physics77.testing.comparison import assert_close

__all__ = ["assert_close"]

__getattr__, __dir__ = _lazy.attributes(globals(), {"assert_close": "cnn_physics77.testing.comparison"})
