"""SFTP, by asyncssh, whose every access to files goes through a jail. Nothing else is offered."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.sftp import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_TRUNC,
    FXF_WRITE,
    SFTPAttrs,
    SFTPName,
)

from hosting.agent.metering import Meter
from hosting.services.ftp.serving_accounts import INTERVAL, Accounts, Login
from hosting.services.ftp.serving_jail import Jail, steps

_LOGIN_SECONDS = 30
_FLAGS = {
    FXF_APPEND: os.O_APPEND,
    FXF_CREAT: os.O_CREAT,
    FXF_TRUNC: os.O_TRUNC,
    FXF_EXCL: os.O_EXCL,
}


def _text(path: bytes) -> str:
    return os.fsdecode(path)


def _refuse(*_given: Any) -> Any:
    raise asyncssh.SFTPOpUnsupported("not offered here")


class Door(asyncssh.SSHServer):
    """One connection, from its first word on."""

    def __init__(self, accounts: Accounts, sessions: set["Door"], traffic: Path):
        self._accounts = accounts
        self._traffic = traffic
        self._sessions = sessions
        self._shown: Login | None = None
        self.login: Login | None = None
        self.jail: Jail | None = None
        self.meter: Meter | None = None
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def begin_auth(self, username: str) -> bool:
        """Ask everybody who they are."""
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        found = await asyncio.to_thread(self._accounts.by_password, username, password)
        return self._may(found)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        line = b" ".join(key.export_public_key().split(b" ")[:2]).decode("ascii").strip()
        return self._may(self._accounts.by_key(username, line))

    def _may(self, login: Login | None) -> bool:
        """Say whether somebody gets in: nobody whose home is not there, or a link."""
        self._shown = login if login and self._accounts.has_home(login) else None
        return self._shown is not None

    def auth_completed(self) -> None:
        """Open the home of who got in, unless it is another account by now."""
        login = self._shown
        assert self.connection is not None
        try:
            if login is None or not self._accounts.is_same(login):
                raise FileNotFoundError
            top = self._accounts.home(login)
        except OSError:
            self.connection.abort()
            return
        self.login = login
        self.jail = Jail(top, is_read_only=login.is_read_only)
        self.meter = Meter(self._traffic, login.subscription)
        self.connection.set_extra_info(jail=self.jail, meter=self.meter)
        self._sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sessions.discard(self)
        if self.jail is not None:
            self.jail.close()
        if self.meter is not None:
            self.meter.end()


class Files(asyncssh.SFTPServer):
    """The files of a session. Everything that names a file is here, or refused."""

    def __init__(self, chan: asyncssh.SSHServerChannel):
        super().__init__(chan)
        self._jail: Jail = chan.get_connection().get_extra_info("jail")
        self._meter: Meter = chan.get_connection().get_extra_info("meter")

    def format_user(self, uid: int | None) -> str:
        return "owner"

    def format_group(self, gid: int | None) -> str:
        return "group"

    def map_path(self, path: bytes) -> bytes:
        return _refuse()

    def reverse_map_path(self, path: bytes) -> bytes:
        return _refuse()

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> int:
        both = FXF_READ | FXF_WRITE
        flags = os.O_RDWR if pflags & both == both else os.O_RDONLY
        if pflags & both == FXF_WRITE:
            flags = os.O_WRONLY
        for bit, flag in _FLAGS.items():
            flags |= flag if pflags & bit else 0
        mode = 0o644 if attrs.permissions is None else attrs.permissions
        return self._jail.open(_text(path), flags, mode)

    open56 = link = symlink = readlink = statvfs = fstatvfs = _refuse

    def close(self, file_obj: Any) -> None:
        os.close(file_obj)

    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        found = os.pread(file_obj, size, offset)
        self._meter.sent += len(found)
        return found

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        self._meter.received += len(data)
        left = memoryview(data)
        while left:
            done = os.pwrite(file_obj, left, offset)
            offset, left = offset + done, left[done:]
        return len(data)

    def fsync(self, file_obj: Any) -> None:
        os.fsync(file_obj)

    def fstat(self, file_obj: Any) -> os.stat_result:
        return os.fstat(file_obj)

    def stat(self, path: bytes) -> os.stat_result:
        return self._jail.stat(_text(path))

    lstat = stat

    def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        name, times = _text(path), _times(attrs)
        if attrs.uid is not None or attrs.gid is not None:
            raise PermissionError(errno.EACCES, "owners are not changed")
        if attrs.size is not None:
            file = self._jail.open(name, os.O_WRONLY)
            try:
                os.ftruncate(file, attrs.size)
            finally:
                os.close(file)
        if attrs.permissions is not None:
            self._jail.permit(name, attrs.permissions)
        if times is not None:
            self._jail.date(name, times)

    lsetstat = setstat

    def fsetstat(self, file_obj: Any, attrs: SFTPAttrs) -> None:
        if attrs.uid is not None or attrs.gid is not None:
            raise PermissionError(errno.EACCES, "owners are not changed")
        self._jail.refuse_readers()
        if attrs.size is not None:
            os.ftruncate(file_obj, attrs.size)
        if attrs.permissions is not None:
            os.fchmod(file_obj, attrs.permissions & 0o777)
        if (times := _times(attrs)) is not None:
            os.utime(file_obj, times)

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        for name in [".", "..", *self._jail.names(_text(path))]:
            full = f"{_text(path)}/{name}"
            # It may be gone again.
            with contextlib.suppress(FileNotFoundError):
                attrs = SFTPAttrs.from_local(self._jail.stat(full))
                yield SFTPName(os.fsencode(name), attrs=attrs)

    def remove(self, path: bytes) -> None:
        self._jail.remove(_text(path))

    def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        mode = 0o755 if attrs.permissions is None else attrs.permissions
        self._jail.make(_text(path), mode)

    def rmdir(self, path: bytes) -> None:
        self._jail.remove_directory(_text(path))

    def realpath(self, path: bytes) -> bytes:
        return os.fsencode("/" + "/".join(steps(_text(path))))

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._jail.stat(_text(newpath))
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._jail.rename(_text(oldpath), _text(newpath))


def _times(attrs: SFTPAttrs) -> tuple[float, float] | None:
    if attrs.mtime is None:
        return None
    return (attrs.mtime if attrs.atime is None else attrs.atime, attrs.mtime)


async def serve(accounts: Accounts, host_key: str, address: str, port: int, traffic: Path) -> None:
    """Serve, and end the sessions that rest on what is no more."""
    sessions: set[Door] = set()
    await asyncssh.create_server(
        lambda: Door(accounts, sessions, traffic),
        address,
        port,
        server_host_keys=[host_key],
        sftp_factory=Files,
        # Nothing of the files of whoever runs this.
        config=[],
        server_version="SFTP",
        login_timeout=_LOGIN_SECONDS,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
        compression_algs=None,
    )
    while True:
        await asyncio.sleep(INTERVAL)
        logins = {door.login for door in sessions if door.login is not None}
        gone = accounts.changed(logins)
        for door in list(sessions):
            if door.login in gone and door.connection is not None:
                door.connection.abort()
