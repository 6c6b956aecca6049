"""Logs of daemons, kept from filling the disk: what they say is for whoever looks after the node.

All of them add to the end of a file (O_APPEND), most through a descriptor that the agent gave them
and that nobody can have reopened. So a log that has grown large is copied beside and cut to nothing
where it is. Logs of websites, which people read and which are counted, are the web service's.
"""

import os
import stat
from contextlib import suppress

from hosting.agent.host import Host

# Bytes of one log, before it is put aside; one that was put aside is kept.
LARGEST = 32 * 1024 * 1024
# How often it is looked, in seconds.
EVERY = 600.0


def rotate(host: Host, largest: int = LARGEST) -> list[str]:
    """Put aside what has grown larger, in place of what was before; return the names.

    On a full disk nothing is put aside: the log is cut all the same.
    """
    found = []
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    for path in sorted(host.platform.logs.glob("*.log")):
        # One that goes at this moment, or a link, is left alone.
        with suppress(OSError):
            log = os.open(path, flags)
            try:
                about = os.fstat(log)
                if stat.S_ISREG(about.st_mode) and about.st_size > largest:
                    found.append(path.name)
                    _put_aside(host, f"{path}.1", log, about)
                    host.changing("truncate", path)
                    os.ftruncate(log, 0)
            finally:
                os.close(log)
    return found


def _put_aside(host: Host, name: str, log: int, about: os.stat_result) -> None:
    beside = f"{name}.new"
    host.unlink(beside)
    try:
        host.changing("write", beside)
        copy = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            at = 0
            while sent := os.sendfile(copy, log, at, about.st_size - at):
                at += sent
            host.own(copy, about.st_uid, about.st_gid)
            host.permit(copy, stat.S_IMODE(about.st_mode))
        finally:
            os.close(copy)
        host.rename(beside, name)
    except OSError:
        host.unlink(beside)
