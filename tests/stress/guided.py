"""``python -m tests.stress.guided IDX -max_total_time=60``: one reader, guided by its coverage.

atheris (``pip install atheris``) mutates the intact files and keeps what reaches new lines of
minicnn; the other options are libFuzzer's. It ends with the first error that the reader does not
document, and writes the file that causes it to ./crash-...
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for tests/support

import atheris

with atheris.instrument_imports(include=["minicnn", "PIL"]):
    from .readers import make_readers

from .fuzz import memory_folder, read


def main() -> None:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        folder = Path(name)
        readers = {reader.name: reader for reader in make_readers(folder)}
        if len(sys.argv) < 2 or sys.argv[1] not in readers:
            sys.exit(f"usage: python -m tests.stress.guided {'|'.join(map(repr, readers))} ...")
        reader, options = readers[sys.argv[1]], sys.argv[2:]
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, sample in enumerate(reader.samples):
            (corpus / str(number)).write_bytes(sample)
        atheris.Setup(
            [sys.argv[0], "-timeout=20", "-rss_limit_mb=1024", *options, str(corpus)],
            lambda content: read(reader, folder / "input", content),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
