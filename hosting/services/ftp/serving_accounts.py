"""Who gets in, by the tables that the agent writes: read anew each time, so nothing is remembered.

A session rests on what the tables said when it began. Several times a second they are asked again,
and a session whose account is another now, or nobody's, ends.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import bcrypt

from hosting.services.ftp.serving_jail import steps, walk

# How often sessions are looked through.
INTERVAL = 0.25
_PATIENCE = 5.0
# Checked where there is no hash: who tries names learns nothing from how long it takes.
_NOBODY = b"$2b$10$BcoliOQF.bm1DXE7cTwc9Ou0swlRef0yM.gG87xrUT5h.HZ3sNxJ6"
_LONGEST = 72
_LOGIN = """
    SELECT account.subscription, account.home, account.password, account.is_read_only
    FROM account JOIN login ON login.name = account.name WHERE account.name = ?
"""
_KEYS = "SELECT line FROM key WHERE name = ? ORDER BY rowid"


@dataclass(frozen=True)
class Login:
    """An account that may get in now."""

    name: str
    subscription: int
    home: str
    password: str
    is_read_only: bool
    keys: tuple[str, ...]


class Accounts:
    """The tables at `path`, and the directory that all homes are below."""

    def __init__(self, path: Path, homes: int, top: str):
        self._address = f"file:{quote(str(path))}?mode=ro"
        self._homes = homes
        self._top = top

    def find(self, name: str) -> Login | None:
        """Return the account of this name if it may get in now."""
        with closing(sqlite3.connect(self._address, uri=True, timeout=_PATIENCE)) as database:
            row = database.execute(_LOGIN, (name,)).fetchone()
            if row is None:
                return None
            keys = tuple(line for (line,) in database.execute(_KEYS, (name,)))
        return Login(name, *row[:3], bool(row[3]), keys)

    def by_password(self, name: str, password: str) -> Login | None:
        """Return who gets in with this password."""
        found, given = self._found(name), password.encode("utf-8", "surrogateescape")
        hashed = found.password.encode() if found and found.password.startswith("$") else _NOBODY
        if len(given) > _LONGEST or b"\0" in given or not bcrypt.checkpw(given, hashed):
            return None
        return found if hashed is not _NOBODY else None

    def by_key(self, name: str, line: str) -> Login | None:
        """Return who gets in with this public key, given as type and base64."""
        found = self._found(name)
        return found if found and line in found.keys else None

    def is_same(self, login: Login) -> bool:
        """Say whether what a session rests on still is so; where nobody can tell, it is not."""
        return self._found(login.name) == login

    def _found(self, name: str) -> Login | None:
        try:
            return self.find(name)
        except (sqlite3.Error, UnicodeError):
            return None

    def changed(self, logins: Iterable[Login]) -> set[Login]:
        """Return those that are not as they were."""
        return {login for login in set(logins) if not self.is_same(login)}

    def has_home(self, login: Login) -> bool:
        """Say whether an account's home can be opened."""
        try:
            os.close(self.home(login))
        except OSError:
            return False
        return True

    def home(self, login: Login) -> int:
        """Return a descriptor of an account's home; OSError if it became a link or is gone."""
        inside = login.home.removeprefix(f"{self._top}/")
        if inside == login.home:
            raise FileNotFoundError(login.home)
        return walk(self._homes, steps(inside))
