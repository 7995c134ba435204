"""Training in the page, against minicnn: gradients, the loss, steps; and what the panel tells."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops, optim
from minicnn.page.describe import describe_layers

from .conftest import OpenPage, OpenPageOf, to_base64

expect = pytest.importorskip("playwright.sync_api").expect

TOLERANCE = 1e-5  # of the largest number: the page keeps outputs and weights in float32
NETWORKS = 60
SETTINGS = {"rate": 0.1, "momentum": 0.9, "isForgetful": False}

GRADIENTS = """given[0].map(({ layers, shape, image, label }) => {
    const { decodeLayers, runLayers } = modules['network/run.js'];
    const { backward, crossEntropy, makeGradients } = modules['network/gradients.js'];
    const network = decodeLayers(layers);
    const outputs = runLayers(network, valueOf(shape, image));
    const { loss, grad } = crossEntropy(outputs.at(-1).data, label);
    const sums = makeGradients(network);
    const ofImage = backward(network, outputs, grad, sums);
    const ofWeights = sums.flatMap((sum) => Object.values(sum).map((numbers) => [...numbers]));
    return { loss, gradients: [[...ofImage], ...ofWeights] };
})"""

STEPS = """(() => {
    const { decodeLayers } = modules['network/run.js'];
    const { addGradients, decodeDigits, makeOptimizer } = modules['network/trainer.js'];
    const [described, batches, { rate, momentum, isForgetful }] = given;
    const layers = decodeLayers(described);
    const optimizer = makeOptimizer(layers);
    const { images, labels } = decodeDigits(page.stage.digits).train;
    const losses = batches.map((batch) => {
        const pick = (list) => batch.map((n) => list[n]);
        if (!isForgetful) optimizer.zeroGradients();
        const { loss } = addGradients(layers, pick(images), pick(labels), optimizer.gradients);
        optimizer.step(rate, momentum);
        return loss;
    });
    const numbers = ({ weight, bias }) => (weight ? [[...weight.data], [...bias.data]] : []);
    return { losses, weights: layers.flatMap(numbers) };
})()"""

TRAIN = """(() => {
    const { Trainer, decodeDigits } = modules['network/trainer.js'];
    const [activation, steps, settings] = given;
    const trainer = new Trainer(decodeDigits(page.stage.digits), activation);
    while (trainer.isTesting || trainer.steps < steps) trainer.advance(settings);
    const { losses, tests, isDiverged, isSilent, stepsPerEpoch } = trainer;
    return { losses, tests, isDiverged, isSilent, stepsPerEpoch };
})()"""


@pytest.fixture(scope="module")
def page(open_shared_page: OpenPageOf) -> OpenPage:
    model, card = mc.models.load("lenet5-digits")
    digits = mc.data.load("digits", "test")
    return open_shared_page(model, card, digits, "#panel=training&sample=3")


@pytest.fixture
def panel(page: OpenPage) -> OpenPage:
    """The panel with a new run at its first settings, and those before it."""
    page.tab.get_by_role("tab", name="Train here").click()
    set_rate(page, -1)
    page.tab.get_by_label("Forget to zero").set_checked(False)
    page.tab.get_by_label("Momentum").set_checked(True)
    page.tab.get_by_label("Activation").select_option("relu")
    press(page, "Start again")
    return page


def press(page: OpenPage, name: str) -> None:
    """Press a button, and wait until training has stopped, unless it was started."""
    page.tab.get_by_role("button", name=name, exact=True).click()
    if name != "Start":  # an epoch takes a second, and longer on a busy machine
        start = page.tab.get_by_role("button", name="Start", exact=True)
        expect(start).to_be_visible(timeout=30_000)


def set_rate(page: OpenPage, power: float) -> None:
    page.tab.get_by_label("Learning rate").fill(str(power))


def status(page: OpenPage) -> Any:
    return page.tab.locator(".training-status")


def run_names(page: OpenPage) -> list[str]:
    return page.tab.locator(".training-runs tbody th").all_inner_texts()


def trainer(page: OpenPage, expression: str) -> Any:
    """An expression with the `trainer` of the run that is under way."""
    find = "page.panels.find(({ name }) => name === 'training').trainer()"
    return page.run(f"((trainer) => {expression})({find})")


def own_network() -> nn.Sequential:
    """The network that the panel trains."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def random_window(rng: np.random.Generator, paddings: int) -> dict[str, Any]:
    """Options that convolutions and poolings share, different in rows and columns."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return int(rng.integers(low, high)), int(rng.integers(low, high))

    return {
        "kernel_size": pair(1, 4),
        "stride": pair(1, 4),
        "padding": (pair(0, paddings), pair(0, paddings)),
    }


def random_layers(rng: np.random.Generator, channels: int) -> list[Any]:
    """Convolution, activation, pooling, another activation."""
    outputs = int(rng.integers(1, 5))
    dilations = [(int(rng.integers(1, 3)), int(rng.integers(1, 3))) for _ in range(2)]
    pool: Any = (nn.MaxPool2d, nn.MinPool2d, nn.AvgPool2d)[rng.integers(3)]
    dilated: dict[str, Any] = {"count_include_pad": bool(rng.integers(2))}
    if pool is not nn.AvgPool2d:
        dilated = {"dilation": dilations[1]}
    activations = [(nn.ReLU, nn.Sigmoid, nn.Tanh)[rng.integers(3)]() for _ in range(2)]
    bias = bool(rng.integers(2))
    return [
        nn.Conv2d(channels, outputs, **random_window(rng, 3), dilation=dilations[0], bias=bias),
        activations[0],
        pool(**random_window(rng, 2), **dilated, ceil_mode=bool(rng.integers(2))),
        activations[1],
    ]


def random_network(rng: np.random.Generator) -> tuple[nn.Sequential, tuple[int, ...]]:
    """A network of random windows that fit, and the shape of its images."""
    while True:
        shape = tuple(int(n) for n in rng.integers((1, 7, 7), (4, 13, 13)))
        layers = random_layers(rng, shape[0])
        layers += random_layers(rng, layers[0].out_channels)
        layers.append(nn.Flatten())
        try:
            (_, features) = nn.Sequential(*layers)(mc.tensor(np.zeros((1, *shape), "f4"))).shape
        except ValueError:  # a window does not fit, or has no pixel under it
            continue
        return nn.Sequential(*layers, nn.Linear(features, 5)), shape


def assert_close(found: Any, expected: Any, what: str = "") -> None:
    found, expected = np.asarray(found, np.float64).ravel(), np.asarray(expected).ravel()
    assert found.shape == expected.shape, what
    largest = max(float(np.abs(expected).max(initial=0)), 1e-6)
    assert float(np.abs(found - expected).max(initial=0)) <= TOLERANCE * largest, what


def expected_gradients(
    model: nn.Module, image: np.ndarray, label: int
) -> tuple[float, list[np.ndarray]]:
    """The loss, and the gradients of the image and of all parameters, in float64."""
    model.to(np.float64)
    x = mc.tensor(image[None].astype(np.float64), requires_grad=True)
    loss = ops.cross_entropy(model(x), np.array([label]))
    loss.backward()
    tensors = [x, *model.parameters()]
    return loss.item(), [tensor.grad.numpy() for tensor in tensors if tensor.grad is not None]


def test_gradients_agree_with_autograd(page: OpenPage) -> None:
    rng = np.random.default_rng(5)
    networks = [random_network(rng) for _ in range(NETWORKS)] + [(own_network(), (1, 8, 8))]
    images = [rng.standard_normal(shape).astype(np.float32) for _, shape in networks]
    labels = [int(label) for label in rng.integers(0, 5, len(networks))]
    found = page.run(
        GRADIENTS,
        [
            {
                "layers": describe_layers(model, shape), "shape": shape,
                "image": to_base64(image), "label": label,
            }
            for (model, shape), image, label in zip(networks, images, labels, strict=True)
        ],
    )  # fmt: skip
    for (model, _), image, label, result in zip(networks, images, labels, found, strict=True):
        loss, gradients = expected_gradients(model, image, label)
        assert_close(result["loss"], loss, repr(model))
        for ours, theirs in zip(result["gradients"], gradients, strict=True):
            assert_close(ours, theirs, repr(model))


@pytest.mark.parametrize("pool", [nn.MaxPool2d, nn.MinPool2d])
def test_the_first_of_equal_pixels_takes_the_gradient(page: OpenPage, pool: Any) -> None:
    shape = (2, 6, 6)
    image = np.random.default_rng(2).integers(0, 2, shape).astype(np.float32)
    model = nn.Sequential(pool(3, stride=2, padding=1), nn.Flatten(), nn.Linear(18, 5))
    given = {"layers": describe_layers(model, shape), "shape": shape}
    (found,) = page.run(GRADIENTS, [{**given, "image": to_base64(image), "label": 1}])
    _, gradients = expected_gradients(model, image, 1)
    assert_close(found["gradients"][0], gradients[0])


def test_the_loss_of_large_scores_is_finite(page: OpenPage) -> None:
    scores = [1000.0, -1000.0, 999.0]
    found = page.run(
        "[...given[0].keys()].map((label) =>"
        " modules['network/gradients.js'].crossEntropy(Float32Array.from(given[0]), label).loss)",
        scores,
    )
    rows = mc.tensor(np.array([scores] * 3))
    assert_close(found, ops.cross_entropy(rows, np.arange(3), reduction="none").numpy())


@pytest.mark.parametrize("is_forgetful", [False, True])
def test_five_steps_are_those_of_sgd_with_momentum(page: OpenPage, is_forgetful: bool) -> None:
    model = own_network()
    described = describe_layers(model, (1, 8, 8))
    batches = np.random.default_rng(3).choice(1442, (5, 32), replace=False)
    settings = {**SETTINGS, "isForgetful": is_forgetful}
    found = page.run(STEPS, described, batches.tolist(), settings)
    model.to(np.float64)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    digits = mc.data.load("digits", "train")
    for batch, loss_of_page in zip(batches, found["losses"], strict=True):
        images, labels = digits[batch]
        if not is_forgetful:
            optimizer.zero_grad()
        loss = ops.cross_entropy(model(mc.tensor(images.astype(np.float64))), labels)
        loss.backward()
        optimizer.step()
        assert_close(loss_of_page, loss.item())
    for ours, theirs in zip(found["weights"], model.parameters(), strict=True):
        assert_close(ours, theirs.numpy())


def test_weights_start_as_in_minicnn_and_the_same_each_time(page: OpenPage) -> None:
    script = """[1, 1, 2].map((seed) => {
        const { makeNetwork } = modules['network/trainer.js'];
        const { makeRandom } = modules['network/random.js'];
        return makeNetwork('relu', makeRandom(seed)).filter(({ weight }) => weight)
            .flatMap(({ weight, bias }) => [[...weight.data], [...bias.data]]);
    })"""
    first, second, other = page.run(script)
    assert first == second != other
    for numbers, fan_in in zip(first, [9, 9, 72, 72, 64, 64], strict=True):
        assert np.abs(numbers).max() <= 1 / np.sqrt(fan_in)
    for numbers, fan_in in zip(first[2::2], [72, 64], strict=True):
        # That of a uniform distribution; 640 numbers and more are within 10 % of it.
        assert np.std(numbers) == pytest.approx(1 / np.sqrt(3 * fan_in), rel=0.1)
        assert abs(np.mean(numbers)) < 0.1 / np.sqrt(fan_in)


def test_the_generator_is_mulberry32(page: OpenPage) -> None:
    def mulberry32(state: int) -> Iterator[float]:
        while True:
            state = (state + 0x6D2B79F5) % 2**32
            t = (state ^ state >> 15) * (state | 1) % 2**32
            t ^= (t + (t ^ t >> 7) * (t | 61)) % 2**32
            yield (t ^ t >> 14) / 2**32

    found = page.run(
        "given[0].map((seed) => { const random = modules['network/random.js'].makeRandom(seed);"
        " return [random(), random(), random()]; })",
        [0, 7, 4_000_000_000],
    )
    for numbers, seed in zip(found, [0, 7, 4_000_000_000], strict=True):
        assert numbers == [number for number, _ in zip(mulberry32(seed), range(3), strict=False)]


def test_three_epochs_read_nine_of_ten_test_digits(page: OpenPage) -> None:
    found = page.run(TRAIN, "relu", 135, SETTINGS)
    assert found["stepsPerEpoch"] == 45
    assert found["tests"][-1][1] > 0.9
    places = [place for place, _ in found["tests"]]
    assert (places[0], places[-1], len(places)) == (0, 3, 13)
    assert max(after - before for before, after in pairwise(places)) < 0.3


def test_an_epoch_uses_each_digit_at_most_once_in_another_order(page: OpenPage) -> None:
    script = """(() => {
        const { makeRandom, shuffledNumbers } = modules['network/random.js'];
        const random = makeRandom(1);
        return [shuffledNumbers(1442, random), shuffledNumbers(1442, random)];
    })()"""
    first, second = page.run(script)
    assert sorted(first) == sorted(second) == list(range(1442))
    assert first != second != sorted(second)


def test_a_sigmoid_learns_later_than_a_relu(page: OpenPage) -> None:
    relu, sigmoid = (page.run(TRAIN, kind, 45, SETTINGS) for kind in ("relu", "sigmoid"))
    assert relu["tests"][-1][1] > 0.6
    assert sigmoid["tests"][-1][1] < 0.3


def test_steps_that_are_too_large_silence_the_relus(page: OpenPage) -> None:
    found = page.run(TRAIN, "relu", 20, {**SETTINGS, "rate": 3})
    assert found["isSilent"]
    assert found["tests"][-1][1] < 0.2


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 20)])
def test_a_drawing_is_cut_out_and_shrunk(page: OpenPage, shape: tuple[int, ...]) -> None:
    """A grey cross of 16x16 pixels, on white paper in colours, becomes one of 8x8 that is full."""
    cross = np.zeros((16, 16), np.float32)
    cross[6:10] = cross[:, 6:10] = 0.5
    ink = np.zeros(shape[1:], np.float32)
    ink[9:25, 2:18] = cross
    image = ink[None] if shape[0] == 1 else np.repeat(1 - ink[None], 3, axis=0)
    script = "[...modules['network/small_digit.js'].smallDigit(valueOf(...given)).data]"
    found = np.reshape(page.run(script, shape, to_base64(image)), (8, 8))
    np.testing.assert_allclose(found, 2 * cross[::2, ::2], atol=1e-6)


def test_a_drawing_without_ink_is_none(page: OpenPage) -> None:
    script = "modules['network/small_digit.js'].smallDigit({ shape: [1, 9, 9], data: given[0] })"
    assert page.run(script, [0] * 81) is None


def test_a_pause_is_said_when_its_test_is_finished(page: OpenPage) -> None:
    script = """given.map((isTesting) => {
        const { buildReport } = modules['view/training_report.js'];
        const trainer = { steps: 45, losses: [1], tests: [[0.75, 0.47]], seen: 1440, epochs: 1 };
        const run = { trainer: { ...trainer, isTesting }, rate: [0.1], isForgetful: [] };
        const report = buildReport();
        report.show(run, { isRunning: false, speed: 0 });
        return report.element.querySelector('[role=status]').textContent;
    })"""
    before, after = page.run(script, True, False)
    assert before == "Learning…"
    assert after == "Paused after 1.00 epochs: 47.0% of the test images are right."


def test_one_step_then_one_epoch(panel: OpenPage) -> None:
    press(panel, "One step")
    before = 100 * trainer(panel, "trainer.tests[0][1]")
    expect(status(panel)).to_have_text(
        f"Paused after 0.02 epochs: {before:.1f}% of the test images are right."
    )
    press(panel, "One epoch")
    expect(status(panel)).to_contain_text("Paused after 1.00 epochs")
    values = panel.tab.locator(".training-numbers dd").all_inner_texts()
    assert values[:2] == ["1.00", "1,440"]
    accuracy = trainer(panel, "trainer.tests.at(-1)[1]")
    assert values[3] == f"{100 * accuracy:.1f}%"
    assert accuracy > 0.5
    assert float(values[4]) > 0


def test_training_runs_until_it_is_paused_and_stops_when_the_panel_closes(panel: OpenPage) -> None:
    for stop in ("Pause", "Watch"):
        press(panel, "Start")
        expect(status(panel)).to_have_text("Learning…")
        panel.tab.wait_for_timeout(300)
        role = "tab" if stop == "Watch" else "button"
        panel.tab.get_by_role(role, name=stop).first.click()
        panel.tab.wait_for_timeout(100)
        steps = trainer(panel, "trainer.steps")
        panel.tab.wait_for_timeout(200)
        assert trainer(panel, "trainer.steps") == steps > 0


def test_start_again_keeps_three_runs_named_by_their_settings(panel: OpenPage) -> None:
    weights = trainer(panel, "[...trainer.layers[3].weight.data]")
    press(panel, "One step")
    assert trainer(panel, "[...trainer.layers[3].weight.data]") != weights
    panel.tab.get_by_label("Activation").select_option("sigmoid")
    assert trainer(panel, "[...trainer.layers[3].weight.data]") == weights
    press(panel, "One step")
    set_rate(panel, 0.5)
    press(panel, "One step")
    press(panel, "Start again")
    panel.tab.get_by_label("Momentum").set_checked(False)
    panel.tab.get_by_label("Forget to zero").set_checked(True)
    press(panel, "One step")
    assert run_names(panel) == [
        "sigmoid, rate 3.2, no momentum, gradients not zeroed (now)",
        "sigmoid, rate 0.1 → 3.2",
        "ReLU, rate 0.1",
        *run_names(panel)[3:],
    ]
    press(panel, "Start again")
    press(panel, "One step")
    assert len(run_names(panel)) == 4
    # The tests of each run, in each chart, and the losses of the current one.
    assert panel.tab.locator(".training-charts polyline").count() == 9


def test_a_loss_that_is_not_a_number_is_reported_and_ends_the_run(panel: OpenPage) -> None:
    press(panel, "One step")
    trainer(panel, "trainer.layers[7].weight.data.fill(Infinity)")
    press(panel, "Start")
    expect(status(panel)).to_contain_text(
        "Stopped at step 2: the loss is no longer a finite number"
    )
    expect(status(panel)).to_contain_text("not a number. With a learning rate of 0.1")
    for name in ("Start", "One step", "One epoch"):
        expect(panel.tab.get_by_role("button", name=name, exact=True)).to_be_disabled()
    expect(panel.tab.get_by_text("No answer: the weights have overflowed.").first).to_be_visible()
    press(panel, "Start again")
    press(panel, "One step")
    assert trainer(panel, "Number.isFinite(trainer.losses.at(-1))")


def test_a_rate_that_is_too_high_is_reported(panel: OpenPage) -> None:
    set_rate(panel, 1)
    for _ in range(9):
        press(panel, "One step")
    expect(status(panel)).to_contain_text("All ReLUs of the last convolution give 0")
    expect(status(panel)).to_contain_text("Choose a smaller learning rate")


def test_the_drawing_is_read_by_the_network_that_learns(panel: OpenPage) -> None:
    press(panel, "One epoch")
    cards = panel.tab.locator(".training-card")
    for number in (0, 4):
        panel.run("page.input.chooseSample(given[0])", number)
        answer = trainer(
            panel, "modules['network/trainer.js'].predict(trainer.layers, page.stage.image)"
        )
        expect(cards.nth(1)).to_contain_text(f"read as {answer}")
    maps = panel.tab.get_by_role("img", name="Output of the convolution").first
    before = maps.get_attribute("aria-label")
    cards.nth(1).get_by_role("button", name="Show its maps").click()
    assert maps.get_attribute("aria-label") != before
    panel.run("page.stage.show(null)")
    expect(cards.nth(1)).to_contain_text("Draw a digit")
    assert maps.get_attribute("aria-label") == before
    panel.run("page.input.chooseSample(3)")


def test_filters_are_drawn_red_above_0_and_blue_below(panel: OpenPage) -> None:
    press(panel, "One step")
    script = """[...document.querySelectorAll('.training-row canvas')].slice(0, 8).map((canvas) =>
        [...canvas.getContext('2d').getImageData(0, 0, 3, 3).data])"""
    drawn = np.reshape(panel.run(script), (72, 4))
    weights = np.array(trainer(panel, "[...trainer.layers[0].weight.data]"))
    clear = np.abs(weights) > 0.1 * np.abs(weights).max()
    assert ((drawn[:, 0] > drawn[:, 2]) == (weights > 0))[clear].all()


def test_the_next_mistake_is_one(panel: OpenPage) -> None:
    press(panel, "One epoch")
    card = panel.tab.locator(".training-card").first
    for _ in range(2):
        card.get_by_role("button", name="Next mistake").click()
        expect(card).to_contain_text("✗")


@pytest.mark.parametrize("width", [360, 1200])
def test_the_panel_fits_the_screen(panel: OpenPage, width: int) -> None:
    press(panel, "One step")
    panel.tab.set_viewport_size({"width": width, "height": 900})
    assert panel.run("document.documentElement.scrollWidth") == width
    panel.tab.set_viewport_size({"width": 1200, "height": 900})
