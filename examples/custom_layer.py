"""A layer of your own: pooling that learns how to mix the maximum and the mean.

y = a max(window) + (1 - a) mean(window), a = sigmoid(w) (Lee, Gallagher and Tu, "Generalizing
Pooling Functions in Convolutional Neural Networks", AISTATS 2016, section 3.1).
"""

import numpy as np

import minicnn as mc
from minicnn import Parameter, Tensor, data, nn, ops, optim
from minicnn.testing import gradcheck


def mixed_pool2d(x: Tensor, w: Tensor, kernel_size: int) -> Tensor:
    """x (N, C, H, W), w (1,); composed of operations, it needs no backward of its own."""
    a = ops.sigmoid(w)  # between 0 and 1
    return a * ops.max_pool2d(x, kernel_size) + (1 - a) * ops.avg_pool2d(x, kernel_size)


class MixedPool2d(nn.Module):
    def __init__(self, kernel_size: int) -> None:
        self.kernel_size = kernel_size  # a plain value: repr shows it
        self.mix = Parameter(np.zeros(1, np.float32))  # a Parameter is learned and saved

    def forward(self, x: Tensor) -> Tensor:
        return mixed_pool2d(x, self.mix, self.kernel_size)


rng = np.random.default_rng(0)
x, w = (mc.tensor(rng.standard_normal(s), requires_grad=True) for s in ((2, 3, 4, 4), (1,)))
print("gradients checked:", gradcheck(lambda x, w: mixed_pool2d(x, w, 2), (x, w)))

mc.manual_seed(0)
model = nn.Sequential(
    {
        "conv1": nn.Conv2d(1, 16, 3, padding="same"),
        "pool1": MixedPool2d(2),
        "relu1": nn.ReLU(),
        "conv2": nn.Conv2d(16, 32, 3, padding="same"),
        "pool2": MixedPool2d(2),
        "relu2": nn.ReLU(),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(32 * 2 * 2, 10),
    }
)
print(mc.summary(model, (1, 8, 8)))
train, test = data.load("digits")
trainer = mc.train.Trainer(model, optim.Adam(model.parameters(), lr=5e-3))
trainer.fit(data.DataLoader(train, 32, shuffle=True, seed=0), epochs=15)
print(f"accuracy {trainer.evaluate(data.DataLoader(test, 355))['accuracy']:.2%}")
for name in ("pool1", "pool2"):
    share = ops.sigmoid(getattr(model, name).mix).item()
    print(f"{name} takes {share:.0%} of the maximum, {1 - share:.0%} of the mean")
