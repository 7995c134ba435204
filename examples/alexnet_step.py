"""The full AlexNet of 2012 on the CPU: ten steps on four images, and the peak memory (on Linux)."""

import resource

import numpy as np

import minicnn as mc
from minicnn import ops, optim

mc.manual_seed(0)
rng = np.random.default_rng(0)
images = mc.tensor(rng.standard_normal((4, 3, 227, 227)).astype(np.float32))
labels = np.array([1, 20, 300, 999])
model = mc.models.alexnet()
print(f"{sum(p.size for p in model.parameters()):,} parameters")
# As in the paper, whose learning rate of 0.01 is for batches of 128.
optimizer = optim.SGD(model.parameters(), lr=2e-4, momentum=0.9, weight_decay=5e-4)

for step in range(1, 11):
    loss = ops.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step:2}  loss {loss.item():.3f}")

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"peak memory {peak:.1f} GiB")
