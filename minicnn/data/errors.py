"""The one error of this package that is about data, not about a programmer's argument."""

from __future__ import annotations


class DataError(ValueError):
    """A data set that is unknown, missing, damaged or cannot be downloaded.

    The message names the file or the data set, what was found, what was expected, and what to do.
    The command line prints it and leaves with status 2. Wrong arguments to a class (a batch size
    of 0, labels of the wrong length) are plain TypeError, ValueError or IndexError.
    """
