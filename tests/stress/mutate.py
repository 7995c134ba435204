"""Seeded damage to the bytes of a file: flips, cuts, copies, splices, extreme numbers."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from random import Random

EXTREME = [0, 1, 2, 127, 128, 255, *(2**n + d for n in (15, 16, 31, 32, 63, 64) for d in (-1, 0))]
WORDS = [
    b"0", b"-1", b"1e999", b"NaN", b"18446744073709551616", b"9" * 400, b"null", b"[]", b"{}",
    b'""', b"true", b"\\ud800", b"\xff", b"[" * 2000, b'"$array"',
]  # fmt: skip


def mutate(random: Random, content: bytes, others: list[bytes]) -> bytes:
    """The content with one to four mutations; others: what pieces may come from."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = random.choice(MUTATIONS)(random, content, others)
    return content


def _place(random: Random, content: bytes) -> int:
    """A place in the content, half of the time in its first 100 bytes: headers are there."""
    end = min(len(content), 100) if random.random() < 0.5 else len(content)
    return random.randrange(end + 1)


def _put(content: bytes, start: int, piece: bytes, length: int | None = None) -> bytes:
    return content[:start] + piece + content[start + (len(piece) if length is None else length) :]


def flip_bits(random: Random, content: bytes, others: list[bytes]) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 8)) if changed else 0):
        changed[_place(random, content) % len(changed)] ^= 1 << random.randrange(8)
    return bytes(changed)


def cut_off(random: Random, content: bytes, others: list[bytes]) -> bytes:
    return content[: _place(random, content)]


def leave_out(random: Random, content: bytes, others: list[bytes]) -> bytes:
    return _put(content, _place(random, content), b"", random.choice((1, 4, 100)))


def repeat(random: Random, content: bytes, others: list[bytes]) -> bytes:
    start = _place(random, content)
    piece = content[start : start + random.choice((1, 4, 32, 1000))]
    return _put(content, start, piece * random.choice((1, 1, 2, 50)), 0)


def splice(random: Random, content: bytes, others: list[bytes]) -> bytes:
    other = random.choice(others)
    return content[: _place(random, content)] + other[_place(random, other) :]


def set_integer(random: Random, content: bytes, others: list[bytes]) -> bytes:
    """An extreme number of 1 to 8 bytes, in either byte order."""
    size, code = random.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
    value = random.choice(EXTREME) % 2 ** (8 * size)
    return _put(content, _place(random, content), struct.pack(random.choice("<>") + code, value))


def set_word(random: Random, content: bytes, others: list[bytes]) -> bytes:
    """In place of a number, a word or a text in a header of letters, an extreme one."""
    found = list(re.finditer(rb'-?\d+(\.\d+)?|"[^"]*"|\[[^\[\]]*\]', content[:4000]))
    if not found:
        return set_integer(random, content, others)
    match = random.choice(found)
    return _put(content, match.start(), random.choice(WORDS), len(match.group()))


MUTATIONS: list[Callable[[Random, bytes, list[bytes]], bytes]] = [
    flip_bits, cut_off, leave_out, repeat, splice, set_integer, set_word,
]  # fmt: skip


def mend_png(content: bytes) -> bytes:
    """The content with right checksums, so that what reads the chunks sees the damage."""
    place, mended = 8, bytearray(content)
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(content):
            break
        mended[end : end + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(mended)


def mend_safetensors(content: bytes, original: bytes) -> bytes:
    """The content with the length of a header that has changed with the file."""
    length = int.from_bytes(original[:8], "little") + len(content) - len(original)
    return max(length, 0).to_bytes(8, "little") + content[8:]
