"""Fetching one file from the first mirror that has it intact; which files there are: `catalog`."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import DataError
from .idx import decode_idx

TIMEOUT = 10  # seconds to wait for a mirror to connect, or to send its next bytes


def fetch(
    name: str,
    mirrors: Sequence[str],
    directory: Path,
    sha256: str,
    check: Callable[[Path, str], object] = decode_idx,
) -> str:
    """Download the file `name` to `directory` and return the mirror that had it.

    Each mirror is an address to which the name is added. A file takes its place in the directory
    only once it is complete and check(path, sha256) raises no DataError: that of an IDX file takes
    the sum of the uncompressed content. A mirror that refuses, breaks off, or sends something else
    is passed over.

    Raises DataError with one reason for each mirror when all fail, or when the directory cannot be
    written to.
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
    """None if the target is now in place, else the reason why not."""
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
        # Also reached when the user interrupts: no half-written file stays behind.
        with contextlib.suppress(OSError):  # most often there is none, and that is well
            partial.unlink()


def _transfer(url: str, partial: Path) -> str | None:
    """Write what the address sends into the file, down to the disk; the reason if it fails."""
    # Imported here because they load slowly, and most runs download nothing.
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
