"""pytest executes the notebooks (by nbmake) with small experiments, unless told otherwise."""

import os

os.environ.setdefault("MINICNN_LESSONS", "quick")
