"""FTP with TLS, by pyftpdlib, whose every access to files goes through a jail."""

import io
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from pyftpdlib.exceptions import AuthenticationFailed
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from hosting.agent.metering import Meter
from hosting.services.ftp.serving_accounts import INTERVAL, Accounts, Login
from hosting.services.ftp.serving_jail import Jail
from hosting.services.web.driver_certificates import file_of, serving_in

_READING = "elr"
_ALL = "elradfmwMT"
_FLAGS = {
    "rb": os.O_RDONLY,
    "wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "r+b": os.O_RDWR,
}
_MOST_SESSIONS = 200
_IDLE = 900
# After a wrong password.
_PAUSE = 0.5


class Files(AbstractedFS):
    """The files of a session; paths are those that the client sees."""

    # Where a link leads is nobody's to see.
    readlink = None

    def __init__(self, root: str, cmd_channel: "Session"):
        super().__init__(root, cmd_channel)
        self._jail = cmd_channel.jail

    def validpath(self, path: str) -> bool:
        """Let every path come as far as the jail, which has the say."""
        return True

    def realpath(self, path: str) -> str:
        return path

    def open(self, filename: str, mode: str) -> Any:
        return self._stream(self._jail.open(filename, _FLAGS[mode]), filename, mode)

    def _stream(self, file: int, path: str, mode: str) -> Any:
        raw = io.FileIO(file, mode)
        raw.name = path
        kind = io.BufferedRandom if mode == "r+b" else io.BufferedWriter
        return io.BufferedReader(raw) if mode == "rb" else kind(raw)

    def mkstemp(self, suffix: str = "", prefix: str = "", dir: str = "", mode: str = "wb") -> Any:  # noqa: A002
        path = f"{dir}/{prefix}{secrets.token_hex(4)}{suffix}"
        file = self._jail.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        return self._stream(file, path, mode)

    def chdir(self, path: str) -> None:
        self._jail.names(path)
        self.cwd = path

    def mkdir(self, path: str) -> None:
        self._jail.make(path)

    def listdir(self, path: str) -> list[str]:
        # A name that breaks a line could not be asked for either.
        return [name for name in self._jail.names(path) if not {"\r", "\n"} & set(name)]

    listdirinfo = listdir

    def rmdir(self, path: str) -> None:
        self._jail.remove_directory(path)

    def remove(self, path: str) -> None:
        self._jail.remove(path)

    def rename(self, src: str, dst: str) -> None:
        self._jail.rename(src, dst)

    def chmod(self, path: str, mode: int) -> None:
        self._jail.permit(path, mode)

    def stat(self, path: str) -> os.stat_result:
        return self._jail.stat(path)

    lstat = stat

    def utime(self, path: str, timeval: float) -> None:
        self._jail.date(path, (timeval, timeval))

    def _mode(self, path: str) -> int:
        try:
            return self._jail.stat(path).st_mode
        except OSError:
            return 0

    def isfile(self, path: str) -> bool:
        return stat.S_ISREG(self._mode(path))

    def islink(self, path: str) -> bool:
        return stat.S_ISLNK(self._mode(path))

    def isdir(self, path: str) -> bool:
        return stat.S_ISDIR(self._mode(path))

    def getsize(self, path: str) -> int:
        return self._jail.stat(path).st_size

    def getmtime(self, path: str) -> float:
        return self._jail.stat(path).st_mtime

    def lexists(self, path: str) -> bool:
        return self._mode(path) != 0

    def get_user_by_uid(self, uid: int) -> str:
        """Say nothing of the one user that all files are."""
        return "owner"

    def get_group_by_gid(self, gid: int) -> str:
        return "group"


class _Authorizer:
    """What pyftpdlib asks of the one who is logged in, or tries to."""

    def __init__(self, accounts: Accounts):
        self._accounts = accounts
        self._perms = _READING

    def validate_authentication(self, name: str, password: str, session: "Session") -> None:
        """Let somebody in, or AuthenticationFailed."""
        login = self._accounts.by_password(name, password)
        if login is None:
            raise AuthenticationFailed("Login incorrect.")
        try:
            top = self._accounts.home(login)
        except OSError:
            raise AuthenticationFailed("Login incorrect: the home is not there.") from None
        if not login.is_read_only:
            self._perms = _ALL
        session.begin(login, Jail(top, is_read_only=login.is_read_only))

    def get_home_dir(self, name: str) -> str:
        """Return the top as the client sees it."""
        return "/"

    def get_msg_login(self, name: str) -> str:
        return "Login successful."

    def get_msg_quit(self, name: str) -> str:
        return "Goodbye."

    def has_perm(self, name: str, perm: str, path: str | None = None) -> bool:
        return perm in self._perms

    def get_perms(self, name: str) -> str:
        return self._perms

    def impersonate_user(self, name: str, password: str) -> None:
        """All are one user here."""

    def terminate_impersonation(self, name: str) -> None:
        """All are one user here."""


class Session(TLS_FTPHandler):
    """One client. Without TLS nobody gets as far as a password, and no data goes in the clear."""

    abstracted_fs = Files
    accounts: Accounts
    traffic: Path
    banner = "FTP"
    timeout = _IDLE
    auth_failed_timeout = _PAUSE
    tls_control_required = True
    tls_data_required = True
    # Names that are no UTF-8 come back as they are.
    unicode_errors = "surrogateescape"

    def __init__(self, *given: Any, **named: Any):
        self.login: Login | None = None
        self.jail: Jail | None = None
        self.meter: Meter | None = None
        super().__init__(*given, **named)
        self.authorizer = _Authorizer(self.accounts)

    def begin(self, login: Login, jail: Jail) -> None:
        """Keep what this session rests on."""
        self._let_go()
        self.login, self.jail = login, jail
        self.meter = Meter(self.traffic, login.subscription)

    def _let_go(self) -> None:
        if self.jail is not None:
            self.jail.close()
        if self.meter is not None:
            self.meter.end()
        self.login = self.jail = self.meter = None

    def _on_dtp_close(self) -> None:
        # Each data channel comes by here once, whatever ended it.
        if self.meter is not None and self.data_channel is not None:
            self.meter.received += self.data_channel.tot_bytes_received
            self.meter.sent += self.data_channel.tot_bytes_sent
        super()._on_dtp_close()

    def push(self, data: str) -> None:
        """Answer; a name that is no UTF-8 is shown as it can be."""
        super().push(data.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))

    def end(self) -> None:
        """End at once: neither a transfer nor a client that does not say goodbye holds it up."""
        if self.data_channel is not None:
            DTPHandler.close(self.data_channel)
        FTPHandler.close(self)

    def on_disconnect(self) -> None:
        self._let_go()


class Server(FTPServer):
    """The port of FTP."""

    max_cons = _MOST_SESSIONS

    def look(self) -> None:
        """End the sessions that rest on what is no more."""
        here = [each for each in self.ioloop.socket_map.values() if isinstance(each, Session)]
        logins = {each.login for each in here if each.login is not None}
        gone = self.handler.accounts.changed(logins)
        for session in here:
            if session.login in gone:
                session.end()


def _context(pem: Path) -> SSL.Context:
    found = SSL.Context(SSL.TLS_SERVER_METHOD)
    found.set_min_proto_version(SSL.TLS1_2_VERSION)
    found.use_certificate_chain_file(str(pem))
    found.use_privatekey_file(str(pem))
    return found


def named(own: Path, web: Path) -> SSL.Context:
    """Return the context of `own`, and of other names those that the web server has for them."""
    context = _context(own)

    def choose(connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        path = file_of(name, serving_in(web))
        # One that is not sound fails for its name alone: the other one is shown.
        with suppress(SSL.Error, OSError):
            if path is not None:
                connection.set_context(_context(path))

    context.set_tlsext_servername_callback(choose)
    return context


def listen(
    accounts: Accounts, certificate: Path, address: str, port: int, traffic: Path, web: Path
) -> Server:
    """Open the port. It is served by `serve_forever`."""

    class Ours(Session):
        pass

    Ours.accounts, Ours.traffic = accounts, traffic
    Ours.ssl_context = named(certificate, web)
    server = Server((address, port), Ours, ioloop=IOLoop())
    server.ioloop.call_every(INTERVAL, server.look)
    return server
