"""A training step of LeNet-5 on each device of this machine: images per second, by batch size."""

import time

import numpy as np

import minicnn as mc
from minicnn import ops, optim


def images_per_second(device: str, batch_size: int, steps: int = 20) -> float:
    """The median over steps, each timed until its result is available."""
    mc.manual_seed(0)
    model = mc.models.lenet5().to(device)
    optimizer = optim.Adam(model.parameters())
    rng = np.random.default_rng(0)
    images = mc.tensor(rng.random((batch_size, 1, 28, 28), np.float32), device=device)
    labels = rng.integers(0, 10, batch_size)
    seconds = []
    for _ in range(steps + 3):
        start = time.perf_counter()
        loss = ops.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.fc3.bias.numpy()  # calls return before a GPU is done; reading a result waits
        seconds.append(time.perf_counter() - start)
    return batch_size / float(np.median(seconds[3:]))  # the first ones compile and allocate


devices = ["cpu", "cuda"] if mc.cuda_is_available() else ["cpu"]
if "cuda" not in devices:
    print("no usable GPU (`minicnn devices` tells why): measuring only the CPU\n")
print("batch size  " + "  ".join(f"{device:>12}" for device in devices))
for batch_size in (1, 32, 128, 512, 2048):
    speeds = [images_per_second(device, batch_size) for device in devices]
    print(f"{batch_size:10}  " + "  ".join(f"{speed:8,.0f} i/s" for speed in speeds))
