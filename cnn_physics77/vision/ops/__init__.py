"""``torchvision.ops``, in part: boxes, and layers of which several networks are made."""

from cnn_physics77.vision.ops.boxes import *
from cnn_physics77.vision.ops.deform_conv import *
from cnn_physics77.vision.ops.drop_block import *
from cnn_physics77.vision.ops.feature_pyramid_network import *
from cnn_physics77.vision.ops.focal_loss import *
from cnn_physics77.vision.ops.iou_losses import *
from cnn_physics77.vision.ops.misc import *
from cnn_physics77.vision.ops.poolers import *
from cnn_physics77.vision.ops.ps_roi_align import *
from cnn_physics77.vision.ops.roi_align import *
from cnn_physics77.vision.ops.roi_pool import *
from cnn_physics77.vision.ops.stochastic_depth import *
