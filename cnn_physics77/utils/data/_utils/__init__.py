"""``torch.utils.data._utils``: where scripts find ``collate.default_collate``."""

from cnn_physics77.utils.data._utils import collate

__all__ = ["collate"]
