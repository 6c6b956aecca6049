"""A disk without room: how an error tells of one, and how the log does, once."""

import errno
import logging
import sqlite3
import time

from django.utils.translation import gettext_lazy as _

# Seconds until whoever was refused should try again.
RETRY_AFTER = 60
# The words of the API; 503.html has more.
WORDS = _("The disk that the panel writes to is full. Nothing is half done. Try again later.")
# What PostgreSQL calls disk_full.
_SQLSTATE = "53100"
_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_SILENCE = 600.0


def is_cause(error: BaseException | None) -> bool:
    """Whether an error came of a full disk: the database's, or that of a file beside it."""
    while error is not None:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        if getattr(error, "sqlstate", None) == _SQLSTATE:
            return True
        if isinstance(error, OSError) and error.errno in _ERRNOS:
            return True
        error = error.__cause__
    return False


def _is_about(record: logging.LogRecord) -> bool:
    return bool(record.exc_info) and is_cause(record.exc_info[1])  # type: ignore[index]


class SayOnce(logging.Filter):
    """Lets one line about a full disk through in ten minutes.

    Each request and each loop of the worker would have one otherwise, with its traceback, and the
    log may be on the same disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        if not _is_about(record):
            return True
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + _SILENCE
        return True


class InWords(logging.Formatter):
    """Says of a full disk what it is, without the traceback of whoever met it."""

    def format(self, record: logging.LogRecord) -> str:
        if not _is_about(record):
            return super().format(record)
        words = f"{record.getMessage()}: the disk is full; nothing is written until there is room"
        said = {"msg": words, "args": None, "exc_info": None, "exc_text": None}
        return super().format(logging.makeLogRecord(record.__dict__ | said))
