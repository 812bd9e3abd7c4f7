"""``torchvision.datasets``: data sets of images, from local files."""

from cnn_physics77.vision.datasets.cifar import *
from cnn_physics77.vision.datasets.fakedata import *
from cnn_physics77.vision.datasets.folder import *
from cnn_physics77.vision.datasets.mnist import *
from cnn_physics77.vision.datasets.vision import *
