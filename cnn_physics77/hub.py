"""``torch.hub``: nothing is downloaded here; importing works, using raises."""

import re
from urllib.parse import urlparse as urlparse

from cnn_physics77 import _lacking

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
"""The start of a file's SHA-256 in its name, ``resnet18-f37072fd.pth`` for example."""

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "download_url_to_file get_dir help list load load_state_dict_from_url set_dir",
    "nothing is downloaded here; load a file of weights by torch.load",
)
