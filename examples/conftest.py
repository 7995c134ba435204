"""pytest executes the notebooks (by nbmake) with small experiments, unless MINICNN_LESSONS is set."""

import os

os.environ.setdefault("MINICNN_LESSONS", "quick")
