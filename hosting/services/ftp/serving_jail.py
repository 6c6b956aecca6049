"""What a session may reach: the files below one directory, and nothing by a link.

Where all tenants are one uid, nobody else keeps a session in. So each step of a path is a directory
that is opened below the one before, never through a link, and ".." is worked out on the words of
the path: there is no name that leads out, whoever puts links or moves directories meanwhile.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe would hold up whoever opens it; it is opened, looked at, and left.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PERMISSIONS = 0o777


def _refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def steps(path: str) -> list[str]:
    """Return the names that a path consists of, seen from the top; above the top is the top."""
    found: list[str] = []
    for name in path.split("/"):
        if name == "..":
            del found[-1:]
        elif name not in ("", "."):
            found.append(name)
    return found


def walk(directory: int, names: list[str]) -> int:
    """Return a descriptor of the directory that these names lead to, through directories alone."""
    here = os.dup(directory)
    for name in names:
        try:
            below = os.open(name, _STEP, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


class Jail:
    """The files below a directory, which is opened already; it is closed with this."""

    def __init__(self, top: int, *, is_read_only: bool = False):
        self._top = top
        self._is_read_only = is_read_only

    def close(self) -> None:
        """Let go of it; nothing can be reached any more."""
        top, self._top = self._top, -1
        if top >= 0:
            os.close(top)

    def refuse_readers(self) -> None:
        """OSError where nothing may be changed."""
        if self._is_read_only:
            raise _refusal(errno.EACCES)

    @contextmanager
    def _place(self, path: str, *, changes: bool) -> Iterator[tuple[int, str]]:
        """Open the directory that a path's last name stands in; OSError for the top itself."""
        if changes:
            self.refuse_readers()
        names = steps(path)
        if not names:
            raise _refusal(errno.EACCES if changes else errno.EISDIR)
        # Listings and answers are lines: no name of ours breaks one.
        if "\0" in path or (changes and any(ord(c) < 32 or ord(c) == 127 for c in names[-1])):
            raise _refusal(errno.EINVAL)
        directory = walk(self._top, names[:-1])
        try:
            yield directory, names[-1]
        finally:
            os.close(directory)

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        """Open a plain file; the flags are those of open(2)."""
        changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) != 0
        with self._place(path, changes=changes) as (directory, name):
            # What is there is emptied only when it is known to be a file.
            wanted = (flags | _FILE) & ~os.O_TRUNC
            file = os.open(name, wanted, mode & _PERMISSIONS, dir_fd=directory)
        try:
            kind = os.fstat(file).st_mode
            if not stat.S_ISREG(kind):
                raise _refusal(errno.EISDIR if stat.S_ISDIR(kind) else errno.EACCES)
            if flags & os.O_TRUNC:
                os.ftruncate(file, 0)
        except BaseException:
            os.close(file)
            raise
        return file

    def stat(self, path: str) -> os.stat_result:
        """Tell of what is there; of a link, that it is one."""
        if not steps(path):
            return os.stat(self._top)
        with self._place(path, changes=False) as (directory, name):
            return os.stat(name, dir_fd=directory, follow_symlinks=False)

    def names(self, path: str) -> list[str]:
        """Return what is in a directory."""
        if steps(path):
            with self._place(path, changes=False) as (directory, name):
                place = os.open(name, _LIST, dir_fd=directory)
        else:
            place = os.open(".", _LIST, dir_fd=self._top)
        try:
            return sorted(os.listdir(place))
        finally:
            os.close(place)

    def make(self, path: str, mode: int = 0o755) -> None:
        """Make a directory."""
        with self._place(path, changes=True) as (directory, name):
            os.mkdir(name, mode & _PERMISSIONS, dir_fd=directory)

    def remove(self, path: str) -> None:
        """Remove a file, or a link itself."""
        with self._place(path, changes=True) as (directory, name):
            os.unlink(name, dir_fd=directory)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        with self._place(path, changes=True) as (directory, name):
            os.rmdir(name, dir_fd=directory)

    def rename(self, old: str, new: str) -> None:
        """Give something another name, in place of what has it."""
        with (
            self._place(old, changes=True) as (source, name),
            self._place(new, changes=True) as (target, other),
        ):
            os.rename(name, other, src_dir_fd=source, dst_dir_fd=target)

    def permit(self, path: str, mode: int) -> None:
        """Set who may do what with a file or a directory."""
        with self._place(path, changes=True) as (directory, name):
            place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            if stat.S_ISLNK(os.fstat(place).st_mode):
                raise _refusal(errno.EACCES)
            # By what was opened, whatever has its name by now; open(2) says this of O_PATH.
            os.chmod(f"/proc/self/fd/{place}", mode & _PERMISSIONS)
        finally:
            os.close(place)

    def date(self, path: str, times: tuple[float, float]) -> None:
        """Set when something was read and changed, of a link itself."""
        with self._place(path, changes=True) as (directory, name):
            os.utime(name, times, dir_fd=directory, follow_symlinks=False)
