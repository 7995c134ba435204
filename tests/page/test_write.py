"""What page.write makes of models, cards and data sets, and what it refuses; no browser needed."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.page.assemble import join_modules


def contents_of(page: str) -> dict[str, Any]:
    """The JSON in a page."""
    found = re.search(r'<script type="application/json" id="contents">(.*?)</script>', page, re.S)
    assert found
    contents: dict[str, Any] = json.loads(found[1])
    return contents


def written(*arguments: Any, **options: Any) -> dict[str, Any]:
    return contents_of(mc.page.show(*arguments, **options).text)


def digits() -> mc.data.ArrayDataset:
    return mc.data.load("digits", "test")


def test_a_card_tells_everything(tmp_path: Path) -> None:
    model, card = mc.models.load("lenet5-mnist")
    mc.page.write(model, tmp_path / "page.html", card)
    contents = contents_of((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert contents["title"] == "lenet5"
    assert contents["facts"].startswith("44,426 parameters, trained on mnist, 99.")
    assert (contents["imageShape"], contents["inkBox"]) == ([1, 28, 28], 20)
    assert contents["classes"] == list("0123456789")
    assert [sample["name"] for sample in contents["samples"]] == list("0123456789")
    assert [layer["name"] for layer in contents["layers"]][:3] == ["conv1", "relu1", "pool1"]


def test_a_data_set_stands_in_for_a_card() -> None:
    contents = written(nn.Sequential(nn.Flatten(), nn.Linear(64, 12)), dataset=digits())
    assert (contents["imageShape"], contents["inkBox"]) == ([1, 8, 8], 8)
    assert contents["classes"] == [*"0123456789", "10", "11"]
    assert len(contents["samples"]) == 10


def test_own_images_are_taken_as_they_are() -> None:
    images = np.random.default_rng(0).random((4, 3, 5, 6), np.float32)
    dataset = mc.data.ArrayDataset(images, [1, 0, 1, 0], "own", ("cat", "dog"))
    contents = written(nn.Sequential(nn.Flatten(), nn.Linear(90, 2)), dataset=dataset)
    assert (contents["inkBox"], contents["classes"]) == (None, ["cat", "dog"])
    assert [sample["name"] for sample in contents["samples"]] == ["cat", "dog"]
    dataset = mc.data.ArrayDataset(images[:, :1, :, :5], [1, 0, 1, 0])
    model = nn.Sequential(nn.Flatten(), nn.Linear(25, 2))
    assert written(model, dataset=dataset, ink_box=4)["inkBox"] == 4


def test_the_size_may_be_an_attribute_of_the_model() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    model.input_shape = (1, 3, 4)
    contents = written(model)
    assert (contents["imageShape"], contents["samples"]) == ([1, 3, 4], [])


def test_sequentials_in_sequentials() -> None:
    block = nn.Sequential({"conv": nn.Conv2d(1, 10, 3), "relu": nn.ReLU()})
    model = nn.Sequential({"block": block, "pool": nn.GlobalAvgPool2d(keepdim=False)})
    names = [layer["name"] for layer in written(model, dataset=digits())["layers"]]
    assert names == ["block.conv", "block.relu", "pool"]


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    page = mc.page.show(*mc.models.load("lenet5-digits"))
    frame = page._repr_html_()
    assert frame.startswith('<iframe title="minicnn" srcdoc="&lt;!doctype html&gt;')
    assert frame.count('"') == 6  # everything of the page is escaped


class Loop(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.Linear(64, 64)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.layer(self.layer(x))


class Doubling(nn.Sequential):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return super().forward(x * 2)


class Residual(nn.Sequential):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x + super().forward(x)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Doubling(nn.Flatten(), nn.Linear(64, 10)), "something is computed before the first layer"),
        (nn.Sequential(Residual(nn.Conv2d(1, 1, 1)), nn.Flatten(), nn.Linear(64, 10)),
         "something is computed after 0.0 (Conv2d) that is no layer"),
        (nn.Sequential(nn.Flatten(), Residual(nn.Linear(64, 64))), "after 1.0 (Linear) that is no"),
        (nn.Sequential(nn.Sequential()), "Sequential: has no layers"),
    ],
)  # fmt: skip
def test_what_is_computed_between_layers_is_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(mc.page.PageError, match=re.escape(message)):
        mc.page.show(model, dataset=digits())


def test_a_layer_that_stands_twice_has_two_names() -> None:
    relu = nn.ReLU()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), relu, nn.Linear(9, 10), relu)
    layers = written(model, dataset=digits())["layers"]
    assert [layer["name"] for layer in layers] == ["0", "1", "2", "3", "4"]


def test_a_sequential_without_layers_does_nothing() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Sequential(), nn.Linear(64, 10))
    assert [layer["name"] for layer in written(model, dataset=digits())["layers"]] == ["0", "2"]


def test_images_that_are_not_from_0_to_1_keep_their_numbers() -> None:
    images = np.random.default_rng(0).normal(0, 1, (2, 1, 3, 4)).astype(np.float32)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    samples = written(model, dataset=mc.data.ArrayDataset(images, [0, 1]))["samples"]
    for sample, image in zip(samples, images, strict=True):
        numbers = np.frombuffer(base64.b64decode(sample["image"]["numbers"]), "<f4")
        np.testing.assert_array_equal(numbers, image.ravel())


def test_images_that_nobody_can_draw() -> None:
    for shape, ink_box, message in (
        ((2, 4, 4), None, "has 2 channels, one draws on the page in grey"),
        ((4, 4, 4), None, "has 4 channels"),
        ((3, 4, 4), 3, "ink_box: is for grey square images"),
        ((1, 4, 6), 3, "ink_box: is for grey square images"),
    ):
        model = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 2))
        dataset = mc.data.ArrayDataset(np.zeros((2, *shape), np.float32), [0, 1])
        with pytest.raises(mc.page.PageError, match=re.escape(message)):
            mc.page.show(model, dataset=dataset, ink_box=ink_box)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Flatten(), nn.Linear(64, 1)], "1 (Linear): gives one number, the page compares"),
        ([nn.Conv2d(1, 2, 3)], "0 (Conv2d): its output has shape (2, 6, 6), expected one score"),
        ([nn.ConvTranspose2d(1, 2, 3)], "0 (ConvTranspose2d): the page cannot show this kind"),
        ([nn.Flatten(), nn.LayerNorm(64)], "1 (LayerNorm): the page cannot show this kind"),
        ([nn.Flatten(), Loop()], "1: the page shows a Sequential of layers, whose order is known"),
        ([nn.Linear(8, 8)], "0 (Linear): its input is (1, 8, 8), the page expects a vector"),
        ([nn.BatchNorm2d(1, track_running_stats=False)], "0 (BatchNorm2d): has no running"),
        ([nn.Flatten(2)], "0 (Flatten): start_axis: got 2, the page knows only 1"),
        ([nn.Flatten(), nn.Linear(64, 9)], "the network has 9 scores, too few for 10 classes"),
    ],
)
def test_what_cannot_be_shown(layers: list[nn.Module], message: str) -> None:
    with pytest.raises(mc.page.PageError, match=re.escape(message)):
        mc.page.show(nn.Sequential(*layers), dataset=digits())


def test_an_unknown_size_and_other_images() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(mc.page.PageError, match="does not say how large an image is; pass a"):
        mc.page.show(model)
    with pytest.raises(mc.page.PageError, match=r"images of shape \(1, 8, 8\), the network was"):
        mc.page.show(*mc.models.load("lenet5-mnist"), digits())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("lenet5",), TypeError, "page: model: got str, expected Module"),
        ((nn.Flatten(), digits()), TypeError, "page: card: got ArrayDataset, expected ModelCard"),
        ((nn.Flatten(), None, [1]), TypeError, "page: dataset: got list, expected ArrayDataset"),
        ((nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), None, digits(), 9), ValueError,
         "page: ink_box: got 9, expected an integer from 1 to 8"),
        ((nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), None, digits(), 8, []), TypeError,
         "page: snapshots: got list, expected Snapshots"),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        mc.page.show(*arguments)


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"page\.write: .*there is no folder"):
        mc.page.write(mc.models.lenet5(), tmp_path / "no" / "page.html")


def test_the_network_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(64, 10)).train()
    before = {name: value.copy() for name, value in model.state_dict().items()}
    mc.page.show(model, dataset=digits())
    assert all(module.training for module in model.modules())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_every_module_is_in_the_script_once_and_after_what_it_needs() -> None:
    script = join_modules()
    modules = re.findall(r"^modules\['([\w/.]+)'\] = ", script, re.M)
    folder = Path(mc.page.__file__).parent / "js"
    assert sorted(modules) == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.js"))
    assert not re.search(r"^(import|export) ", script, re.M)
    seen: set[str] = set()
    for line in script.splitlines():
        if found := re.match(r"modules\['([\w/.]+)'\] = ", line):
            seen.add(found[1])
        elif found := re.search(r"= modules\['([\w/.]+)'\];", line):
            assert found[1] in seen


def test_every_name_that_a_module_imports_exists() -> None:
    """A browser that loads modules would refuse to start; joined, the name would be undefined."""
    script = join_modules()
    exports = {
        name: set(re.split(r",\s*", names))
        for name, names in re.findall(
            r"^modules\['([\w/.]+)'\] = .*?^return \{ ?(.*?) ?\};\n\}\)\(\);", script, re.M | re.S
        )
    }
    imports = re.findall(r"^const \{([^}]*)\} = modules\['([\w/.]+)'\];", script, re.M)
    missing = {
        (module, name.split(":")[0])
        for names, module in imports
        for name in re.split(r",\s*", names.strip().rstrip(","))
        if name.split(":")[0] not in exports[module]
    }
    assert len(imports) > 50
    assert missing == set()
