"""Hosts whose disk is full from a call on that a test chooses."""

import errno
import os
import sqlite3

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError

_NEEDS_SPACE = {"mkdir", "write", "link", "symlink", "commit", "tables"}
# What whoever fails is told, by the system or by SQLite.
WORDS = ("No space left on device", "database or disk is full")


class FullHost(Host):
    """A host with room for so many calls that need space; what only frees some always works."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.room = None
        self.refused = 0

    def changing(self, what, subject):
        super().changing(what, subject)
        if self.room is None or what not in _NEEDS_SPACE:
            return
        if self.room == 0:
            self.refused += 1
            if what == "commit":
                raise sqlite3.OperationalError("database or disk is full")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= 1


def said(act):
    """What came of it, and what whoever asked was told."""
    try:
        return str(act())
    except (AgentError, OSError, sqlite3.Error) as error:
        return str(error)
