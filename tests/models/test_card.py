"""A trained network in a file: with its card it can be used again, and a lying card is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.models import MODELS, ImageClassifier, ModelCard, card, registry, shipped

pytest.importorskip("safetensors", reason="safetensors is not installed")

SMALL = {name: build for name, build in MODELS.items() if not name.startswith("alexnet")}


def card_of(name: str = "lenet5", **values: Any) -> ModelCard:
    options = values.pop("options", {"num_classes": 3, "in_channels": 1})
    return ModelCard(name, options, ("a", "b", "ü $x$"), (1, 20, 30), **values)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    mc.manual_seed(0)
    given = card_of(data="shapes", hold_out=0.2, recipe="course", epochs=3, seed=7, accuracy=0.5)
    model = given.build()
    mc.models.save(tmp_path / "w.st", model, given)
    again, read = mc.models.load(tmp_path / "w.st")
    assert read == given
    assert not again.training
    x = mc.tensor(np.ones((2, 1, 28, 28), np.float32))
    np.testing.assert_array_equal(again(x).numpy(), model(x).numpy())
    assert sorted(mc.load(tmp_path / "w.st")) == sorted(model.state_dict())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    ("classes", "shape"), [(10, (1, 28, 28)), (3, (3, 40, 50)), (12, (1, 8, 8))]
)
def test_a_network_fits_its_data(name: str, classes: int, shape: Any) -> None:
    if name == "lenet5_1998" and (classes > 10 or shape[0] > 1):
        with pytest.raises(
            ValueError, match=r"12 classes, lenet5_1998 only 10|takes images of 1 ch"
        ):
            registry.options_for(name, classes, shape)
        return
    model = MODELS[name](**registry.options_for(name, classes, shape))
    scores = model(mc.tensor(model.as_input(np.ones((2, *shape), np.float32))))
    assert scores.shape == (2, model.num_classes)
    assert model.num_classes == (10 if name == "lenet5_1998" else classes)


def test_scaled_alexnet_is_as_large_as_its_images() -> None:
    for side, expected in ((8, 28), (28, 28), (32, 32), (64, 64), (500, 64)):
        options = registry.options_for("scaled_alexnet", 10, (3, side, side // 2))
        assert options["image_size"] == expected


@pytest.mark.parametrize("name", ["alexnet", "alexnet_torchvision"])
def test_large_networks_take_colours_only(name: str) -> None:
    with pytest.raises(ValueError, match="takes images of 3 channels, the data has 1 channel"):
        registry.options_for(name, 10, (1, 28, 28))
    assert registry.options_for(name, 10, (1, 28, 28), any_channels=True) == {"num_classes": 10}


def test_as_input_names_other_channels() -> None:
    with pytest.raises(ValueError, match="LeNet5: takes images of 1 channel, got 3"):
        mc.models.lenet5().as_input(np.ones((1, 3, 28, 28), np.float32))


def test_each_network_prepares_pixels_for_itself() -> None:
    pixels = np.stack([np.zeros((1, 32, 32)), np.ones((1, 32, 32))]).astype(np.float32)
    prepared = mc.models.lenet5_1998().prepare(pixels)
    np.testing.assert_allclose(prepared[0], mc.models.BACKGROUND, atol=1e-6)
    np.testing.assert_allclose(prepared[1], mc.models.INK, atol=1e-6)
    assert mc.models.lenet5().prepare(pixels) is pixels
    red = np.zeros((1, 3, 1, 1), np.float32)
    found = mc.models.AlexNetTorchvision.prepare(None, red).ravel()  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [-2.117904, -2.035714, -1.804444], atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_weights_of_other_programs_tell_their_sizes(name: str) -> None:
    options = registry.options_for(name, 10, (1, 28, 28))
    state = MODELS[name](**options).state_dict()
    shuffled = {key: state[key] for key in sorted(state)}  # as safetensors orders them
    found = card.card_for(name, shuffled)
    assert found.build().state_dict().keys() == state.keys()
    assert (found.ink_box, found.image_shape) == (20, (1, 28, 28))


def test_weights_of_other_programs_for_other_data() -> None:
    found = card.card_for("lenet5", mc.models.lenet5(26, 3).state_dict())
    assert found.options == {"num_classes": 26, "in_channels": 3}
    assert (len(found.classes), found.image_shape, found.ink_box) == (26, (3, 28, 28), None)


WRONG: dict[str, Any] = {
    "no JSON": "{",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "deep": "[" * 100_000,
    "nothing": {},
    "an unknown model": {"model": "resnet999"},
    "no name": {"model": None},
    "an option that runs": {"options": {"__class__": 1}},
    "a huge network": {"options": {"num_classes": 10**9}},
    "options of another kind": {"options": [1, 2]},
    "negative classes": {"options": {"num_classes": -1}},
    "names that are numbers": {"classes": [1, 2, 3]},
    "too many names": {"classes": [str(k) for k in range(99)]},
    "no shape": {"image_shape": [1, 28]},
    "a huge shape": {"image_shape": [1, 10**6, 10**6]},
    "a shape of text": {"image_shape": ["1", "28", "28"]},
    "a large box": {"ink_box": 99},
    "a box of text": {"ink_box": "20"},
    "half a box": {"ink_box": 0.5},
    "a data set that is no name": {"data": [1]},
    "a recipe that is no name": {"recipe": None},
    "versions that are no text": {"made_with": 1},
    "a fraction of text": {"hold_out": "0.1"},
    "more right than all": {"accuracy": 1e300},
    "an accuracy of text": {"accuracy": "good"},
    "an accuracy that is no number": {"accuracy": float("nan")},
    "epochs before the first": {"epochs": -1},
    "a seed of text": {"seed": "7"},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_card_that_lies_is_an_error_that_names_the_file(tmp_path: Path, case: str) -> None:
    model, good = mc.models.lenet5(), json.loads(card.to_metadata(card_of(options={}))[card.KEY])
    wrong = WRONG[case]
    text = wrong if isinstance(wrong, str) else json.dumps({**good, **wrong} if wrong else {})
    mc.save(tmp_path / "w.st", model.state_dict(), metadata={card.KEY: text})
    with pytest.raises(ValueError, match=r"w\.st: "):
        mc.models.load(tmp_path / "w.st")


def test_a_card_of_a_later_version_may_say_more(tmp_path: Path) -> None:
    good = json.loads(card.to_metadata(card_of(options={}))[card.KEY])
    text = json.dumps({**good, "licence": "MIT"})
    mc.save(tmp_path / "w.st", mc.models.lenet5().state_dict(), metadata={card.KEY: text})
    assert mc.models.load(tmp_path / "w.st")[1].model == "lenet5"


def test_weights_without_a_card_and_files_that_are_none(tmp_path: Path) -> None:
    mc.save(tmp_path / "w.st", mc.models.lenet5().state_dict())
    with pytest.raises(ValueError, match=r"w\.st: has no card that says which model it is"):
        mc.models.load(tmp_path / "w.st")
    with pytest.raises(OSError, match="lenet6: there is no such file"):
        mc.models.load("lenet6")


@pytest.mark.parametrize("name", shipped.shipped_names())
def test_what_comes_with_minicnn_is_as_good_as_its_card_says(name: str) -> None:
    model, known = mc.models.load(name)
    path = shipped.shipped_path(name)
    assert path is not None
    assert path.stat().st_size < 200_000
    assert known.accuracy is not None
    assert (known.model, f"{known.model}-{known.data}") == ("lenet5", name)
    assert known.classes == tuple("0123456789")
    try:
        images, labels = mc.data.load(known.data, "test")[:]
    except mc.data.DataError:
        pytest.skip(f"{known.data} is not on this machine")
    scores = model(mc.tensor(model.as_input(images)))
    assert mc.ops.accuracy(scores, labels).item() == pytest.approx(known.accuracy, abs=2e-4)
    assert known.accuracy > {"mnist": 0.992, "digits": 0.97}[known.data]


def test_the_shortest_name_is_mnist() -> None:
    assert mc.models.load("lenet5")[1].data == "mnist"
    same = mc.models.lenet5(weights="mnist").state_dict()
    for key, value in mc.models.load("lenet5-mnist")[0].state_dict().items():
        np.testing.assert_array_equal(value, same[key])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "cifar10"}, ValueError, "lenet5: weights: got 'cifar10', expected 'mnist' or"),
        ({"weights": 3}, TypeError, "lenet5: weights: got 3"),
        (
            {"weights": "mnist", "num_classes": 3},
            ValueError,
            "for 10 classes and 1 channel, got nu",
        ),
        ({"weights": "digits", "in_channels": 3}, ValueError, "in_channels=3"),
    ],
)
def test_other_weights_are_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mc.models.lenet5(**options)


def test_all_models_say_what_they_take() -> None:
    for name, build in SMALL.items():
        model = build()
        assert isinstance(model, ImageClassifier), name
        assert len(model.input_shape) == 3
        assert model.num_classes == 10


@pytest.mark.parametrize("classes", [10**6, 10**11])
def test_a_card_of_a_huge_network_is_compared_before_memory_is_taken(
    tmp_path: Path, classes: int
) -> None:
    path = tmp_path / "w.st"
    values = {"a": np.zeros(10**6, np.uint8), "b": np.zeros((10**6, 0, 0), np.uint8)}
    mc.save(path, values, card.to_metadata(card_of(options={"num_classes": classes})))
    with pytest.raises(ValueError, match=r"w\.st: (state dict: missing|the card asks for)"):
        mc.models.load(path)


def test_weights_from_a_file_draw_no_random_numbers(tmp_path: Path) -> None:
    mc.manual_seed(0)
    mc.models.load("lenet5-digits")
    after = mc.nn.Linear(3, 3).weight.numpy()
    mc.manual_seed(0)
    np.testing.assert_array_equal(mc.nn.Linear(3, 3).weight.numpy(), after)


def test_images_have_a_largest_size() -> None:
    with pytest.raises(ValueError, match=r"image_shape: got \(1, 5000, 28\), .*at most 4096"):
        ModelCard("lenet5", {}, ("a", "b"), (1, 5000, 28))
    with pytest.raises(ValueError, match="the images have 5000 x 28 pixels, expected at most 4096"):
        registry.options_for("lenet5", 10, (1, 5000, 28))
    assert registry.options_for("lenet5", 10, (1, 5000, 28), any_channels=True)["num_classes"] == 10
