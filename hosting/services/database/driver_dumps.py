"""Dumps: all of a database as a script of SQL, and a script as the content of a database.

What a script does is its author's, so it runs with rights to that one database alone, as the user
of the subscription, in a client that neither runs programs nor opens files. Programs die with the
agent's thread that began them: nobody goes on with half a script beside the next attempt.
"""

import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from hosting.agent.platform import uid_of
from hosting.agent.protocol import AgentError
from hosting.services.database.driver_mariadb import FULL_RIGHTS, MariaDb
from hosting.services.database.driver_postgresql import PostgreSql, dropped
from hosting.services.database.driver_server import Server
from hosting.services.database.driver_sql import (
    maria_account,
    maria_name,
    maria_pattern,
    maria_text,
    pg_name,
    pg_text,
)
from hosting.services.database.driver_streams import (
    Told,
    from_file,
    into_file,
    without_definers,
    without_restrictions,
)

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class Dumps(ABC):
    """The dumps of one server."""

    # Of programs of the node: what writes dumps.
    program: str

    @abstractmethod
    def is_possible(self) -> bool:
        """Say whether the node has the programs."""

    @abstractmethod
    def export(self, number: int, name: str, file: int, told: Told) -> int:
        """Write a database into an open file, compressed; its size in bytes."""

    @abstractmethod
    def take_in(self, number: int, name: str, file: int, told: Told, *, recreate: bool) -> None:
        """Run a script on a database; with `recreate`, on an empty one."""


def _as(server: Server, uid: int | None) -> list[str]:
    """What a program is started by: it dies with its parent, and gets no further rights."""
    words = [str(server.platform.programs["setpriv"]), "--pdeathsig=KILL", "--no-new-privs"]
    if uid is None:
        return words
    return [*words, f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


class MariaDumps(Dumps):
    """Of MariaDB: written as the agent's administrator, who alone may read every routine."""

    program = "mariadb-dump"

    def __init__(self, server: MariaDb):
        self._server = server

    def is_possible(self) -> bool:
        """Say whether the node has mariadb-dump."""
        return {self.program, "setpriv"} <= self._server.platform.programs.keys()

    def export(self, number: int, name: str, file: int, told: Told) -> int:
        """One moment of all tables, with views, triggers and routines, and without who made them:
        elsewhere there is no such user. Events are not: nobody here may have any."""
        command = (
            *_as(self._server, None),
            str(self._server.platform.programs[self.program]),
            "--no-defaults",
            f"--socket={self._server.socket}",
            "--user=root",
            "--default-character-set=utf8mb4",
            *("--single-transaction", "--quick", "--hex-blob", "--routines", "--triggers"),
            *("--no-tablespaces", "--max-allowed-packet=1G"),
            name,
        )
        host = self._server.host
        return into_file(host, command, _ENVIRONMENT, without_definers, file, told)

    def take_in(self, number: int, name: str, file: int, told: Told, *, recreate: bool) -> None:
        """Run a script as the database's own owner, an account that nobody logs in to otherwise:
        views and routines are its, whatever becomes of users."""
        if recreate:
            self._empty(name)
        with self._owner(name) as (user, password):
            command = (
                *_as(self._server, uid_of(number)),
                str(self._server.platform.programs["mariadb"]),
                "--no-defaults",
                f"--socket={self._server.socket}",
                f"--user={user}",
                "--default-character-set=utf8mb4",
                *("--sandbox", "--binary-mode", "--batch", "--max-allowed-packet=1G"),
                name,
            )
            environment = {**_ENVIRONMENT, "MYSQL_PWD": password}
            from_file(self._server.host, command, environment, without_definers, file, told)

    def _empty(self, name: str) -> None:
        quoted, text = maria_name(name), maria_text(name)
        (row,) = self._server.ask(
            "SELECT JSON_ARRAY(DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME)"
            f" FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {text};"
        ) or [[]]
        if not row:
            raise AgentError("refused", f"there is no database {name}")
        charset, collation = (maria_name(str(word)) for word in row)
        self._server.change(
            [f"CREATE OR REPLACE DATABASE {quoted} CHARACTER SET {charset} COLLATE {collation}"]
        )

    @contextmanager
    def _owner(self, name: str) -> Iterator[tuple[str, str]]:
        user, password = f"owner_{name}", secrets.token_hex(24)
        account = maria_account(user, "localhost")
        # As the server stores passwords of this kind; nobody but the client below has it.
        once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
        stored = "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()
        self._server.change(
            [
                (
                    f"CREATE OR REPLACE USER {account} IDENTIFIED VIA mysql_native_password"
                    f" USING {maria_text(stored)} WITH MAX_USER_CONNECTIONS 1 ACCOUNT UNLOCK"
                ),
                f"GRANT {', '.join(FULL_RIGHTS)} ON {maria_pattern(name)}.* TO {account}",
            ]
        )
        try:
            yield user, password
        finally:
            self._server.change([f"ALTER USER {account} ACCOUNT LOCK", f"KILL USER {account}"])


class PostgreSqlDumps(Dumps):
    """Of PostgreSQL: written and read as the role that owns the database, no superuser's."""

    program = "pg_dump"

    def __init__(self, server: PostgreSql):
        self._server = server

    def is_possible(self) -> bool:
        """Say whether the node has pg_dump of the server's version."""
        return f"{self.program}-{self._server.version}" in self._server.platform.programs

    def export(self, number: int, name: str, file: int, told: Told) -> int:
        """One moment of everything in it, without whose it is and who may do what."""
        with self._role(name) as role:
            command = (
                *self._command(number, role, self.program),
                "--no-owner",
                "--no-privileges",
                f"--role={name}.owner",
                name,
            )
            given = (command, self._environment(role), lambda block: block)
            return into_file(self._server.host, *given, file, told)

    def take_in(self, number: int, name: str, file: int, told: Told, *, recreate: bool) -> None:
        """Run a script in one transaction: all of it or nothing.

        psql is restricted from its first line on: without the key no other command of its own
        (a program, a file, another database) is obeyed.
        """
        if recreate:
            self._server.change(_emptied(name))
        with self._role(name) as role:
            options = ("-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
            command = (*self._command(number, role, "psql"), *options, "-d", name, "-f", "-")
            given = (command, self._environment(role), without_restrictions)
            begin = f"\\restrict {secrets.token_hex(24)}\nSET client_min_messages = warning;\n"
            from_file(self._server.host, *given, file, told, begin.encode())

    def _command(self, number: int, role: tuple[str, str], program: str) -> list[str]:
        server = self._server
        where = ("-h", str(server.run_directory), "-p", str(server.port), "-U", role[0])
        return [*_as(server, uid_of(number)), server.path_of(program), *where]

    def _environment(self, role: tuple[str, str]) -> dict[str, str]:
        return {**_ENVIRONMENT, "PGPASSWORD": role[1], "HOME": "/nonexistent"}

    @contextmanager
    def _role(self, name: str) -> Iterator[tuple[str, str]]:
        """A role of this transfer, which acts as the one that owns the database."""
        role, password, owner = f"transfer_{name}", secrets.token_hex(24), f"{name}.owner"
        quoted = pg_name(role)
        self._server.change(
            [
                *_gone(role, name),
                (
                    f"CREATE ROLE {quoted} LOGIN CONNECTION LIMIT 8 PASSWORD {pg_text(password)}"
                    f" IN ROLE {pg_name(owner)}"
                ),
                f"ALTER ROLE {quoted} IN DATABASE {pg_name(name)} SET role = {pg_text(owner)}",
            ]
        )
        try:
            yield role, password
        finally:
            self._server.change(_gone(role, name))


def _gone(role: str, database: str) -> list[str]:
    """Return what takes a role away, whether or not there is one; what it made stays."""
    made = f"CREATE ROLE {pg_name(role)} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL"
    return [f"DO $$ BEGIN {made}; END $$", *dropped(role, [database])]


def _emptied(database: str) -> list[str]:
    """Return what takes everything out of a database, and makes it as a new one is."""
    reader = pg_name(f"{database}.reader")
    return [
        f"\\connect {database}",
        "SET lock_timeout = '15s'",
        "BEGIN",
        (
            "DO $$ DECLARE part text; BEGIN FOR part IN SELECT nspname FROM pg_namespace"
            " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
            " LOOP EXECUTE format('DROP SCHEMA %I CASCADE', part); END LOOP;"
            " PERFORM lo_unlink(oid) FROM pg_largeobject_metadata; END $$"
        ),
        "CREATE SCHEMA public AUTHORIZATION pg_database_owner",
        f"GRANT USAGE ON SCHEMA public TO PUBLIC, {reader}",
        "COMMIT",
        "\\connect postgres",
    ]
