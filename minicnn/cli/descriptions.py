"""What the help says of the models, recipes and data sets, one line each."""

from __future__ import annotations

from collections.abc import Mapping

MODEL_LINES = {
    "lenet5": "LeNet-5 as the course codes it: ReLU, max pooling; 44,426 parameters",
    "lenet5_sigmoid": "LeNet-5 as the course's text describes it: 32x32 images, sigmoid",
    "lenet5_1998": "LeNet-5 of the paper: sparse C3, trainable subsampling, bitmaps as targets",
    "alexnet_mnist": "the course's simplified AlexNet; 241,546 parameters",
    "scaled_alexnet": "AlexNet's eight layers, LRN, dropout for small images; 746,186 parameters",
}
RECIPE_LINES = {
    "course": "as the course trains: Adam, a fixed number of epochs",
    "best": "longer, with distorted images, and a tenth of them held out to choose the epoch",
    "paper": "as the paper of 1998 trains: steps from second derivatives",
}
DATA_LINES = {
    "digits": "1,442 + 355 handwritten digits of 8x8 pixels, which come with minicnn",
    "mnist": "60,000 + 10,000 handwritten digits of 28x28; 11 MB to download",
    "fashion-mnist": "60,000 + 10,000 pieces of clothing of 28x28; 31 MB to download",
    "cifar10": "50,000 + 10,000 animals and vehicles of 32x32 in colour; 170 MB to download",
    "DIR": "your pictures in one folder per class, or IDX files",
    "auto": "mnist if it is here or can be downloaded, otherwise digits",
}


def lines(title: str, entries: Mapping[str, str]) -> str:
    """A title, and below it a line for each entry."""
    width = max(map(len, entries))
    return "\n".join(
        [f"{title}:", *(f"  {name:<{width}}  {line}" for name, line in entries.items())]
    )


def examples(*commands: str) -> str:
    """The examples at the end of a help."""
    return "\n".join(["examples:", *(f"  minicnn {command}" for command in commands)])
