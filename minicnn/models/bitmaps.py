"""The target of LeNet-5's last hidden layer for each digit: a picture of it, 7 wide and 12 high.

The paper's idea with drawings of our own. Digits that look alike have targets that are alike, so
that what the last layer says of a doubtful image lies between them.
"""

from __future__ import annotations

import numpy as np

from ..backend import Array

# One row of digits after the other, so that each can be seen as it is; "#" is ink.
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
