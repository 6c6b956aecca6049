"""Ways in: a new login each time they are tried, and what became of the login of the time before.

Who is shut is refused, and is out as well; who is open gets in, and whoever was in already stays.
"""

import ftplib
import os
import select
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.system.conftest import LIMIT, wait_until


class Neither(AssertionError):
    """What came back means neither open nor shut."""


class Session(Protocol):
    """Somebody who is in."""

    def lives(self) -> bool: ...

    def close(self) -> None: ...


@dataclass(eq=False)
class Door:
    """A way in; `begin` gives a session, or None to who is refused as the suspended are."""

    name: str
    begin: Callable[[], Session | None]
    held: Session | None = None
    before: Session | None = None

    def __call__(self) -> str:
        before, self.before = self.held, self.held
        self.held = self.begin()
        if before is not None and self.held is None:
            wait_until(lambda: not before.lives(), f"the session of {self.name} ends")
        elif before is not None and not before.lives():
            raise Neither(f"{self.name}: a session ended that may go on")
        return "shut" if self.held is None else "open"

    def rests(self) -> str:
        """Without a new login, where nothing has changed: whoever is in stays."""
        if self.held is None:
            return "shut"
        return "open" if self.held.lives() else "shut"

    def leave(self) -> None:
        """End the session before: later than all doors were tried, as ProFTPD takes its time for
        the next who comes while sessions end."""
        if self.before is not None:
            self.before.close()
            self.before = None

    def close(self) -> None:
        """End both."""
        self.leave()
        self.before, self.held = self.held, None
        self.leave()


def ftp_login(port: int, name: str, password: str) -> ftplib.FTP_TLS:
    """A session of FTP over TLS; ftplib.error_perm: refused."""
    context = ssl._create_unverified_context()
    client = ftplib.FTP_TLS(context=context, timeout=60, encoding="utf-8")
    client.connect("127.0.0.1", port)
    try:
        client.login(name, password)
    except ftplib.error_perm:
        client.close()
        raise
    client.prot_p()
    return client


@dataclass
class FtpSession:
    """A session of FTP over TLS."""

    client: ftplib.FTP_TLS

    def lives(self) -> bool:
        try:
            self.client.voidcmd("NOOP")
        except (EOFError, OSError, ftplib.Error):
            return False
        return True

    def close(self) -> None:
        self.client.close()


def ftps(port: int, name: str, password: str) -> Door:
    """FTP over TLS."""

    def begin() -> Session | None:
        try:
            return FtpSession(ftp_login(port, name, password))
        except ftplib.error_perm as error:
            if str(error).startswith("530"):
                return None
            raise

    return Door(f"FTP of {name}", begin)


@dataclass
class Program:
    """A client that answers each line that it is given with a line that has `words` in it."""

    process: subprocess.Popen[str]
    given: str
    words: str

    def lives(self) -> bool:
        """Give it a line; whether it says what it should before it ends."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{self.given}\n")
            self.process.stdin.flush()
        except OSError:
            return False
        said, end = b"", time.monotonic() + LIMIT
        output = self.process.stdout.fileno()
        while self.words.encode() not in said or not said.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise Neither(f"{self.process.args}: says {said!r}")
            if not (part := os.read(output, 4096)):
                return False
            said += part
        return True

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=LIMIT)


def is_no_way_in(words: str) -> bool:
    """Whether that is what OpenSSH's clients say to who is not let in."""
    return "Permission denied" in words or "Your account has expired" in words


def program(
    name: str,
    start: Callable[[], subprocess.Popen[str]],
    given: str,
    words: str,
    is_refusal: Callable[[str], bool] = is_no_way_in,
) -> Door:
    """A way in by a client that ends at once with its words if it is refused."""

    def begin() -> Session | None:
        session = Program(start(), given, words)
        if session.lives():
            return session
        errors = session.process.communicate(timeout=LIMIT)[1]
        if session.process.returncode and is_refusal(errors):
            return None
        raise Neither(f"{name}: {session.process.returncode} {errors}")

    return Door(name, begin)
