"""Downloads one file from the first mirror that has it intact; `known` lists files and mirrors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from ..partial import replacing
from .content import ContentCheck
from .errors import DataError


def fetch(
    name: str, mirrors: Sequence[str], directory: Path, new_check: Callable[[], ContentCheck]
) -> str:
    """Download the file `name` to `directory` and return the mirror that had it.

    Each mirror is an address to which the name is appended. The content is checked while it
    arrives, and the file appears in the directory only once it is complete and intact, so that
    an address without encryption does no harm. A mirror that refuses, breaks off, is too slow, or
    sends something else is skipped.

    Raises DataError with one reason per mirror if all fail, or if the directory cannot be written
    to.
    """
    reasons = []
    for mirror in mirrors:
        reason = _fetch_from(f"{mirror}{name}", directory / name, new_check())
        if reason is None:
            return mirror
        reasons.append(f"{mirror}{name}: {reason}")
    raise DataError(f"no mirror delivered {name} ({'; '.join(reasons)})")


def _fetch_from(url: str, target: Path, check: ContentCheck) -> str | None:
    """None if the target is now in place, else the reason why it is not."""
    # Imported here because they are slow to import, and most runs download nothing.
    from tqdm import tqdm

    from .transfer import receive

    is_silent = True if sys.stderr is None else None  # None: unless it is a terminal
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            replacing(target) as file,
            closing(receive(url, check.limit)) as pieces,
            tqdm(total=check.known.download, unit="B", unit_scale=True, disable=is_silent) as bar,
        ):
            for piece in pieces:
                check.feed(piece)
                file.write(piece)
                bar.update(len(piece))
            check.finish()
    except DataError as error:
        return str(error)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{target.parent}: cannot be written to ({reason})") from error
    return None
