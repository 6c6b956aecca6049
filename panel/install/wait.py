"""Waits until no installation is under way, then becomes a program of the current release.

    python3 -I -S wait.py LOCK DIRECTORY PROGRAM [WORD ...]

The lock is the kernel's and goes with its holder, so an upgrade that is killed holds up nobody.
"""

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path


def main(lock: str, directory: str, *command: str) -> None:
    """Wait, then run in the directory, which may have become another one meanwhile."""
    # After a boot nobody has installed anything yet.
    with suppress(FileNotFoundError), Path(lock).open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
    os.chdir(directory)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
