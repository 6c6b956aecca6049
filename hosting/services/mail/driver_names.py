"""Certificates of the names that mail programs come by.

The web server's driver has them, and says which file is for which name. Postfix looks names up in a
table, live; Dovecot reads a block for each when it is told to (SNI, RFC 6066, 3). Both get copies:
what the web server takes away never holds up a daemon that begins anew.

    mail/names/names.sqlite3   key and chain of each name, in base64, as `tls_server_sni_maps` asks
    mail/names/<name>.pem      the same, for Dovecot
    mail/names/names.conf      its blocks
"""

import base64
import json
import os
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, is_host_name
from hosting.services.mail.driver_desired import Mail
from hosting.services.web.driver_certificates import file_of, serving

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n?")
_TABLE = "CREATE TABLE IF NOT EXISTS pair (name TEXT PRIMARY KEY, pem TEXT NOT NULL) STRICT"
# So many blocks Dovecot is given, those that came first: each takes 130 kB of its memory, and a
# thousand need 0.6 s to be read. For other names it shows the node's own; Postfix has them all.
MOST_BLOCKS = 1000
# What Postfix asks: a name whose answer is decoded and read as a key with its chain.
QUERY = "SELECT pem FROM pair WHERE name = '%s'"


def names(mails: Iterable[Mail]) -> set[str]:
    """Return the names that mail programs come by: that of each domain's and each alias's mail."""
    every = (name for mail in mails for each in mail.domains for name in (each.name, *each.aliases))
    return {f"mail.{name}" for name in every}


def key_first(pem: bytes) -> bytes | None:
    """Return a key with its chain in the order that Postfix wants; None: it is not both."""
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(pem)]
    keys = [block for kind, block in blocks if kind.endswith(b"PRIVATE KEY")]
    chain = [block for kind, block in blocks if kind == b"CERTIFICATE"]
    return b"".join(keys + chain) if len(keys) == 1 and chain else None


class Names:
    """Copies of the certificates that mail is served with.

    `group` reads the table. `check` is asked whether Dovecot takes its blocks: its words where it
    does not, "" otherwise. `block` writes one, of a name and the path of its file.
    """

    def __init__(
        self,
        host: Host,
        directory: Path,
        check: Callable[[], str],
        block: Callable[[str, Path], str],
    ):
        self._host = host
        self._directory = directory / "names"
        self._check = check
        self._block = block
        self.table = self._directory / "names.sqlite3"
        self.blocks = self._directory / "names.conf"

    def lay_out(self, group: int) -> None:
        """Make the directory and the table, for root and the group."""
        if not self._directory.is_dir():
            self._host.make(self._directory, 0o700)
        self._share(self._directory, group, 0o710)
        with closing(sqlite3.connect(self.table, timeout=30)) as database:
            # Postfix only reads: with a journal beside it that takes no right to write.
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute(_TABLE)
        self._share(self.table, group, 0o640)
        if not self.blocks.exists():
            self._host.replace(self.blocks, b"", 0o600)

    def _share(self, path: Path, group: int, mode: int) -> None:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._host.own(place, None, group)
            self._host.permit(place, mode)
        finally:
            os.close(place)

    def keep(self, about: Collection[str] | None, wanted: Collection[str]) -> bool:
        """Have the certificates of exactly these names, of those it is about (None: of all).

        True: Dovecot has to read its blocks again. AgentError: it refuses them, and goes on with
        those that it has.
        """
        scope = None if about is None else {*about, *wanted}
        held, found = self._held(scope), self._found(wanted)
        if held == found and scope is not None:
            return False
        is_news = False
        for name, pem in found.items():
            path = self._directory / f"{name}.pem"
            was = _reads(path) if scope is None else held.get(name)
            if was != pem:
                self._host.replace(path, pem, 0o600)
                is_news = True
        gone = held.keys() - found.keys()
        before = [name for name in self._names() if name not in gone]
        kept = [*before, *sorted(found.keys() - set(before))]
        is_news |= self._write_blocks(kept)
        # Last: what is in the table has been done.
        self._write_table(gone, {n: pem for n, pem in found.items() if held.get(n) != pem})
        left = [self._directory / f"{name}.pem" for name in gone]
        if scope is None:
            left = [path for path in self._directory.glob("*.pem") if path.stem not in kept]
        for path in left:
            self._host.unlink(path)
        return is_news

    def _names(self) -> list[str]:
        with closing(sqlite3.connect(self.table, timeout=30)) as database:
            return [name for (name,) in database.execute("SELECT name FROM pair ORDER BY rowid")]

    def _held(self, scope: Collection[str] | None) -> dict[str, bytes]:
        query, words = "SELECT name, pem FROM pair", ()
        if scope is not None:
            query += " WHERE name IN (SELECT value FROM json_each(?))"
            words = (json.dumps(sorted(scope)),)
        with closing(sqlite3.connect(self.table, timeout=30)) as database:
            rows = database.execute(query, words)
            return {name: base64.b64decode(pem) for name, pem in rows}

    def _found(self, wanted: Collection[str]) -> dict[str, bytes]:
        """Return what the web server has for these, by the name itself or by its wildcard."""
        served = serving(self._host.platform)
        found = {}
        for name in wanted:
            path = file_of(name, served)
            if path is None or not is_host_name(name):
                continue
            try:
                pem = key_first(path.read_bytes())
            except OSError:
                continue
            if pem is not None:
                found[name] = pem
        return found

    def _write_table(self, gone: Collection[str], news: Mapping[str, bytes]) -> None:
        rows = [(name, base64.b64encode(pem).decode("ascii")) for name, pem in news.items()]
        if not gone and not rows:
            return
        with closing(sqlite3.connect(self.table, timeout=30)) as database:
            database.executemany("DELETE FROM pair WHERE name = ?", [(name,) for name in gone])
            database.executemany(
                "INSERT INTO pair (name, pem) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET pem = excluded.pem",
                rows,
            )
            self._host.commit(database)

    def _write_blocks(self, kept: Sequence[str]) -> bool:
        text = "".join(self.block(name) for name in kept[:MOST_BLOCKS]).encode("ascii")
        before = _reads(self.blocks)
        if before == text:
            return False
        self._host.replace(self.blocks, text, 0o600)
        if words := self._check():
            self._host.replace(self.blocks, before or b"", 0o600)
            if before and self._check():
                # Without any it begins, and shows the node's own.
                self._host.replace(self.blocks, b"", 0o600)
            raise AgentError("check", f"Dovecot refuses certificates: {words[-300:]}")
        return True

    def block(self, name: str) -> str:
        """Return what Dovecot is told of a name."""
        return self._block(name, self._directory / f"{name}.pem")


def _reads(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
