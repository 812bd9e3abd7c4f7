"""``torch.nn.init``: initial values of parameters."""

from cnn_physics77 import _former, _places
from cnn_physics77.core import init as _code
from cnn_physics77.core.init import *
from cnn_physics77.core.init import _calculate_correct_fan, _calculate_fan_in_and_fan_out

_FORMER = "uniform normal constant eye dirac xavier_uniform xavier_normal kaiming_uniform kaiming_normal"
for _name in (*_FORMER.split(), "orthogonal", "sparse"):
    globals()[_name] = _former.former(vars(_code)[f"{_name}_"], "nn.init")

_places.settle(globals())
