"""``torchvision.models``, in part, with torchvision's names of parameters. Nothing is downloaded."""

from cnn_physics77.vision.models.alexnet import *
from cnn_physics77.vision.models.resnet import *
from cnn_physics77.vision.models.vgg import *
