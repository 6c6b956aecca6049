"""Work inside tenants' trees, by directory descriptors and without following a link.

Whatever a tenant puts in the way - a link, a directory that moves meanwhile, a thousand levels -
the agent stays inside that tenant's home.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Beside the homes, in the same file system: what is being removed, and what is being made.
_GONE = ".gone"
_NEW = ".new"


def home_name(subscription: int) -> str:
    """Return the name of a subscription's home."""
    return f"s{subscription}"


def site_key(subscription: int, site: int) -> str:
    """Return a site's name on disk and in nginx's maps. The delimiter keeps s1 apart from s12."""
    return f"{home_name(subscription)}-{site}"


@contextmanager
def _opened(name: str | os.PathLike, directory: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kind(name: str, directory: int) -> int | None:
    """Return the file type behind a name, None where there is nothing."""
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


def _is_directory(name: str, directory: int) -> bool:
    """Say whether a directory is there; anything else that is in the way is refused."""
    found = _kind(name, directory)
    if found not in (None, stat.S_IFDIR):
        what = "a symbolic link" if found == stat.S_IFLNK else "no directory"
        raise AgentError("refused", f"the document root cannot be used: {name} is {what}")
    return found is not None


def has_document_root(host: Host, subscription: int, parts: Sequence[str]) -> bool:
    """Say whether a document root is there, reached through directories alone."""
    path = [home_name(subscription), *parts]
    directory = os.open(host.platform.homes, _DIRECTORY)
    try:
        for name in path:
            if not _is_directory(name, directory):
                return False
            directory, above = os.open(name, _DIRECTORY, dir_fd=directory), directory
            os.close(above)
    finally:
        os.close(directory)
    return True


def make_document_root(
    host: Host, subscription: int, site: int, parts: Sequence[str], page: bytes
) -> bool:
    """Make a document root with a first page, unless it is there. Say whether it was made.

    It is filled beside the homes and then renamed into place: there is never half of one, and
    what is there already is the tenant's and stays as it is.
    """
    if has_document_root(host, subscription, parts):
        return False
    make_home(host, subscription)
    uid = host.platform.uid_of(subscription)
    with _opened(host.platform.homes) as homes:
        new = f"{_NEW}-{home_name(subscription)}-{site}"
        directory = os.open(home_name(subscription), _DIRECTORY, dir_fd=homes)
        try:
            for name in parts[:-1]:
                if not _is_directory(name, directory):
                    with _made(host, homes, new) as fresh:
                        host.own(fresh, uid, uid)
                    host.rename(new, name, homes, directory)
                directory, above = os.open(name, _DIRECTORY, dir_fd=directory), directory
                os.close(above)
            with _made(host, homes, new) as fresh:
                host.write("index.html", page, 0o644, fresh)
                with _placed("index.html", fresh) as first:
                    host.own(first, uid, uid)
                host.own(fresh, uid, uid)
            host.rename(new, parts[-1], homes, directory)
        finally:
            os.close(directory)
    return True


def make_directories(host: Host, subscription: int, parts: Sequence[str]) -> bool:
    """Make a home, and empty directories of its tenant's below it, unless they are there."""
    if has_document_root(host, subscription, parts):
        return False
    make_home(host, subscription)
    uid = host.platform.uid_of(subscription)
    with _opened(host.platform.homes) as homes:
        new = f"{_NEW}-{home_name(subscription)}-ftp"
        directory = os.open(home_name(subscription), _DIRECTORY, dir_fd=homes)
        try:
            for name in parts:
                if not _is_directory(name, directory):
                    with _made(host, homes, new) as fresh:
                        host.own(fresh, uid, uid)
                    host.rename(new, name, homes, directory)
                directory, above = os.open(name, _DIRECTORY, dir_fd=directory), directory
                os.close(above)
        finally:
            os.close(directory)
    return True


@contextmanager
def _made(host: Host, homes: int, name: str, mode: int = 0o755) -> Iterator[int]:
    """Make a directory beside the homes, where no tenant reaches it; a crash may have left one."""
    if _kind(name, homes) is not None:
        _discard(host, homes, name)
    host.make(name, mode, homes)
    with _opened(name, homes) as fresh:
        yield fresh


@contextmanager
def _placed(name: str, directory: int) -> Iterator[int]:
    """Open what is there, to change whose it is: never what a link leads to."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Belonging:
    """Whose a home is, and who may do what with it. Words for people come from str()."""

    uid: int
    gid: int
    mode: int

    def __str__(self) -> str:
        return f"owner {self.uid}, group {self.gid}, mode {self.mode:04o}"


def _wanted(host: Host, subscription: int) -> Belonging | None:
    """Return how a home should be; None where all tenants are one uid.

    Its tenant does everything with it, the web server passes through, nobody else gets in: so what
    lies below may have any mode.
    """
    uid, gid = host.platform.uid_of(subscription), host.platform.web_group
    return None if uid is None or gid is None else Belonging(uid, gid, 0o710)


def home_differs(host: Host, subscription: int) -> tuple[Belonging | None, Belonging] | None:
    """Return whose a home is and whose it should be, where that is not the same."""
    wanted = _wanted(host, subscription)
    if wanted is None:
        return None
    with _opened(host.platform.homes) as homes:
        name = home_name(subscription)
        found = None
        if _is_directory(name, homes):
            with _placed(name, homes) as place:
                there = os.stat(place)
                found = Belonging(there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode))
    return None if found == wanted else (found, wanted)


def make_home(host: Host, subscription: int) -> bool:
    """Make a home, or bring one that is there to the right owner and mode. Say if it was needed.

    What lies inside is the tenant's, and is never changed: a link or another name for somebody
    else's file could lie there.
    """
    name, wanted = home_name(subscription), _wanted(host, subscription)
    with _opened(host.platform.homes) as homes:
        if not _is_directory(name, homes):
            new = f"{_NEW}-{name}"
            with _made(host, homes, new, wanted.mode if wanted else 0o755) as fresh:
                if wanted is not None:
                    host.own(fresh, wanted.uid, wanted.gid)
            host.rename(new, name, homes, homes)
            return True
        if wanted is None or home_differs(host, subscription) is None:
            return False
        with _placed(name, homes) as place:
            host.own(place, wanted.uid, wanted.gid)
            host.permit(place, wanted.mode)
    return True


def has_home(host: Host, subscription: int) -> bool:
    """Say whether there is a home, or anything by its name."""
    with _opened(host.platform.homes) as homes:
        return _kind(home_name(subscription), homes) is not None


def put_aside(host: Host, subscription: int) -> None:
    """Take a home out of reach in one step; `sweep` deletes it."""
    with _opened(host.platform.homes) as homes:
        _discard(host, homes, home_name(subscription))


def put_aside_inside(host: Host, subscription: int, parts: Sequence[str]) -> bool:
    """Take something inside a home out of reach in one step, and say whether it was there.

    Only directories are passed through: a link that its tenant put in the way leads nowhere.
    """
    *above, last = (home_name(subscription), *parts)
    with _opened(host.platform.homes) as homes:
        directory = os.dup(homes)
        try:
            for name in above:
                if _kind(name, directory) != stat.S_IFDIR:
                    return False
                directory, left = os.open(name, _DIRECTORY, dir_fd=directory), directory
                os.close(left)
            if _kind(last, directory) is None:
                return False
            _discard(host, homes, last, directory)
        finally:
            os.close(directory)
    return True


def _discard(host: Host, homes: int, name: str, directory: int | None = None) -> None:
    """Move what has a name, in the homes or in `directory`, to where `sweep` deletes it."""
    if _kind(_GONE, homes) is None:
        host.make(_GONE, 0o700, homes)
    with _opened(_GONE, homes) as gone:
        number = 1
        # Plain numbers are what `sweep` gives, perhaps at this moment.
        while _kind(f"{name}-{number}", gone) is not None:
            number += 1
        host.rename(name, f"{name}-{number}", homes if directory is None else directory, gone)


def discard_unfinished(host: Host) -> None:
    """Put aside document roots that a crash left half made."""
    with _opened(host.platform.homes) as homes:
        for name in os.listdir(homes):
            if name.startswith(_NEW):
                _discard(host, homes, name)


def sweep(host: Host) -> None:
    """Delete what was put aside. A crash leaves the rest for the next time.

    Directories inside are moved up before they are emptied: no depth can exhaust anything.
    """
    with _opened(host.platform.homes) as homes:
        if _kind(_GONE, homes) is None:
            return
        with _opened(_GONE, homes) as gone:
            waiting = os.listdir(gone)
            free = max((int(name) for name in waiting if name.isdecimal()), default=0) + 1
            while waiting:
                name = waiting.pop()
                if _kind(name, gone) != stat.S_IFDIR:
                    host.unlink(name, gone)
                    continue
                inside = _empty(host, gone, name, free)
                free += len(inside)
                waiting.extend(inside)
                host.remove(name, gone)


def _writable(host: Host, name: str, directory: int) -> None:
    """Make a directory ours to change. A tenant may have taken away its owner's rights."""
    place = os.open(name, _PLACE, dir_fd=directory)
    try:
        if stat.S_IMODE(os.stat(place).st_mode) & 0o700 != 0o700:
            host.permit(place, 0o700)
    finally:
        os.close(place)


def _empty(host: Host, gone: int, name: str, free: int) -> list[str]:
    """Unlink the files of a directory, move its directories up; return their new names."""
    _writable(host, name, gone)
    moved: list[str] = []
    with _opened(name, gone) as directory:
        for inside in os.listdir(directory):
            if _kind(inside, directory) == stat.S_IFDIR:
                _writable(host, inside, directory)
                moved.append(str(free + len(moved)))
                host.rename(inside, moved[-1], directory, gone)
            else:
                host.unlink(inside, directory)
    return moved


def disk_usage(host: Host, subscription: int) -> int | None:
    """Return the bytes that a home takes on disk; None if it moved under the measurement.

    One descriptor is open at a time, whatever the depth: the way up is "..", checked to be
    where the way down came from. A file of several names counts once.
    """
    try:
        with _opened(host.platform.homes) as homes:
            here = os.open(home_name(subscription), _DIRECTORY, dir_fd=homes)
    except FileNotFoundError:
        return 0
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return None
        raise
    try:
        return _Measurement(here).total()
    except OSError:
        return None


class _Measurement:
    """A walk through one tree, which owns and closes the descriptor it is given."""

    def __init__(self, here: int):
        self._here = here
        self._device = os.fstat(here).st_dev
        self._seen: set[int] = set()
        self._bytes = 0

    def total(self) -> int:
        """Return the sum. OSError: what was being walked has moved away."""
        try:
            above: list[tuple[int, list[str]]] = []
            waiting = self._list()
            while True:
                if waiting:
                    number = os.fstat(self._here).st_ino
                    if self._enter(waiting.pop()):
                        above.append((number, waiting))
                        waiting = self._list()
                elif above:
                    number, waiting = above.pop()
                    self._go("..")
                    if os.fstat(self._here).st_ino != number:
                        raise OSError(errno.ESTALE, "a directory moved while it was measured")
                else:
                    return self._bytes
        finally:
            os.close(self._here)

    def _list(self) -> list[str]:
        """Add up what lies here; return the directories."""
        self._bytes += os.fstat(self._here).st_blocks * 512
        directories = []
        with os.scandir(self._here) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if found.st_nlink > 1:
                    if found.st_ino in self._seen:
                        continue
                    self._seen.add(found.st_ino)
                self._bytes += found.st_blocks * 512
        return directories

    def _enter(self, name: str) -> bool:
        """Go into a directory; not where it is gone, closed to us, or another file system's."""
        try:
            inside = os.open(name, _DIRECTORY, dir_fd=self._here)
        except OSError:
            return False
        if os.fstat(inside).st_dev != self._device:
            os.close(inside)
            return False
        os.close(self._here)
        self._here = inside
        return True

    def _go(self, name: str) -> None:
        there = os.open(name, _DIRECTORY, dir_fd=self._here)
        os.close(self._here)
        self._here = there
