"""Why something could not be fetched: said by those who fetch, heard by those who asked."""

from __future__ import annotations


class FetchError(Exception):
    """What went wrong, in words for the log."""
