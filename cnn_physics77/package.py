"""``torch.package``: no packages of code are written; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Importer OrderedImporter PackageExporter PackageImporter PackagingError is_from_package",
    "a file holds data alone, no code; use torch.save and torch.load",
)
