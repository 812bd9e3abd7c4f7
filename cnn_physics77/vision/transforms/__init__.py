"""``torchvision.transforms``: transforms of images."""

from cnn_physics77.vision.transforms import functional
from cnn_physics77.vision.transforms.augmentation import *
from cnn_physics77.vision.transforms.autoaugment import *
from cnn_physics77.vision.transforms.random_tones import *
from cnn_physics77.vision.transforms.random_warps import *
from cnn_physics77.vision.transforms.transforms import *
