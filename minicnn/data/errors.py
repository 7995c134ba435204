"""The error about data itself, as opposed to a wrong argument in a program."""

from __future__ import annotations


class DataError(ValueError):
    """A data set is unknown, missing, damaged or cannot be downloaded.

    The message names the file or the data set, what was found, what was expected, and what to do.
    The command line prints it and exits with status 2. Wrong arguments (a batch size of 0, labels
    of the wrong length) raise a plain TypeError, ValueError or IndexError.
    """
