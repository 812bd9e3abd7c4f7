"""``torch.hub``: nothing is downloaded here; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "download_url_to_file get_dir help list load load_state_dict_from_url set_dir",
    "nothing is downloaded here; load a file of weights by torch.load",
)
