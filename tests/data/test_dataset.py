from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn.data
from minicnn.backend.random import manual_seed
from minicnn.data import ArrayDataset, random_split

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (7, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 3, 4, 5), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2, 4], np.uint8)


def is_batch_last(images: np.ndarray) -> bool:
    return images.transpose(1, 2, 3, 0).flags.c_contiguous


def test_describes_itself() -> None:
    dataset = ArrayDataset(GRAY, LABELS, name="grays")
    assert len(dataset) == 7
    assert dataset.image_shape == (1, 4, 5)
    assert dataset.num_classes == 5
    assert dataset.classes is None
    assert repr(dataset) == "<grays: 7 images 1x4x5, 5 classes>"
    assert ArrayDataset(COLOUR, LABELS).image_shape == (3, 4, 5)


def test_class_names_count_the_classes() -> None:
    dataset = ArrayDataset(GRAY, LABELS, classes="abcdefg")
    assert dataset.classes == ("a", "b", "c", "d", "e", "f", "g")
    assert dataset.num_classes == 7
    assert ArrayDataset(GRAY, LABELS, classes=10).num_classes == 10


def test_an_integer_gives_one_image() -> None:
    dataset = ArrayDataset(GRAY, LABELS)
    for index in (2, np.int64(2), -5):
        image, label = dataset[index]
        assert image.dtype == np.float32
        assert type(label) is int
        assert label == 2
        np.testing.assert_array_equal(image, GRAY[2][None] / np.float32(255))


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(6, 0, -2),
        [3, 3, 0],
        np.array([-1, 2]),
        np.array([1, 0, 1, 1, 0, 0, 0], bool),
        np.array([5], np.uint8),
    ],
)
@pytest.mark.parametrize("source", [GRAY, COLOUR])
def test_many_indices_give_a_batch_last_batch(source: np.ndarray, index: Any) -> None:
    images, labels = ArrayDataset(source, LABELS)[index]
    expected = (source if source.ndim == 4 else source[:, None])[index] / np.float32(255)
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, LABELS[index])
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert is_batch_last(images)


def test_bytes_fill_zero_to_one_exactly() -> None:
    every_byte = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    images, _ = ArrayDataset(every_byte, [0])[:]
    np.testing.assert_array_equal(images.ravel(), np.arange(256, dtype=np.float32) / 255)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_scale(dtype: type) -> None:
    source = (RNG.standard_normal((7, 2, 3, 3)) * 9).astype(dtype)
    images, _ = ArrayDataset(source, LABELS)[[4, 1]]
    np.testing.assert_array_equal(images, source[[4, 1]].astype(np.float32))
    assert is_batch_last(images)


def test_reads_sources_in_any_memory_order() -> None:
    images, _ = ArrayDataset(np.asfortranarray(COLOUR), LABELS)[1:4]
    np.testing.assert_array_equal(images, COLOUR[1:4] / np.float32(255))


def test_a_batch_is_fresh_memory() -> None:
    source = np.ones((7, 2, 2), np.float32)
    dataset = ArrayDataset(source, LABELS)
    for index in (slice(None), [0, 1]):
        images, labels = dataset[index]
        images[:] = 5
        labels[:] = 5
    dataset[0][0][:] = 5
    assert (source == 1).all()
    np.testing.assert_array_equal(dataset.labels, LABELS)


def test_indices_outside_are_refused() -> None:
    dataset = ArrayDataset(GRAY, LABELS, name="grays")
    for index in (7, -8):
        with pytest.raises(IndexError, match=f"index: got {index}, but <grays: .*> has 7 images"):
            dataset[index]
    with pytest.raises(IndexError, match="out of bounds"):
        dataset[[0, 7]]
    with pytest.raises(IndexError, match="boolean"):
        dataset[np.ones(8, bool)]
    assert len(list(dataset)) == 7  # type: ignore[call-overload]


@pytest.mark.parametrize("index", [[0.5], [[0, 1]], "ab", 1.5])
def test_other_indices_are_refused(index: Any) -> None:
    with pytest.raises(TypeError, match="expected an integer, a slice, or one axis of integers"):
        ArrayDataset(GRAY, LABELS)[index]


@pytest.mark.parametrize(
    ("images", "labels", "classes", "error", "message"),
    [
        (GRAY.astype(np.int64), LABELS, None, TypeError, "images: got int64, expected uint8"),
        (GRAY > 4, LABELS, None, TypeError, "images: got bool, expected uint8"),
        (GRAY[0], LABELS, None, ValueError, r"images: got shape \(4, 5\), expected \(N, H, W\)"),
        (GRAY[:0], LABELS[:0], None, ValueError, "expected at least one pixel"),
        (GRAY[:, :0], LABELS, None, ValueError, "expected at least one pixel"),
        (GRAY, list("abcdefg"), None, TypeError, "labels: got list, expected numbers.*np.unique"),
        (GRAY, LABELS.astype(str), None, TypeError, "labels: got <U3, expected numbers"),
        (GRAY, [None] * 7, None, TypeError, "labels: got list, expected numbers or booleans"),
        (GRAY, LABELS * 1j, None, TypeError, "labels: got complex128"),
        (GRAY, [[1], [2, 3]], None, ValueError, "labels: expected numbers in one shape"),
        (GRAY, (LABELS, list("abcdefg")), None, TypeError, r"labels\[1\]: got list"),
        (GRAY, (LABELS, LABELS[:6]), None, ValueError, r"labels\[1\]: got shape \(6,\)"),
        (GRAY, 3, None, ValueError, r"labels: got shape \(\), expected \(7,\) or \(7, ...\)"),
        (GRAY, np.zeros((7, 0)), None, ValueError, r"labels: got shape \(7, 0\)"),
        (GRAY, LABELS[:6], None, ValueError, r"labels: got shape \(6,\), expected \(7,\)"),
        (GRAY, LABELS.astype(int) - 1, None, ValueError, "got -1, expected .* 0 or more.* floats"),
        (GRAY, LABELS, "abcd", ValueError, "classes: got 4, but the largest label is 4"),
        (GRAY, LABELS, 3, ValueError, "classes: got 3, but the largest label is 4"),
        (GRAY, LABELS, 5.0, TypeError, "classes: got 5.0, expected an integer"),
        (GRAY, np.eye(7), 5, ValueError, r"classes: got 5, but labels of shape \(7, 7\) hold 7"),
        (GRAY, LABELS / 2, 5, ValueError, "classes: got 5, but the labels are float32, expected"),
        (GRAY, (LABELS, LABELS), 5, ValueError, r"the labels are \(int64, int64\)"),
        ((), LABELS, None, ValueError, "images: got an empty tuple"),
        ((GRAY, GRAY[:6]), LABELS, None, ValueError, r"images\[1\]: got 6 images, but images\[0\]"),
        ((GRAY, GRAY[0]), LABELS, None, ValueError, r"images\[1\]: got shape \(4, 5\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    images: Any, labels: Any, classes: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ArrayDataset(images, labels, classes=classes)


OTHER_LABELS = {
    "floats": (RNG.standard_normal(7), "float32"),
    "half floats": (RNG.standard_normal((7, 2)).astype(np.float16), "float32 2"),
    "one-hot": (np.eye(7, dtype=np.uint8), "int64 7"),
    "a column": (LABELS[:, None], "int64 1"),
    "yes or no": (RNG.random((7, 3)) < 0.5, "bool 3"),
    "one yes or no": (LABELS > 1, "bool"),
    "masks": (RNG.integers(-1, 4, (7, 4, 5), np.int8), "int64 4x5"),
    "masks with a channel": (RNG.integers(0, 256, (7, 1, 4, 5), np.uint8), "int64 1x4x5"),
    "images": (RNG.random((7, 3, 4, 5)), "float32 3x4x5"),
}


@pytest.mark.parametrize("case", OTHER_LABELS)
def test_labels_of_any_dtype_and_shape(case: str) -> None:
    source, text = OTHER_LABELS[case]
    dataset = ArrayDataset(GRAY, source, name="grays")
    assert repr(dataset) == f"<grays: 7 images 1x4x5, labels {text}>"
    expected = source.astype(text.split()[0])
    for index in (slice(1, 6, 2), [3, 3, 0], np.array([1, 0, 1, 1, 0, 0, 0], bool)):
        labels = dataset[index][1]
        np.testing.assert_array_equal(labels, expected[index])
        assert labels.dtype == expected.dtype
        assert labels.ndim != 4 or is_batch_last(labels)
        np.testing.assert_array_equal(dataset.subset(index)[:][1], expected[index])
        assert not np.shares_memory(labels, dataset.labels)
    np.testing.assert_array_equal(dataset[-2][1], expected[-2])
    assert type(dataset[0][1]) is (type(expected[0].item()) if source.ndim == 1 else np.ndarray)
    with pytest.raises(ValueError, match="num_classes: <grays: .* has no classes"):
        _ = dataset.num_classes


def test_other_labels_may_have_classes() -> None:
    one_hot = ArrayDataset(GRAY, np.eye(7), classes=7)
    assert (one_hot.num_classes, one_hot.subset([0, 3]).num_classes) == (7, 7)
    assert repr(one_hot) == "<data set: 7 images 1x4x5, labels float32 7 of 7 classes>"
    masks = ArrayDataset(GRAY, np.full((7, 4, 5), 255), classes=("sky", "sea"))
    assert masks.subset([1]).classes == ("sky", "sea")
    assert repr(masks) == "<data set: 7 images 1x4x5, labels int64 4x5 of 2 classes>"


def test_several_labels_are_a_tuple() -> None:
    dataset = ArrayDataset(GRAY, (LABELS, (LABELS / 2, np.eye(7))))
    assert repr(dataset) == "<data set: 7 images 1x4x5, labels (int64, (float32, float32 7))>"
    _, (kind, (size, row)) = dataset.subset([2, 5])[[1]]
    assert (kind, size, row[0].argmax()) == ([2], [1.0], 5)
    assert (kind.dtype, size.dtype, row.dtype) == (np.int64, np.float32, np.float32)
    assert dataset[2][1][:1] == (2,)
    assert ArrayDataset(GRAY, tuple(LABELS.tolist())).num_classes == 5  # numbers are one array


def test_several_inputs_are_a_tuple() -> None:
    dataset = ArrayDataset((GRAY, COLOUR), LABELS)
    assert repr(dataset) == "<data set: 7 images 1x4x5 and 3x4x5, 5 classes>"
    for index in (slice(2, 4), [2, 3], np.array([0, 0, 1, 1, 0, 0, 0], bool)):
        for (gray, colour), labels in (dataset[index], dataset.subset(index)[:]):
            np.testing.assert_array_equal(gray[:, 0], GRAY[2:4] / np.float32(255))
            np.testing.assert_array_equal(colour, COLOUR[2:4] / np.float32(255))
            np.testing.assert_array_equal(labels, LABELS[2:4])
            assert is_batch_last(gray)
            assert is_batch_last(colour)
    (gray, colour), label = dataset[2]
    assert (gray.shape, colour.shape, label) == ((1, 4, 5), (3, 4, 5), 2)
    with pytest.raises(ValueError, match="image_shape: .* has 2 inputs, expected one"):
        _ = dataset.image_shape


@pytest.mark.parametrize("device", ["cpu", "emulator"])
@pytest.mark.parametrize("source", [GRAY, COLOUR, np.asfortranarray(COLOUR)])
def test_the_images_as_labels_are_read_as_images(source: np.ndarray, device: str) -> None:
    expected = (source if source.ndim == 4 else source[:, None]) / np.float32(255)
    for dataset in (ArrayDataset(source, source), ArrayDataset(source, (LABELS, source))):
        for part in (dataset, dataset.subset([*range(7)]), dataset.to(device)):
            images, labels = part[:]
            labels = labels[1] if isinstance(labels, tuple) else labels
            np.testing.assert_array_equal(np.asarray(labels), expected)
            assert labels.dtype == np.float32
            assert is_batch_last(labels)
            assert not np.shares_memory(labels, images)
    with pytest.raises(ValueError, match="has no classes"):
        _ = ArrayDataset(GRAY.astype(float), GRAY.astype(float)).num_classes


def test_a_subset_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="subset: got 0 of 7 images"):
        ArrayDataset(GRAY, LABELS).subset(slice(0))


def numbered(count: int) -> ArrayDataset:
    """A data set whose labels say which image it is."""
    return ArrayDataset(np.zeros((count, 1, 1), np.uint8), np.arange(count), "numbers")


def test_subset_keeps_name_and_classes() -> None:
    part = numbered(9).subset([3, 1])
    np.testing.assert_array_equal(part.labels, [3, 1])
    assert repr(part) == "<numbers: 2 images 1x1x1, 9 classes>"
    assert ArrayDataset(GRAY, LABELS, classes="abcde").subset(slice(2)).classes == tuple("abcde")


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**40))
def test_split_by_lengths_covers_each_image_once(lengths: list[int], seed: int) -> None:
    parts = random_split(numbered(sum(lengths)), lengths, seed)
    assert [len(part) for part in parts] == lengths
    assert sorted(np.concatenate([part.labels for part in parts])) == list(range(sum(lengths)))


@pytest.mark.parametrize(
    ("count", "fractions", "expected"),
    [
        (10, [0.5, 0.5], [5, 5]),
        (10, [0.33, 0.33, 0.34], [4, 3, 3]),  # floors 3 3 3, the rest to the first
        (11, [0.25, 0.25, 0.5], [3, 3, 5]),  # floors 2 2 5, the rest to the first two
        (10, [1], [10]),
        (100, [0.1] * 10, [10] * 10),
    ],
)
def test_split_by_fractions_is_pytorchs(
    count: int, fractions: list[float], expected: list[int]
) -> None:
    assert [len(part) for part in random_split(numbered(count), fractions, 0)] == expected


def test_split_is_random_and_repeatable() -> None:
    def first(seed: int | None) -> list[int]:
        return list(random_split(numbered(50), [25, 25], seed)[0].labels)

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert first(1) != sorted(first(1))
    manual_seed(3)
    drawn = first(None)
    assert drawn != first(None)
    manual_seed(3)
    assert drawn == first(None)


@pytest.mark.parametrize("lengths", [[], [5, 4], [0.5, 0.6], [1.5, -0.5], [11]])
def test_split_refuses_other_sums(lengths: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"lengths: got .* expected integers that sum to 10"):
        random_split(numbered(10), lengths)


def test_split_refuses_what_is_not_a_number() -> None:
    with pytest.raises(TypeError, match=r"lengths\[1\]: got '5', expected a number"):
        random_split(numbered(10), [5, "5"])  # type: ignore[list-item]


@pytest.mark.parametrize("lengths", [[10, 0], [0.99, 0.01]])
def test_split_refuses_an_empty_part(lengths: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"lengths: got .* leaves a part of 10 images empty"):
        random_split(numbered(10), lengths)


def test_public_names_exist() -> None:
    for name in minicnn.data.__all__:
        assert hasattr(minicnn.data, name)


def test_views_of_the_images_are_the_images() -> None:
    """Labels of their own would be class indices, up to 255."""
    pixels = np.full((3, 1, 2, 2), 255, np.uint8)
    for labels in (pixels[:, 0], pixels[:]):
        dataset = ArrayDataset(pixels[:, 0], labels)
        assert repr(dataset).endswith("3 images 1x2x2, labels: the images>")
        images, found = dataset[:]
        np.testing.assert_array_equal(images, found)
    several = ArrayDataset(pixels, (pixels[:], [0, 1, 0]))
    assert repr(several).endswith("3 images 1x2x2, labels (the images, int64)>")
    assert [part.dtype for part in several[:][1]] == [np.float32, np.int64]
    clean = pixels.copy()  # images, or class indices up to 255?
    for other in (clean, pixels.swapaxes(2, 3)):
        with pytest.raises(ValueError, match="labels: got uint8 in the shape of the images.*write"):
            ArrayDataset(pixels, other)
    assert ArrayDataset(pixels, clean / np.float32(255))[:][1].dtype == np.float32
    assert ArrayDataset(pixels, clean.astype("int64"))[:][1].dtype == np.int64
    assert ArrayDataset(pixels, clean // 255)[:][1].max() == 1  # a mask


def test_bytes_of_0_and_1_are_told_to_be_divided() -> None:
    pixels = np.eye(8, dtype=np.uint8).reshape(8, 1, 8)
    with pytest.warns(UserWarning, match="images: uint8 of 0 and 1 are read as 0 and 1/255"):
        ArrayDataset(pixels, np.arange(8))
    assert ArrayDataset(pixels.astype("float32"), np.arange(8))[:][0].max() == 1
    assert ArrayDataset(pixels * 0, np.arange(8))[:][0].max() == 0


def test_masked_elements_are_refused() -> None:
    images = np.ma.masked_less(np.random.default_rng(0).random((3, 2, 2)), 0.5)
    for arguments in ((images, [0, 1, 0]), (images.data, np.ma.masked_equal([0, 1, 0], 1))):
        with pytest.raises(TypeError, match="^(images|labels): got a masked array with"):
            ArrayDataset(*arguments)
