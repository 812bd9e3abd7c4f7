"""``torchvision.transforms.v2``: transforms of samples: of the image in a tuple or dict, say. Boxes, masks
and videos are not told from other tensors here.
"""

from cnn_physics77.vision.transforms.v2 import functional
from cnn_physics77.vision.transforms.v2.changes import *
from cnn_physics77.vision.transforms.v2.containers import *
from cnn_physics77.vision.transforms.v2.conversions import *
from cnn_physics77.vision.transforms.v2.mixing import *
from cnn_physics77.vision.transforms.v2.samples import *
