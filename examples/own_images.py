"""Training on your own pictures: ``python examples/own_images.py DIR``.

DIR has one folder per class: DIR/cats/1.jpg, DIR/dogs/2.png, ...; the pictures may have any size.
Without DIR, the script draws squares and circles. Needs ``pip install '.[images]'``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import minicnn as mc
from minicnn import data, nn, optim
from minicnn.data import transforms


def draw_shapes(folder: Path) -> None:
    """Draw squares and circles of random position, size and colour, 200 of each."""
    rng = np.random.default_rng(0)
    for shape in ("circles", "squares"):
        (folder / shape).mkdir()
        for i in range(200):
            paper, ink = (
                tuple(int(c) for c in rng.integers(low, low + 128, 3)) for low in (0, 128)
            )
            picture = Image.new("RGB", (80, 60), paper)
            left, top, side = (
                int(n) for n in (rng.integers(50), rng.integers(30), rng.integers(14, 30))
            )
            box = (left, top, left + side, top + side)
            pencil = ImageDraw.Draw(picture)
            (pencil.ellipse if shape == "circles" else pencil.rectangle)(box, fill=ink)
            picture.save(folder / shape / f"{i}.png")


def network(classes: int) -> nn.Sequential:
    """Three convolutions for 32x32 colour images; two halve the maps, a global maximum follows."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding="same"),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding="same"),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding="same"),
        nn.ReLU(),
        nn.GlobalMaxPool2d(),
        nn.Linear(64, classes),
    )


mc.manual_seed(0)
with tempfile.TemporaryDirectory() as drawn:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else drawn)
    if len(sys.argv) == 1:
        draw_shapes(folder)
    pictures = data.ImageFolder(folder, size=(32, 32))
    train, test = data.random_split(pictures, (0.8, 0.2), seed=0)
    print(f"{len(train)} + {len(test)} pictures of {', '.join(pictures.classes)}")
    augment = transforms.Compose(
        [transforms.RandomHorizontalFlip(), transforms.RandomCrop(32, padding=2)]
    )
    batches = data.DataLoader(train, 32, shuffle=True, seed=0, transform=augment)
    model = network(len(pictures.classes))
    trainer = mc.train.Trainer(model, optim.Adam(model.parameters(), 3e-3))
    for _ in range(6):
        history = trainer.fit(batches, 5)
        print(f"epoch {len(history):2}  loss {history['loss'][-1]:.3f}")
    held_out = trainer.evaluate(data.DataLoader(test, 32))
    print(f"accuracy {held_out['accuracy']:.2%} on held-out pictures")

weights = Path(tempfile.gettempdir()) / "own_images.safetensors"
mc.save(weights, model.state_dict())
print(f"network saved to {weights}")
