"""Where this user's files lie: paths that begin with ~, and the folder for caches."""

from __future__ import annotations

import os
from pathlib import Path


def expand_home(path: str) -> Path | None:
    """The path with ~ replaced by the home folder that it means; None if there is no such folder.

    A container with an arbitrary user id has none.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


def cache_home() -> Path | None:
    """The folder for the caches of all programs, as the XDG base directories say, or None.

    They say that a relative path in XDG_CACHE_HOME is ignored.

    >>> from minicnn.places import cache_home
    >>> cache_home() is None or cache_home().is_absolute()
    True
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    found = expand_home(chosen if chosen.startswith(("/", "~")) else "~/.cache")
    return found if found is not None and found.is_absolute() else None
