"""pytest executes the notebooks (by nbmake) with small experiments by default."""

import os

os.environ.setdefault("MINICNN_LESSONS", "quick")
