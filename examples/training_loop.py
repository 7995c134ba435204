"""LeNet-5 on the bundled digits, with a hand-written training loop: 97 % in ten seconds."""

import minicnn as mc
from minicnn import data, ops, optim

mc.manual_seed(0)
resize = data.transforms.Resize((28, 28))  # the digits are 8x8, LeNet-5 takes 28x28
train, test = data.load("digits")
batches = data.DataLoader(train, batch_size=32, shuffle=True, seed=0, transform=resize)
model = mc.models.lenet5()
optimizer = optim.Adam(model.parameters())

for epoch in range(1, 31):
    for images, labels in batches:  # Tensors (32, 1, 28, 28) and (32,)
        loss = ops.cross_entropy(model(images), labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch:2}  loss of the last batch {loss.item():.3f}")

with mc.no_grad():
    pixels, labels = test[:]
    logits = model.eval()(mc.tensor(resize(pixels)))
    print(f"accuracy on {len(test)} held-out digits: {ops.accuracy(logits, labels).item():.2%}")
