from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minicnn.autograd import Tensor
from minicnn.backend.random import manual_seed
from minicnn.data import ArrayDataset, DataLoader, transforms

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 2, 3, 4), dtype=np.uint8)
DATASET = ArrayDataset(IMAGES, np.arange(10))


class Items:
    """The least that a loader reads: a length, and one item for each index."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        assert type(index) is int
        return self.images[index], self.labels[index]


def labels_of(loader: DataLoader) -> list[list[int]]:
    return [labels.data.tolist() for _, labels in loader]


@pytest.mark.parametrize("dataset", [DATASET, Items(IMAGES, list(range(10)))])
def test_batches_are_tensors_batch_last_in_order(dataset: Any) -> None:
    loader = DataLoader(dataset, batch_size=4)
    batches = list(loader)
    assert len(batches) == len(loader) == 3
    assert labels_of(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for k, (images, labels) in enumerate(batches):
        assert isinstance(images, Tensor)
        assert isinstance(labels, Tensor)
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
        expected = IMAGES[4 * k : 4 * k + 4] / np.float32(255)
        np.testing.assert_array_equal(images.data, expected)
        assert images.data.transpose(1, 2, 3, 0).flags.c_contiguous


def test_drop_last_drops_only_what_is_not_full() -> None:
    assert labels_of(DataLoader(DATASET, 4, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(DataLoader(DATASET, 4, drop_last=True)) == 2
    assert len(DataLoader(DATASET, 5, drop_last=True)) == 2
    assert len(DataLoader(DATASET, np.int64(10), drop_last=True)) == 1


@pytest.mark.parametrize("dataset", [DATASET, Items(IMAGES, list(range(10)))])
def test_shuffling_reads_each_item_once(dataset: Any) -> None:
    loader = DataLoader(dataset, 3, shuffle=True, seed=0)
    seen = [label for batch in labels_of(loader) for label in batch]
    assert sorted(seen) == list(range(10))
    assert seen != sorted(seen)
    for images, labels in loader:
        np.testing.assert_array_equal(images.data, IMAGES[labels.data] / np.float32(255))


def test_one_seed_gives_one_sequence_of_orders() -> None:
    loaders = [DataLoader(DATASET, 10, shuffle=True, seed=seed) for seed in (5, 5, 6)]
    epochs = [[labels_of(loader) for _ in range(4)] for loader in loaders]
    assert epochs[0] == epochs[1]
    assert epochs[0] != epochs[2]
    assert len({str(order) for order in epochs[0] + epochs[2]}) == 8
    # Pinned, because a checkpoint resumes in another process, perhaps on another machine.
    assert epochs[0][0] == [[8, 4, 1, 5, 9, 3, 2, 6, 0, 7]]


def test_another_seed_is_not_the_next_epoch() -> None:
    loaders = [DataLoader(DATASET, 10, shuffle=True, seed=seed) for seed in (0, 1)]
    labels_of(loaders[0])
    assert labels_of(loaders[0]) != labels_of(loaders[1])


def test_epoch_can_be_set_to_continue_a_run() -> None:
    loader = DataLoader(DATASET, 10, shuffle=True, seed=5)
    orders = [labels_of(loader) for _ in range(3)]
    assert loader.epoch == 3
    continued = DataLoader(DATASET, 10, shuffle=True, seed=5)
    continued.epoch = 2
    assert labels_of(continued) == orders[2]


def test_a_seed_leaves_the_global_generator_alone() -> None:
    manual_seed(0)
    labels_of(DataLoader(DATASET, 10, shuffle=True, seed=5))
    unseeded = labels_of(DataLoader(DATASET, 10, shuffle=True))
    manual_seed(0)
    loader = DataLoader(DATASET, 10, shuffle=True)
    assert labels_of(loader) == unseeded
    assert labels_of(loader) != unseeded


def test_two_iterators_do_not_disturb_each_other() -> None:
    loader = DataLoader(DATASET, 5, shuffle=True, seed=1)
    expected = [labels_of(DataLoader(DATASET, 5, shuffle=True, seed=1))]
    first, second = iter(loader), iter(loader)
    mixed = [(next(first)[1].data.tolist(), next(second)[1].data.tolist()) for _ in range(2)]
    assert [batch for batch, _ in mixed] == expected[0]
    assert [batch for _, batch in mixed] != expected[0]


def test_transform_gets_the_batch_and_the_result_is_batch_last_float32() -> None:
    def double(images: np.ndarray) -> np.ndarray:
        assert images.shape[1:] == (2, 3, 4)
        return np.ascontiguousarray(images[:, :1], dtype=np.float64) * 2

    for k, (images, _) in enumerate(DataLoader(DATASET, 5, transform=double)):
        expected = IMAGES[5 * k : 5 * k + 5, :1] / np.float32(255) * 2
        np.testing.assert_allclose(images.data, expected, rtol=1e-6)
        assert images.dtype == np.float32
        assert images.data.transpose(1, 2, 3, 0).flags.c_contiguous


@pytest.mark.parametrize(
    ("transform", "got"),
    [
        (lambda images: images[0], r"\(2, 3, 4\)"),
        (lambda images: images[:1], r"\(1, 2, 3, 4\)"),
        (lambda images: None, "NoneType"),
    ],
)
def test_transform_that_returns_something_else_is_refused(transform: Any, got: str) -> None:
    message = f"transform: .* returned {got}, expected an array \\(5, C, H, W\\)"
    with pytest.raises(ValueError, match=message):
        list(DataLoader(DATASET, 5, transform=transform))


def test_items_may_be_gray_lists_or_floats() -> None:
    lists = Items([[[0.5, 2.0]], [[1.0, 3.0]]], [np.uint8(3), np.array(1)])
    images, labels = next(iter(DataLoader(lists, 2)))
    assert images.data.tolist() == [[[[0.5, 2.0]]], [[[1.0, 3.0]]]]
    assert labels.data.tolist() == [3, 1]


PIXELS = np.zeros((1, 2, 2), np.float32)


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (
            [PIXELS, PIXELS[:, :1]],
            [0, 0],
            ValueError,
            r"dataset\[1\]: image: got float32 \(1, 1, 2\), but dataset\[0\]: image .* \(1, 2, 2\)",
        ),
        ([PIXELS.astype(int)] * 2, [0, 0], TypeError, r"dataset\[0\]: image: got int64"),
        ([PIXELS[0, 0]] * 2, [0, 0], ValueError, r"dataset\[0\]: image: got \(2,\), expected"),
        (
            [PIXELS] * 2,
            [0, 0.5],
            TypeError,
            r"dataset\[1\]: label: got float32, but dataset\[0\]: label in the same batch is int64",
        ),
        (
            [PIXELS] * 2,
            ["cat", "dog"],
            TypeError,
            r"dataset\[0\]: label: got str",
        ),
        ([PIXELS] * 2, [0, None], TypeError, r"dataset\[1\]: label: got NoneType"),
        ([PIXELS] * 2, [0, {"box": 1}], TypeError, r"dataset\[1\]: label: got dict"),
        ([PIXELS] * 2, [(0, 1), (0, "a")], TypeError, r"dataset\[1\]: label\[1\]: got str"),
        ([PIXELS] * 2, [(0, 1), (0,)], ValueError, r"label: got a tuple of 1, but .* of 2"),
        ([PIXELS] * 2, [(0, 1), 0], ValueError, r"label: got int64, but .* a tuple of 2"),
        ([PIXELS] * 2, [[0.0], [1.0, 2]], ValueError, r"label: got float32 \(2,\), but .* \(1,\)"),
        ([PIXELS] * 2, [[[0], [1, 2]], 0], ValueError, r"dataset\[0\]: label: expected numbers in"),
        (
            [(PIXELS, PIXELS), (PIXELS, 0)],
            [0, 0],
            TypeError,
            r"dataset\[1\]: image\[1\]: got int64",
        ),
    ],
)
def test_items_that_do_not_fit_are_refused(
    images: Any, labels: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        next(iter(DataLoader(Items(images, labels), 2)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"batch_size": 0},
            ValueError,
            "DataLoader: batch_size: got 0, expected an integer of 1 or more",
        ),
        ({"batch_size": -3}, ValueError, "batch_size: got -3, expected an integer of 1 or more"),
        ({"batch_size": 2.0}, TypeError, "batch_size: got 2.0, expected an integer"),
        ({"batch_size": True}, TypeError, "batch_size: got True, expected an integer"),
        ({"seed": -1}, ValueError, "DataLoader: seed: got -1, expected an integer of 0 or more"),
        ({"seed": "x"}, TypeError, "seed: got 'x', expected an integer"),
        ({"dataset": Items([], [])}, ValueError, "dataset: got 0 items, expected at least one"),
        ({"dataset": 5}, TypeError, "dataset: got int, expected an object with len"),
        ({"batch_size": 11, "drop_last": True}, ValueError, "leaves no batch, 10 images // 11 = 0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DataLoader(**{"dataset": DATASET, **arguments})


def test_transforms_compose_with_the_loader() -> None:
    prepare = transforms.Compose([transforms.PadTo(8), transforms.Normalize(0.5, 0.5)])
    images, _ = next(iter(DataLoader(DATASET, 10, transform=prepare)))
    assert images.shape == (10, 2, 8, 8)
    assert images.data[0, 0, 0, 0] == -1


def epoch_from(loader: DataLoader, start: int) -> list[list[int]]:
    return [labels.data.tolist() for _, labels in loader.on("cpu", start)]


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("dataset", [DATASET, Items(IMAGES, list(range(10)))])
def test_an_epoch_goes_on_at_any_batch(dataset: Any, seed: int | None) -> None:
    loader = DataLoader(dataset, 3, shuffle=True, seed=seed)
    labels_of(loader)
    epoch = labels_of(loader)
    for start in range(1, 5):
        assert epoch_from(loader, start) == epoch[start:]
    assert loader.epoch == 2
    assert loader.order is not None
    assert loader.order.tolist() == [label for batch in epoch for label in batch]


def test_the_batches_before_are_not_read() -> None:
    seen = []

    def note(images: np.ndarray) -> np.ndarray:
        seen.append(len(images))
        return images

    loader = DataLoader(DATASET, 3, transform=note)
    next(iter(loader))
    seen.clear()
    list(loader.on("cpu", 2))
    assert seen == [3, 1]


@pytest.mark.parametrize("seed", [None, 5])
def test_a_state_continues_in_another_loader(seed: int | None) -> None:
    first, second = (DataLoader(DATASET, 3, shuffle=True, seed=seed) for _ in range(2))
    epoch = labels_of(first)
    second.load_state_dict(first.state_dict())
    manual_seed(7)
    rest = [epoch_from(second, 2), labels_of(second), labels_of(second)]
    manual_seed(7)
    assert rest == [epoch[2:], labels_of(first), labels_of(first)]
    assert second.epoch == first.epoch == 3


@pytest.mark.parametrize("start", [-1, 5])
def test_a_start_that_is_not_in_the_epoch(start: int) -> None:
    loader = DataLoader(DATASET, 3)
    labels_of(loader)
    with pytest.raises(ValueError, match=f"start: got {start}, expected an integer from 0 to 4"):
        loader.on("cpu", start)


def test_no_epoch_no_middle() -> None:
    loader = DataLoader(DATASET, 3)
    with pytest.raises(ValueError, match="start: got 1, but no epoch has started yet, expected 0"):
        loader.on("cpu", 1)
    loader.load_state_dict(loader.state_dict())
    assert loader.order is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": {"batch_size": 4}}, "of a DataLoader with .*4.*, but this one has .*3"),
        ({"order": np.arange(9)}, "order is not a permutation of 10"),
        ({"order": np.zeros(10, int)}, "order is not a permutation of 10"),
        ({"order": np.arange(10.0)}, "order is not a permutation of 10"),
        ({"order": np.arange(1, 11)}, "order is not a permutation of 10"),
        ({"epoch": -1}, "epoch: got -1"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict[str, Any], message: str) -> None:
    loader, other = (DataLoader(DATASET, 3, shuffle=True, seed=5) for _ in range(2))
    epoch = labels_of(loader)
    labels_of(other)
    state = {**other.state_dict(), "epoch": 9, **change}
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict(state)
    assert loader.epoch == 1
    assert epoch_from(loader, 1) == epoch[1:]


@pytest.mark.parametrize("state", [None, {}, {"epoch": 1}, []])
def test_what_is_no_state_of_a_loader(state: Any) -> None:
    with pytest.raises(ValueError, match="^state dict of a DataLoader: "):
        DataLoader(DATASET).load_state_dict(state)


@pytest.mark.parametrize("item", [(PIXELS, PIXELS, 0), (PIXELS,), PIXELS, {"image": PIXELS}, "ab"])
def test_items_that_are_no_pairs_are_refused(item: Any) -> None:
    class Others(Items):
        def __getitem__(self, index: int) -> Any:
            return item

    with pytest.raises(ValueError, match=r"dataset\[0\]: got .*, expected a pair \(image, label\)"):
        next(iter(DataLoader(Others([0], [0]))))


LABELS: dict[str, tuple[list[Any], str]] = {
    "floats": ([0.5, -1.0, 2.0], "float32"),
    "booleans": ([True, False, True], "bool"),
    "one-hot": ([np.eye(3, dtype=np.uint8)[i] for i in range(3)], "int64"),
    "lists": ([[0.25, 1.0], [2.0, 3.0], [4.0, 5.0]], "float32"),
    "tensors": ([Tensor(np.arange(2.0) + i) for i in range(3)], "float32"),
    "masks": ([np.full((2, 2), i, np.uint8) for i in range(3)], "int64"),
    "images": ([np.full((1, 2, 2), i / 2) for i in range(3)], "float32"),
}


@pytest.mark.parametrize("device", ["cpu", "emulator"])
@pytest.mark.parametrize("case", LABELS)
def test_labels_of_items_may_be_any_numbers(case: str, device: str) -> None:
    source, dtype = LABELS[case]
    arrays = np.stack([np.asarray(label) for label in source]).astype(dtype)
    of_arrays: Any = ArrayDataset(np.zeros((3, 2, 2)), (arrays, np.arange(3)))
    of_items = Items([PIXELS] * 3, [(label, i) for i, label in enumerate(source)])
    for dataset in (of_arrays, of_items):
        (_, (first, number)), (_, (second, _)) = DataLoader(dataset, 2).on(device)
        for labels, expected in ((first, arrays[:2]), (second, arrays[2:])):
            np.testing.assert_array_equal(labels.numpy(), expected)
            assert labels.dtype == dtype
            assert labels.device == ("cpu" if dtype == "int64" else device)
            assert labels.ndim != 4 or labels.data.transpose(1, 2, 3, 0).flags.c_contiguous
        assert (number.numpy().tolist(), number.device) == ([0, 1], "cpu")


def test_several_inputs_are_a_tuple_of_tensors() -> None:
    gray = IMAGES[:, 0]
    of_items = Items([(image, image[0]) for image in IMAGES], list(range(10)))
    for dataset in (ArrayDataset((IMAGES, gray), np.arange(10)), of_items):
        loader: DataLoader = DataLoader(dataset, 4, shuffle=True, seed=0, transform=lambda x: 1 - x)
        for (colour, grays), labels in loader:
            expected = 1 - IMAGES[labels.data] / np.float32(255)
            np.testing.assert_array_equal(colour.data, expected)
            np.testing.assert_array_equal(grays.data, expected[:, :1])
            assert grays.data.transpose(1, 2, 3, 0).flags.c_contiguous


def test_a_transform_does_not_see_the_labels() -> None:
    pictures = IMAGES / 255
    loader = DataLoader(ArrayDataset(pictures, pictures), 10, transform=lambda images: images * 0)
    ((images, labels),) = loader
    assert not images.data.any()
    np.testing.assert_array_equal(labels.data, pictures.astype(np.float32))


@pytest.mark.parametrize(
    "transform",
    [
        transforms.RandomHorizontalFlip(),
        transforms.RandomShift(1),
        transforms.RandomRotation(10),
        transforms.RandomCrop((3, 4), padding=1),
        transforms.Compose([transforms.Normalize(0.5, 0.5), transforms.RandomAffine(10)]),
    ],
)
def test_images_are_not_moved_away_from_their_masks(transform: Any) -> None:
    masks = np.zeros((10, 3, 4), int)
    for labels in (masks, masks[:, None], (np.arange(10), masks), IMAGES):
        loader = DataLoader(ArrayDataset(IMAGES, labels), 5, transform=transform)
        with pytest.raises(ValueError, match="moves the pixels .* but not the labels"):
            next(iter(loader))
    for labels in (np.arange(10), masks[:, 0], masks[:, :1]):
        assert len(list(DataLoader(ArrayDataset(IMAGES, labels), 5, transform=transform))) == 2


def test_a_transform_of_values_may_be_used_with_masks() -> None:
    scale = transforms.Compose([transforms.Normalize(0.5, 0.5), lambda images: images])
    dataset = ArrayDataset(IMAGES, np.zeros((10, 3, 4), int))
    assert len(list(DataLoader(dataset, 5, transform=scale))) == 2


@pytest.mark.parametrize("pixels", [IMAGES, IMAGES[:, 0]], ids=["CHW", "HW"])
@pytest.mark.parametrize("view", [False, True])
def test_labels_of_items_that_are_the_images_are_read_as_images(pixels: Any, view: bool) -> None:
    """Read as labels, uint8 would be class indices up to 255."""

    class Same(Items):
        def __getitem__(self, index: int) -> tuple[Any, Any]:
            image = pixels[index]
            return image, pixels[index] if view else image

    images, labels = next(iter(DataLoader(Same(pixels, pixels), batch_size=4)))
    assert (labels.dtype, labels.shape) == (np.float32, images.shape)
    np.testing.assert_array_equal(images.numpy(), labels.numpy())
    with pytest.raises(ValueError, match=r"dataset\[0\]: label: got uint8 in the shape of the im"):
        next(iter(DataLoader(Items(pixels, pixels.copy()), batch_size=4)))


def test_shares_of_every_batch() -> None:
    images = np.arange(7 * 4, dtype=np.float32).reshape(7, 2, 2)
    loader = DataLoader(ArrayDataset(images, np.arange(7)), 5)
    found = [[y.data.tolist() for _, y in loader.on("cpu", share=(k, 3))] for k in range(3)]
    # Of the last batch, of two images, the first part is empty: it shows the first image.
    assert found == [[[0], [5]], [[1, 2], [5]], [[3, 4], [6]]]
    assert loader.batch_sizes() == [5, 2]
    assert loader.batch_sizes(1) == [2]


@pytest.mark.parametrize("share", [(2, 2), (-1, 2), (0, 0)])
def test_a_share_that_does_not_exist(share: tuple[int, int]) -> None:
    loader = DataLoader(ArrayDataset(np.zeros((3, 2, 2)), [0, 1, 0]), 2)
    with pytest.raises(ValueError, match="share"):
        loader.on("cpu", share=share)
