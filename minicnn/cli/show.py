"""``minicnn show``: a network as a page in the browser."""

from __future__ import annotations

import argparse
import re
import tempfile
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import data, page
from ..io import check_writable
from ..models import MODELS, ImageClassifier, ModelCard
from ..models.card import card_for
from ..models.shipped import shipped_names, shipped_path
from .descriptions import examples
from .inputs import InputError, file_path, load_network
from .sources import find_source


def add_show(commands: Any) -> None:
    """Add the command and its options to the parser."""
    command = commands.add_parser(
        "show",
        help="open a network in the browser: draw, and click any number",
        description="Write a network as one HTML file, in which you draw and see every number\n"
        "that it computes, and open it in the browser. The file works offline, on phones too.",
        epilog=examples("show", "show lenet5-mnist-course.safetensors -o my_network.html"),
    )
    command.add_argument(
        "network", nargs="?", default="lenet5", metavar="WEIGHTS|MODEL",
        help="a file of weights or a checkpoint from train, what comes with minicnn ("
        f"{', '.join(shipped_names())}), or a model with random weights: {', '.join(MODELS)}; "
        "default: lenet5",
    )  # fmt: skip
    command.add_argument(
        "-o", "--output", type=file_path, metavar="PAGE.html",
        help="write it there; by default it is written to a temporary file and opened",
    )  # fmt: skip
    command.add_argument(
        "--model", choices=MODELS, metavar="NAME",
        help="for a file that does not say which model it holds",
    )  # fmt: skip
    command.add_argument(
        "--data", metavar="NAME|DIR",
        help="images to choose from on the page; default: what it was trained on, if that is here",
    )  # fmt: skip
    command.set_defaults(run=_show)


def _show(options: argparse.Namespace) -> None:
    if options.output:
        check_writable("--output", options.output)
    model, card = _find_network(options)
    path = options.output or _temporary_file(options.network)
    try:
        page.write(model, path, card, _find_images(options, card))
    except page.PageError as error:
        raise InputError(str(error)) from error
    finally:
        if options.output is None and not path.stat().st_size:  # a refusal leaves nothing behind
            path.unlink()
    print(f"{card.model} written to {path} ({path.stat().st_size / 1000:,.0f} kB)")
    if options.output is None and not webbrowser.open(path.resolve().as_uri()):
        print("open this file in a browser; none was found here")


def _find_network(options: argparse.Namespace) -> tuple[ImageClassifier, ModelCard]:
    """The network that is named; a model without weights of its own has random ones."""
    name = options.network
    is_known = name in MODELS or shipped_path(name) or Path(name).exists()
    if name.isidentifier() and not is_known:
        raise InputError(
            f"there is no file {name}, and no network of that name; expected a file of weights, "
            f"{', '.join(shipped_names())}, or a model with random weights: {', '.join(MODELS)}"
        )
    if name in MODELS and not Path(name).exists() and not shipped_path(name):
        model = MODELS[name]()
        card = card_for(name, model.state_dict())
        return model, replace(card, recipe="random weights, not trained")
    return load_network(name, options.model)


def _find_images(options: argparse.Namespace, card: ModelCard) -> data.ArrayDataset | None:
    """The images that are named, or those that it was trained on if that needs no download."""
    name = options.data or card.data
    is_here = data.locate(name) is not None if name in data.NAMES else Path(name).is_dir()
    if not name or not (options.data or is_here):
        return None
    return find_source(name).load_test(card.image_shape, card.hold_out)


def _temporary_file(network: str) -> Path:
    stem = re.sub(r"[^\w.+-]+", "_", Path(network).stem, flags=re.ASCII)[:100]
    with tempfile.NamedTemporaryFile(prefix=f"{stem}-", suffix=".html", delete=False) as file:
        return Path(file.name)
