"""The hands of an installation: they look first, change what differs, and say what they changed."""

import grp
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from panel.install.places import Places


class CannotInstall(Exception):
    """Why it cannot go on, in words for whoever sits at the terminal."""


class Work:
    """Changes the machine. `changes` are the sentences that were said; none: all was there."""

    def __init__(self, places: Places, *, is_quiet: bool = False) -> None:
        self.places = places
        self.changes: list[str] = []
        self._is_quiet = is_quiet

    def say(self, text: str) -> None:
        """Tell what is so."""
        if not self._is_quiet:
            print(text, flush=True)

    def changed(self, text: str) -> None:
        """Tell what was changed."""
        self.changes.append(text)
        self.say(f"  {text}")

    def directory(self, path: Path, mode: int, owner: str = "root", group: str = "root") -> None:
        """Make a directory, or give it the mode and owner that it should have."""
        if path.is_symlink():
            raise CannotInstall(f"{path} is a link; a directory is needed there.")
        if not path.is_dir():
            path.mkdir(parents=True, mode=0o755)
            self.changed(f"made {path}")
        self._own(path, mode, owner, group)

    def file(
        self, path: Path, content: str | bytes, mode: int, owner: str = "root", group: str = "root"
    ) -> bool:
        """Write a file whole, unless it is as it should be; say whether that was needed."""
        data = content.encode() if isinstance(content, str) else content
        if not path.is_symlink() and path.is_file() and path.read_bytes() == data:
            self._own(path, mode, owner, group)
            return False
        was_there = path.exists()
        beside = path.with_name(f".{path.name}.new")
        with suppress(FileNotFoundError):
            beside.unlink()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            os.fchmod(stream.fileno(), mode)
            os.fchown(stream.fileno(), uid(owner), gid(group))
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        self.changed(f"{'changed' if was_there else 'wrote'} {path}")
        return True

    def _own(self, path: Path, mode: int, owner: str, group: str) -> None:
        about = path.stat()
        if (about.st_uid, about.st_gid) != (uid(owner), gid(group)):
            os.chown(path, uid(owner), gid(group))
            self.changed(f"gave {path} to {owner}:{group}")
            about = path.stat()
        if about.st_mode & 0o7777 != mode:
            path.chmod(mode)
            self.changed(f"set the mode of {path} to {mode:04o}")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        given: str | None = None,
    ) -> str:
        """Run a command to its end; its output, or CannotInstall with its words."""
        done = ran(command, user, environment, directory, given)
        if done.returncode:
            words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise CannotInstall(
                f"{' '.join(map(str, command))} failed ({done.returncode}):\n{words}"
            )
        return done.stdout


def ran(
    command: Sequence[str | Path],
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    given: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """How a command ended. `user` runs it without root's rights; `given` is its input."""
    place = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        return subprocess.run(
            list(map(str, command)),
            env=place | dict(os.environ if environment is None else environment),
            cwd=directory or Path("/"),
            input=given or "",
            capture_output=True,
            text=True,
            errors="replace",
            umask=0o077 if user else -1,
            user=uid(user) if user else None,
            group=gid(user) if user else None,
            extra_groups=[] if user else None,
        )
    except OSError as error:
        raise CannotInstall(f"{command[0]} cannot be run: {error.strerror}") from error


def uid(user: str) -> int:
    """A user's number; CannotInstall where there is no such user."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise CannotInstall(f"There is no user {user}.") from None


def gid(group: str) -> int:
    """A group's number; CannotInstall where there is no such group."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise CannotInstall(f"There is no group {group}.") from None


def has_systemd() -> bool:
    """Whether systemd is what keeps services on this machine."""
    return Path("/run/systemd/system").is_dir()


def complain(text: str) -> None:
    """To whoever reads errors."""
    print(text, file=sys.stderr, flush=True)
