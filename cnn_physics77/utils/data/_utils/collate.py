"""``torch.utils.data._utils.collate``: a list of samples becomes one batch."""

from cnn_physics77.core.loading.collate import (
    collate,
    default_collate,
    default_collate_fn_map,
    default_convert,
)

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]
