"""``torchvision.models``, in part, with torchvision's names of parameters. Nothing is downloaded."""

from cnn_physics77.vision.models.alexnet import *
from cnn_physics77.vision.models.convnext import *
from cnn_physics77.vision.models.densenet import *
from cnn_physics77.vision.models.efficientnet import *
from cnn_physics77.vision.models.googlenet import *
from cnn_physics77.vision.models.inception import *
from cnn_physics77.vision.models.mobilenetv2 import *
from cnn_physics77.vision.models.mobilenetv3 import *
from cnn_physics77.vision.models.resnet import *
from cnn_physics77.vision.models.shufflenetv2 import *
from cnn_physics77.vision.models.squeezenet import *
from cnn_physics77.vision.models.vgg import *
from cnn_physics77.vision.models.vision_transformer import *
