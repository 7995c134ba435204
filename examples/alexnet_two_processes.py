"""AlexNet as in 2012, where each of two GPUs held half of the maps; here two processes do.

    mpiexec -n 2 python examples/alexnet_two_processes.py

Each process has half of the kernels of every layer and half of the neurons. In conv2, conv4 and
conv5 a process sees only its own maps; before conv3 and the dense layers the two exchange theirs.
The same network in one process, with two groups, gives the same numbers up to rounding. Without
mpiexec one process holds everything.
"""

import numpy as np

import minicnn as mc
from minicnn import nn, ops, optim
from minicnn.parallel import all_maps, rank, size


class Part(nn.Module):
    """What one process holds of a whole AlexNet."""

    def __init__(self, whole):
        groups = 2 // size()
        self.conv1 = own(nn.Conv2d(3, 96 // size(), 11, stride=4), whole.conv1)
        self.conv2 = own(nn.Conv2d(96 // size(), 256 // size(), 5, 1, 2, 1, groups), whole.conv2)
        self.conv3 = own(nn.Conv2d(256, 384 // size(), 3, padding=1), whole.conv3)
        self.conv4 = own(nn.Conv2d(384 // size(), 384 // size(), 3, 1, 1, 1, groups), whole.conv4)
        self.conv5 = own(nn.Conv2d(384 // size(), 256 // size(), 3, 1, 1, 1, groups), whole.conv5)
        self.fc6 = own(nn.Linear(9216, 4096 // size()), whole.fc6)
        self.fc7 = own(nn.Linear(4096, 4096 // size()), whole.fc7)
        self.fc8 = own(nn.Linear(4096, 1000 // size()), whole.fc8)
        self.norm1, self.norm2 = whole.norm1, whole.norm2  # of its own maps, as each GPU did
        self.pool, self.flatten = nn.MaxPool2d(3, 2), nn.Flatten()

    def forward(self, x):
        x = self.pool(self.norm1(ops.relu(self.conv1(x))))
        x = self.pool(self.norm2(ops.relu(self.conv2(x))))
        x = ops.relu(self.conv3(all_maps(x)))  # conv3 sees the maps of both
        x = self.pool(ops.relu(self.conv5(ops.relu(self.conv4(x)))))
        x = ops.relu(self.fc6(all_maps(self.flatten(x))))
        x = ops.relu(self.fc7(all_maps(x)))
        return all_maps(self.fc8(all_maps(x)), replicated=True)  # both compute the same loss


def own(layer, whole):
    """The layer with the part of the kernels, or neurons, that belongs to this process."""
    state = {}
    for name, array in whole.state_dict().items():
        part = len(array) // size()
        state[name] = array[rank() * part : (rank() + 1) * part]
    layer.load_state_dict(state)
    return layer


class OnHalves(nn.Module):
    """A layer on each half of the maps: the neighbours on the other GPU do not count."""

    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        half = x.shape[1] // 2
        return ops.concatenate([self.layer(x[:, :half]), self.layer(x[:, half:])], 1)


def train(name, model, images, labels):
    """Three steps; dropout is off, since its masks would be others."""
    optimizer = optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    losses = []
    for _ in range(3):
        loss = ops.cross_entropy(model.eval()(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if rank() == 0:
        parameters = sum(p.size for p in model.parameters())
        print(f"{name:22} {parameters:>10,} parameters, losses", *(f"{x:.6f}" for x in losses))
    return np.array(losses)


def main():
    if size() > 2:
        raise SystemExit("expected one or two processes: mpiexec -n 2 python ...")
    mc.manual_seed(0)
    rng = np.random.default_rng(0)
    images = mc.tensor(rng.standard_normal((4, 3, 227, 227)).astype(np.float32))
    labels = np.array([1, 20, 300, 999])
    whole = mc.models.alexnet()
    parts = train(f"each of {size()} process{'es' * (size() > 1)}", Part(whole), images, labels)
    if rank() == 0:
        whole.norm1, whole.norm2 = OnHalves(whole.norm1), OnHalves(whole.norm2)
        single = train("one process, 2 groups", whole, images, labels)
        if size() == 2:
            print(f"largest difference of the losses: {np.abs(parts - single).max():.1e}")


main()
