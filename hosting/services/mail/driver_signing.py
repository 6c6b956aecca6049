"""DKIM signatures (RFC 6376) on what leaves a node: OpenDKIM, which Postfix asks as a milter.

On disk, below the directory of mail:

    signing/opendkim.conf
    signing/keys/        the keys, OpenDKIM's user's alone, each in a file
    signing/keytable, signing/signtable   which names are signed with which of them

It listens on a socket that Postfix alone reaches: whoever could speak to it would have anything
signed. Tables are written whole and read again on SIGUSR1 (opendkim(8)).
"""

import os
import pwd
import re
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

from hosting.agent.daemon import Complaints, Daemon, Program
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError
from hosting.services.mail.driver_desired import Key, Mail

USER, _GROUP = "opendkim", "postfix"
_WORD = re.compile(r"[A-Za-z0-9._/-]{1,800}", re.ASCII)
# SIGUSR1 has it read the tables again. Whether keys are safe it judges by the directories above
# them as well, wherever a node has been put; here they are written, with the mode that they have.
_CONFIGURATION = """\
Socket local:{socket}
UserID {user}:{group}
UMask 007
Mode s
Canonicalization relaxed/simple
SignatureAlgorithm rsa-sha256
OversignHeaders From
KeyTable file:{top}/keytable
SigningTable file:{top}/signtable
InternalHosts 127.0.0.1
AutoRestart no
Background no
Syslog no
RequireSafeKeys no
"""


def is_possible(platform: Platform) -> bool:
    """Say whether a node can sign: the program is there, and the user that Debian makes for it."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return "opendkim" in platform.programs


class Signing:
    """OpenDKIM and its tables."""

    def __init__(self, host: Host, directory: Path):
        self._host = host
        self._top = directory / "signing"
        self._keys = self._top / "keys"
        self._run = directory / "signing-run"
        self.socket = self._run / "milter"
        self._log = host.platform.logs / "opendkim.log"
        self.daemon = Daemon(host, self._program())

    def _program(self) -> Program:
        configuration = str(self._top / "opendkim.conf")
        return Program(
            name="opendkim",
            command=(
                str(self._host.platform.programs["opendkim"]), "-f", "-x", configuration,
            ),
            directory=self._top,
            pid_file=self._host.platform.run / "opendkim.pid",
            is_master=lambda line: configuration in line,
            is_ours=lambda line: configuration in line,
            writes_pid=False,
            log=self._log,
        )  # fmt: skip

    def lay_out(self) -> bool:
        """Write the configuration and empty tables where there are none; say whether it is new."""
        user, group = pwd.getpwnam(USER), pwd.getpwnam(_GROUP)
        for place, mode, uid, gid in (
            (self._top, 0o711, 0, 0),
            (self._keys, 0o700, user.pw_uid, user.pw_gid),
            (self._run, 0o750, user.pw_uid, group.pw_gid),
        ):
            if not place.is_dir():
                self._host.make(place, mode)
            self._give(place, uid, gid, mode)
        if not all((self._top / name).exists() for name in ("keytable", "signtable")):
            self.keep([])
        about = {"socket": self.socket, "user": USER, "group": _GROUP, "top": self._top}
        text = _CONFIGURATION.format(**about)
        path = self._top / "opendkim.conf"
        if path.is_file() and path.read_text() == text:
            return False
        self._host.replace(path, text.encode())
        return True

    def _give(self, path: Path, uid: int, gid: int, mode: int) -> None:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._host.own(place, uid, gid)
            self._host.permit(place, mode)
        finally:
            os.close(place)

    def keep(self, mails: Iterable[Mail]) -> None:
        """Have exactly these keys and names, and OpenDKIM know of them."""
        wanted = {_file(key): key for mail in mails for key in mail.keys}
        found = tables(wanted.values(), self._keys)
        # It reads them when it comes to it: what the tables named up to now stays until then.
        before = self._read("keytable") or ""
        for path in self._keys.iterdir():
            if path.name not in wanted and f"{path}\n" not in before:
                self._host.unlink(path)
        for name, key in wanted.items():
            self._write(self._keys / name, key.pem)
        if found != {name: self._read(name) for name in found}:
            for name, text in found.items():
                self._write(self._top / name, text)
            self.daemon.signal_master(signal.SIGUSR1)

    def _read(self, name: str) -> str | None:
        path = self._top / name
        return path.read_text() if path.is_file() else None

    def _write(self, path: Path, text: str) -> None:
        """Have a file that OpenDKIM's user alone reads."""
        if path.is_file() and path.read_text() == text:
            return
        user = pwd.getpwnam(USER)
        beside = path.with_name(f"{path.name}.new")
        self._host.unlink(beside)
        self._host.write(beside, text.encode(), 0o600)
        self._give(beside, user.pw_uid, user.pw_gid, 0o400)
        self._host.rename(beside, path)

    def problem(self) -> str | None:
        """Return why it does not sign; None if it answers."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2.0)
                connection.connect(str(self.socket))
        except OSError:
            lines = [line for line in Complaints(self._log).since(0) if line.strip()]
            return f"OpenDKIM does not answer: {(lines or ['it left no word'])[-1][:300]}"
        return None


def _file(key: Key) -> str:
    return f"{key.name}.{key.selector}.pem"


def tables(keys: Iterable[Key], directory: Path) -> dict[str, str]:
    """Return both tables: which name is signed with which key, nothing below it, and the keys.

    Names and selectors have letters, digits, dots and dashes. A key is named by its file: of a
    line with a key in it OpenDKIM reads the first thousand letters.
    """
    keytable, signtable = [], []
    for key in sorted(keys, key=lambda key: key.name):
        path = f"{directory}/{_file(key)}"
        for word in (key.name, key.selector, path):
            if not _WORD.fullmatch(word):
                raise AgentError("invalid", f"not for a table of OpenDKIM: {word[:80]!r}")
        keytable.append(f"{key.name} {key.name}:{key.selector}:{path}\n")
        signtable.append(f"{key.name} {key.name}\n")
    return {"keytable": "".join(keytable), "signtable": "".join(signtable)}
