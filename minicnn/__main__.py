"""``python -m minicnn`` is the command ``minicnn``."""

import sys

from .cli import main

sys.exit(main())
