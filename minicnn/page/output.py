"""A page as a file, and in a notebook."""

from __future__ import annotations

import html
import os

from .. import io
from ..data import ArrayDataset
from ..models import ModelCard
from ..nn import Module
from ..train import Snapshots
from .assemble import assemble
from .contents import collect


def write(
    model: Module,
    path: str | os.PathLike[str],
    card: ModelCard | None = None,
    dataset: ArrayDataset | None = None,
    ink_box: int | None = None,
    snapshots: Snapshots | None = None,
) -> None:
    """Write a page on which you draw, and which shows every number that a network computes.

    model      a ``Sequential`` of convolutions, pooling, padding, dense layers, activations, local
               response norm, batch norm and dropout, or a model of ``mc.models`` that is one; it
               is shown in evaluation mode
    card       its classes and the images it was trained on, as ``models.load`` returns it
    dataset    images like those: one of each class is offered on the page. Without a card it also
               says how large an image is and how the classes are called
    ink_box    the longer side of a digit in the images, if these show ink as MNIST's do (20, and 8
               for the bundled digits): what is drawn is then cut out and centred like them. By
               default that of the card, or of a data set of minicnn
    snapshots  the ``train.Snapshots`` of its training, whose states the page then shows, too

    The file holds the weights and loads nothing.
    Raises PageError, a ValueError that names the layer, for a network that the page cannot show,
    and for snapshots of another one; OSError, naming the path, if it cannot be written; TypeError
    or ValueError for an invalid path.

    >>> model, card = mc.models.load("lenet5-digits")
    >>> mc.page.write(model, "lenet5.html", card, mc.data.load("digits", "test"))
    """
    io.check_path("page.write", path)
    page = assemble(collect(model, card, dataset, ink_box, snapshots))
    io.write_whole("page.write", path, page.encode("utf-8"))


class Page:
    """A page that a notebook displays in a frame."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        style = "width: 100%; height: 48rem; border: 0"
        return (
            f'<iframe title="minicnn" srcdoc="{html.escape(self.text)}" style="{style}"></iframe>'
        )


def show(
    model: Module,
    card: ModelCard | None = None,
    dataset: ArrayDataset | None = None,
    ink_box: int | None = None,
    snapshots: Snapshots | None = None,
) -> Page:
    """The page of ``write``, displayed in a notebook. Arguments and errors as there.

    >>> mc.page.show(*mc.models.load("lenet5-digits"))
    <minicnn.page.output.Page object at ...>
    """
    return Page(assemble(collect(model, card, dataset, ink_box, snapshots)))
