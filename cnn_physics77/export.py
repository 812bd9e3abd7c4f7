"""``torch.export``: programs are not exported here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Dim ExportedProgram draft_export export load register_dataclass save unflatten",
    "no exported programs; use torch.compile and program.save, or torch.save of the state",
)
