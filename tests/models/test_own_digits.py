"""How often the network that comes with minicnn reads digits as people make them, kind by kind.

    python -m pytest tests/models/test_own_digits.py -s

prints the table of docs/models.md.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import minicnn as mc

image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

from support.drawn_digits import KINDS, draw_ink, on_paper, picture_of  # noqa: E402

from minicnn.data.digit_photo import to_mnist_image  # noqa: E402

ANGLES = (-8, -4, 0, 4, 8)


def test_digits_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    model, _ = mc.models.load("lenet5-mnist")
    lines, right = [], {}
    for kind in KINDS:
        pictures = [picture_of(kind, d, a) for d, a in itertools.product(range(10), ANGLES)]
        x = np.stack([to_mnist_image(picture) for picture in pictures])[:, None]
        answers = model(mc.tensor(x)).numpy().argmax(1)
        right[kind] = int((answers == np.repeat(range(10), len(ANGLES))).sum())
        lines.append(f"| {kind} | {right[kind]} of {len(pictures)} |")
    total = f"| all | {sum(right.values())} of {10 * len(ANGLES) * len(KINDS)} |"
    with capsys.disabled():
        print("\n".join(["", "| digits | right |", "|---|---|", *lines, total]))
    assert min(right.values()) >= 45
    assert sum(right.values()) >= 0.97 * 10 * len(ANGLES) * len(KINDS)


def test_ten_pictures_as_a_new_user_makes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thin and thick pens, turned by EXIF, 16 bits, grey paper: all ten are read."""
    from minicnn import cli

    turned = image.Exif()
    turned[0x0112] = 6
    paths = []
    for digit in range(10):
        pen = (0.012, 0.04, 0.1, 0.2)[digit % 4]
        pixels = on_paper(draw_ink(digit, 500, pen), (255, 170)[digit % 2], (0, 60)[digit % 2])
        path, options = tmp_path / f"{digit}.png", {}
        if digit % 3 == 0:
            picture = image.fromarray((pixels * 257).astype(np.uint16))
        elif digit % 3 == 1:
            path, options = tmp_path / f"{digit}.jpg", {"exif": turned}
            picture = image.fromarray(np.rot90(pixels.astype(np.uint8)).copy())
        else:
            picture = image.fromarray(pixels.astype(np.uint8))
        picture.save(path, **options)
        paths.append(str(path))
    assert cli.main(["predict", "lenet5", *paths]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [f"{digit}:" for digit in range(10)]
