"""The comparison of this package with PyTorch. It needs the packages of the extra ``bench``."""

INSTALL = 'pip install "cnn_physics77[bench]"'
"""What to do where one of them is missing."""
