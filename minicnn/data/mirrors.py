"""Downloads one file from the first mirror that has it intact; `catalog` knows which files."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import DataError
from .idx import decode_idx

TIMEOUT = 10  # seconds to wait for a mirror to connect or to send more bytes


def fetch(
    name: str,
    mirrors: Sequence[str],
    directory: Path,
    sha256: str,
    check: Callable[[Path, str], object] = decode_idx,
) -> str:
    """Download the file `name` to `directory` and return the mirror that had it.

    Each mirror is an address to which the name is appended. The file appears in the directory only
    once it is complete and check(path, sha256) raises no DataError; for an IDX file the SHA-256 is
    that of the uncompressed content. A mirror that refuses, breaks off, or sends something else is
    skipped.

    Raises DataError with one reason per mirror if all fail, or if the directory cannot be written
    to.
    """
    reasons = []
    for mirror in mirrors:
        reason = _fetch_from(f"{mirror}{name}", directory / name, sha256, check)
        if reason is None:
            return mirror
        reasons.append(f"{mirror}{name}: {reason}")
    raise DataError(f"no mirror delivered {name} ({'; '.join(reasons)})")


def _fetch_from(
    url: str, target: Path, sha256: str, check: Callable[[Path, str], object]
) -> str | None:
    """None if the target is now in place, else the reason why it is not."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        reason = _transfer(url, partial)
        if reason is None:
            check(partial, sha256)
            os.replace(partial, target)
        return reason
    except DataError as error:
        return str(error)
    except OSError as error:
        raise DataError(f"{target.parent}: cannot be written to ({error.strerror})") from error
    finally:
        # Also reached when the user interrupts: no partial file is left behind.
        with contextlib.suppress(OSError):  # usually it was moved, and there is none
            partial.unlink()


def _transfer(url: str, partial: Path) -> str | None:
    """Write what the address sends to the file and sync it; returns the reason if that fails."""
    # Imported here because they are slow to import, and most runs download nothing.
    import pooch
    import requests

    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=1 << 16, timeout=TIMEOUT
    )
    with partial.open("xb") as file:
        try:
            downloader(url, file, None)
        except requests.HTTPError as error:
            return str(error).partition(" for url")[0]  # "403 Client Error: Forbidden"
        except requests.Timeout:
            return f"no answer within {TIMEOUT} s"
        except (requests.RequestException, ConnectionError) as error:
            return f"no complete transfer ({type(error).__name__})"
        file.flush()
        os.fsync(file.fileno())
    return None
