"""pytest executes the notebooks (with nbmake) in their quick form, unless told otherwise."""

import os

os.environ.setdefault("MINICNN_LESSONS", "quick")
