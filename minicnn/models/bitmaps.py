"""The target of LeNet-5's last hidden layer for each digit: a picture of it, 7 wide and 12 high.

The idea is the paper's, the drawings are ours. Digits that look alike have similar targets, so the
last layer's output for an ambiguous image lies between them.
"""

from __future__ import annotations

import numpy as np

from ..backend import Array

# Two rows of digits, drawn so that each can be recognised here; "#" is ink.
DIGITS = """
..###..  ...#...  .#####.  .#####.  ....##.
.#...#.  ..##...  ##...##  #....##  ....##.
##...##  .###...  .....##  .....##  ...###.
##...##  #.##...  .....##  .....##  ...#.#.
##...##  ..##...  ....##.  ....##.  ..##.#.
##...##  ..##...  ...##..  ..####.  ..#..#.
##...##  ..##...  ..##...  .....##  .##..#.
##...##  ..##...  .##....  .....##  .#...#.
##...##  ..##...  ##.....  .....##  #######
##...##  ..##...  ##.....  .....##  .....#.
.#...#.  ..##...  ##.....  #....##  .....#.
..###..  ######.  #######  .#####.  .....#.

#######  ...###.  #######  .#####.  ..####.
##.....  ..##...  #....##  ##...##  .##..##
##.....  .##....  .....##  ##...##  ##...##
##.....  ##.....  ....##.  ##...##  ##...##
##.....  ##.....  ....##.  .##.##.  ##...##
#####..  ##.###.  ...##..  ..###..  .##..##
....##.  ###..##  ...##..  .##.##.  ..###.#
.....##  ##...##  ..##...  ##...##  .....##
.....##  ##...##  ..##...  ##...##  .....##
.....##  ##...##  ..##...  ##...##  ....##.
#...##.  .##..##  ..##...  ##...##  ...##..
.####..  ..####.  ..##...  .#####.  .###...
"""

WIDTH, HEIGHT = 7, 12


def bitmaps() -> Array:
    """The ten digits as rows of +1 (ink) and -1, pixels in reading order: (10, 84), float32."""
    pictures = []
    for row in DIGITS.strip().split("\n\n"):
        lines = [line.split("  ") for line in row.splitlines()]
        pictures += ["".join(picture) for picture in zip(*lines, strict=True)]
    ink = np.array([[pixel == "#" for pixel in picture] for picture in pictures])  # (10, 84)
    return np.where(ink, np.float32(1), np.float32(-1))
