"""``torchvision.models``, in part, with torchvision's names of parameters. Nothing is downloaded."""

from cnn_physics77._lacking import Lacking as _Lacking
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


def __getattr__(name: str) -> _Lacking:
    """The weights of a model: ``VGG16_Weights``, say."""
    model = name.removesuffix("_Weights")
    if model == name or model.lower() not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _Lacking(
        f"torchvision.models.{name}",
        "nothing is downloaded; load weights from a file: load_state_dict(torch.load(path))",
    )
