"""Trainer.evaluate and predict: right means, and nothing left behind."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops, train


def test_the_last_short_batch_weighs_by_its_images(make, batches, problem, loss_of):
    trainer = make()
    pixels, labels = problem
    result = trainer.evaluate(batches)
    assert list(result) == ["loss", "accuracy"]
    assert result["loss"] == pytest.approx(loss_of(trainer.model, pixels, labels), rel=1e-6)
    right = trainer.predict(pixels).data.argmax(1) == labels
    assert result["accuracy"] == pytest.approx(right.mean(), rel=1e-6)
    assert all(type(value) is float for value in result.values())
    assert trainer.evaluate(batch for batch in batches) == result


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_it_leaves_mode_gradients_and_weights_as_they_were(make, batches, training, fails):
    trainer = make()
    trainer.fit(batches, 1)
    trainer.model.train(training)
    grads = [p.grad for p in trainer.model.parameters()]
    values = [g.data.copy() for g in grads]
    state = trainer.model.state_dict()
    modes = []
    trainer.model[0].register_forward_hook(lambda module, *_: modes.append(module.training))
    for use in (trainer.evaluate, lambda data: trainer.predict(data[0][0])):
        if fails:
            with pytest.raises(ValueError, match="conv2d"):
                use([(np.zeros((1, 2, 4, 4), np.float32), [0])])
        else:
            use(batches)
    assert all(mode is False for mode in modes)
    assert [m.training for m in trainer.model.modules()] == [training] * 5
    for p, g, value in zip(trainer.model.parameters(), grads, values, strict=True):
        assert p.grad is g
        np.testing.assert_array_equal(p.grad.data, value)
    for name, array in trainer.model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert mc.is_grad_enabled()
    assert len(trainer.history) == 1


def test_parts_in_evaluation_mode_stay_in_it(make, batches):
    trainer = make()
    trainer.model[0].eval()
    trainer.evaluate(batches)
    assert [m.training for m in trainer.model.modules()] == [True, False, True, True, True]


def test_nothing_is_recorded(make, batches):
    trainer = make()
    recorded = []
    trainer.model.register_forward_hook(lambda m, i, output: recorded.append(output.requires_grad))
    trainer.evaluate(batches)
    assert not trainer.predict(batches[0][0]).requires_grad
    assert recorded == [False] * 4


def test_metrics_by_name_function_and_object(make, batches):
    def errors(outputs, labels):
        return 1 - ops.accuracy(outputs, labels)

    class Largest:
        def __call__(self, outputs, labels):
            return outputs.max()

    trainer = make(metrics=("accuracy", errors, Largest(), functools.partial(errors)))
    result = trainer.evaluate(batches)
    assert list(result)[:4] == ["loss", "accuracy", "errors", "Largest"]
    assert result["errors"] == pytest.approx(1 - result["accuracy"])
    assert list(make(metrics=()).evaluate(batches)) == ["loss"]
    row = trainer.fit(batches, 1, validation=batches).rows[0]
    assert {"errors", "val_errors", "Largest", "val_Largest"} <= row.keys()


@pytest.mark.parametrize("metrics", [("acuracy",), ("accuracy", "loss"), "accuracy"])
def test_an_unknown_metric(make, metrics):
    with pytest.raises((TypeError, ValueError), match=r"metrics: got .*accuracy"):
        make(metrics=metrics)


def loss(outputs, labels):
    return ops.accuracy(outputs, labels)


@pytest.mark.parametrize(
    "metrics",
    [
        (lambda o, t: o.max(), lambda o, t: o.min()),  # both are called <lambda>
        ("accuracy", "accuracy"),
        (loss,),  # would take the place of the loss, and hide a NaN
    ],
)
def test_metrics_that_would_overwrite_each_other_are_refused(make, metrics):
    with pytest.raises(ValueError, match="metrics"):
        make(metrics=metrics)


@pytest.mark.parametrize("kind", ["array", "tensor", "batch-last", "list"])
@pytest.mark.parametrize("batch_size", [1, 5, 22, 23, 512])
def test_predict_in_pieces_is_predict_at_once(make, problem, kind, batch_size):
    pixels = problem[0]
    trainer = make()
    with mc.no_grad():
        expected = trainer.model(mc.tensor(pixels)).data
    x = {
        "array": pixels,
        "tensor": mc.tensor(pixels),
        "batch-last": np.asarray(pixels, order="F"),
        "list": list(pixels),
    }[kind]
    outputs = trainer.predict(x, batch_size)
    assert isinstance(outputs, mc.Tensor)
    assert outputs.shape == (22, 2)
    np.testing.assert_allclose(outputs.data, expected, rtol=1e-5, atol=1e-6)


def test_predict_takes_one_image_as_a_batch_of_one(make, problem):
    assert make().predict(problem[0][:1]).shape == (1, 2)
    with pytest.raises(ValueError, match="four axes"):
        make().predict(problem[0][0])


@pytest.mark.parametrize("x", [np.zeros((0, 1, 4, 4), np.float32), np.float32(1), []])
def test_predict_refuses_no_images(make, x):
    with pytest.raises(ValueError, match="predict: x has shape .*at least one image"):
        make().predict(x)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_predict_refuses_a_batch_size_that_is_none(make, problem, batch_size):
    with pytest.raises((TypeError, ValueError), match="batch_size"):
        make().predict(problem[0], batch_size)


def test_predict_does_not_change_its_input(make, problem):
    pixels = problem[0].copy()
    pixels.flags.writeable = False
    make().predict(pixels)
    np.testing.assert_array_equal(pixels, problem[0])


def test_bytes_are_read_as_the_data_sets_read_them():
    """Also where no layer asks for floats, and the numbers would be 255 times too large."""

    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(16, 2)

        def forward(self, x):
            return self.linear((x - 0.5).flatten(1))

    pixels = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 4)).astype(np.uint8)
    labels = np.arange(6) % 2
    images, _ = mc.data.ArrayDataset(pixels, labels)[:]
    model = Shifted()
    trainer = train.Trainer(model, mc.optim.SGD(model.parameters(), 0.1))
    np.testing.assert_array_equal(trainer.predict(pixels).data, trainer.predict(images).data)
    expected = trainer.evaluate([(images, labels)])
    assert trainer.evaluate([(pixels, labels)]) == expected
    history = trainer.fit([(pixels, labels)], epochs=1)
    assert history["loss"][0] == pytest.approx(expected["loss"])
