"""``torch._vmap_internals``: the older place of :func:`torch.vmap`, where libraries still look for it."""

from cnn_physics77.func import vmap as _vmap

vmap = _vmap

__all__ = ["vmap"]
