"""Boxes, texts and regions on images, and images as bytes."""

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.vision import io, utils

pytest.importorskip("PIL")
BLACK = ours.zeros(3, 20, 30, dtype=ours.uint8)
BOXES = ours.tensor([[2.0, 3.0, 9.0, 12.0], [12.9, 1.0, 28.0, 18.0]])


def test_frames():
    found = utils.draw_bounding_boxes(BLACK, BOXES, colors=["red", (0, 9, 255)]).numpy()
    wanted = np.zeros((3, 20, 30), np.uint8)
    for (left, top, right, bottom), colour in zip(BOXES.int().tolist(), ((255, 0, 0), (0, 9, 255))):
        for channel, value in enumerate(colour):
            wanted[channel, top, left : right + 1] = wanted[channel, bottom, left : right + 1] = value
            wanted[channel, top : bottom + 1, left] = wanted[channel, top : bottom + 1, right] = value
    np.testing.assert_array_equal(found, wanted)
    grey = utils.draw_bounding_boxes(BLACK[:1] / 255, BOXES, colors=["red", (0, 9, 255)])
    np.testing.assert_allclose(grey, wanted / np.float32(255), rtol=1e-6)
    assert not BLACK.any()
    filled = utils.draw_bounding_boxes(BLACK, BOXES, colors="#FF0000", fill=True, width=2)
    assert filled[:, 8, 5].tolist() == [100, 0, 0] and filled[:, 4, 3].tolist() == [255, 0, 0]
    first, second = (utils.draw_bounding_boxes(BLACK, BOXES)[:, 3, x].tolist() for x in (2, 12))
    assert first == [0, 0, 0] and second == [n % 255 for n in (2**25 - 1, 2**15 - 1, 2**21 - 1)]


def test_texts():
    plain = utils.draw_bounding_boxes(BLACK, BOXES, colors="red")
    found = utils.draw_bounding_boxes(BLACK, BOXES, labels=["I", None], colors="red", label_colors="white")
    changed = (found != plain).any(dim=0).nonzero()
    assert len(changed) and (changed >= ours.tensor([5, 4])).all() and (changed[:, 1] < 12).all()
    ground = utils.draw_bounding_boxes(
        BLACK, BOXES, ["I", None], "red", fill_labels=True, label_background_colors="lime"
    )
    assert (ground[1] == 255).any() and not (found[1] != found[2]).any()


def test_regions():
    masks = ours.zeros(2, 20, 30, dtype=ours.bool)
    masks[0, 2:5, 2:9], masks[1, 4:8, 6:12] = True, True
    image = ours.full((3, 20, 30), 100, dtype=ours.uint8)
    found = utils.draw_segmentation_masks(image, masks, alpha=0.5, colors=["red", "blue"])
    assert found[:, 2, 2].tolist() == [177, 50, 50] and found[:, 7, 11].tolist() == [50, 50, 177]
    assert found[:, 4, 6].tolist() == [50, 50, 50] and found[:, 0, 0].tolist() == [100, 100, 100]
    one = utils.draw_segmentation_masks(image / 255, masks[0], 1.0, (255, 0, 51))
    assert one[:, 3, 3].tolist() == pytest.approx([1, 0, 0.2]) and one.dtype == ours.float32


def test_points_and_lines():
    points = ours.tensor([[[4.0, 5.9], [20.0, 5.0], [10.0, 15.0]], [[25.0, 15.0], [5.0, 12.0], [25.0, 2.0]]])
    seen = ours.tensor([[True, True, False], [False, True, True]])
    found = utils.draw_keypoints(BLACK, points, colors=(255, 0, 9), radius=1, visibility=seen)
    wanted = np.zeros((3, 20, 30), np.uint8)
    for x, y in ((4, 5), (20, 5), (5, 12), (25, 2)):
        for i, j in ((y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            wanted[:, i, j] = 255, 0, 9
    np.testing.assert_array_equal(found.numpy(), wanted)
    pairs = [(0, 1), (1, 2)]
    lines = utils.draw_keypoints(BLACK / 255, points[:1], pairs, width=1, visibility=seen[:1, :, None])
    wanted = np.zeros((3, 20, 30), np.float32)
    wanted[:, 5, 4:21] = 1
    np.testing.assert_array_equal(lines.numpy(), wanted)
    assert not BLACK.any()
    larger = utils.draw_keypoints(BLACK, points, colors="lime").numpy()
    assert not larger[0].any() and (larger[1] == 255).sum() == 6 * 21  # 5 x 5 without the corners
    with pytest.raises(ShapeError, match=r"expected points \(N, K, 2\), found shape \(2, 3\)"):
        utils.draw_keypoints(BLACK, points[..., 0])
    with pytest.raises(ShapeError, match=r"visibility \(N, K\) .* found shapes \(1, 3\) and \(2, 3, 2\)"):
        utils.draw_keypoints(BLACK, points, visibility=seen[:1])
    with pytest.raises(ShapeError, match=r"draw_keypoints: expected one image \(C, H, W\) of 3 channels"):
        utils.draw_keypoints(BLACK[:1], points)


@pytest.mark.filterwarnings("ignore:boxes doesn't", "ignore:masks doesn't")
def test_what_is_not_drawn():
    assert utils.draw_bounding_boxes(BLACK, BOXES[:0]) is BLACK
    assert utils.draw_segmentation_masks(BLACK, ours.zeros(0, 20, 30, dtype=ours.bool)) is BLACK
    boxes, masks = utils.draw_bounding_boxes, utils.draw_segmentation_masks
    for call, error, text in (
        (lambda: boxes(BLACK.numpy(), BOXES), TypeError, "expected a tensor, found ndarray"),
        (lambda: boxes(BLACK.long(), BOXES), ValueError, "of bytes or floats, found torch.int64"),
        (lambda: boxes(BLACK[None], BOXES), ValueError, r"one image \(C, H, W\) of 1 or 3 channels"),
        (lambda: boxes(BLACK, BOXES[0]), ValueError, r"boxes \(N, 4\), found shape \(4,\)"),
        (lambda: boxes(BLACK, BOXES.flip(1)), ValueError, "with x1 <= x2 and y1 <= y2"),
        (lambda: boxes(BLACK, BOXES, ["a"]), ValueError, "a label for each of 2 boxes, found 1"),
        (lambda: boxes(BLACK, BOXES, colors=["red"]), ValueError, "a list of at least 2 colours"),
        (lambda: boxes(BLACK, BOXES, colors=(1, 2)), ValueError, r"names or \(red, green, blue\)"),
        (lambda: masks(BLACK[:1], BLACK[0] > 0), ValueError, "of 3 channels"),
        (lambda: masks(BLACK, BLACK[0]), ValueError, "expected masks of booleans, found torch.uint8"),
        (lambda: masks(BLACK, BLACK[0, 1:] > 0), ValueError, "of the size of the image"),
    ):
        with pytest.raises(error, match=f"^draw_.*: .*{text}"):
            call()


def test_images_as_bytes(tmp_path):
    image = ours.tensor(np.random.default_rng(0).integers(0, 256, (3, 9, 7)).astype(np.uint8))
    encoded = io.encode_png(image, 3)
    assert encoded.dtype == ours.uint8 and ours.equal(io.decode_png(encoded), image)
    io.write_file(tmp_path / "image.png", encoded)
    assert ours.equal(io.read_file(tmp_path / "image.png"), encoded)
    assert ours.equal(io.read_image(tmp_path / "image.png"), image)
    smooth = ours.full((1, 16, 16), 77, dtype=ours.uint8)
    assert ours.equal(io.decode_jpeg(io.encode_jpeg(smooth, 95)), smooth)
    io.write_jpeg(smooth, tmp_path / "image.jpg", 95)
    assert ours.equal(io.read_file(tmp_path / "image.jpg"), io.encode_jpeg(smooth, 95))
    for call, text in (
        (lambda: io.encode_png(image, 10), "encode_png: Compression level"),
        (lambda: io.encode_jpeg(image, 0), "encode_jpeg: Image quality"),
        (lambda: io.encode_jpeg(image[:2]), "encode_jpeg: expected 1 or 3 channels"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
    with pytest.raises(TypeError, match="write_file: expected bytes"):
        io.write_file(tmp_path / "x", image.float())
