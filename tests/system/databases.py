"""Clients of databases, as tenants have them: MariaDB's own program, and libpq."""

import json
import shutil
import subprocess
from dataclasses import dataclass

import psycopg

from hosting.agent.platform import found_programs
from tests.system.debian import why_not as why_no_node


def why_not() -> str:
    """The reason why there can be no servers of databases here, or nothing."""
    if reason := why_no_node():
        return reason
    programs = found_programs()
    for name in ("mariadbd", "mariadb-install-db", "setpriv"):
        if name not in programs:
            return f"{name} is not installed"
    if not any(name.startswith("postgres-") for name in programs):
        return "PostgreSQL is not installed"
    return ""


@dataclass
class Refused(Exception):
    """What a server said instead of doing it."""

    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Maria:
    """One user of MariaDB, by TCP as websites come."""

    port: int
    user: str
    password: str

    def _command(self, database: str, *options: str) -> list[str]:
        where = ("-h127.0.0.1", f"-P{self.port}", f"-u{self.user}", f"-p{self.password}")
        program = shutil.which("mariadb") or "mariadb"
        return [program, "--no-defaults", *where, "--batch", "-N", *options, database]

    def ask(self, database: str, statement: str) -> list[str]:
        """What a statement gives, line by line; Refused with the server's words."""
        command = self._command(database, "--local-infile=1")
        done = subprocess.run(command, input=statement, capture_output=True, text=True)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout.splitlines()

    def stay(self, database: str) -> subprocess.Popen[str]:
        """A session that goes on until somebody ends it; it has begun."""
        process = subprocess.Popen(
            self._command(database, "--unbuffered"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("SELECT 'in';\nSELECT SLEEP(300);\n")
        process.stdin.flush()
        assert process.stdout.readline() == "in\n"
        return process


@dataclass(frozen=True)
class Postgres:
    """One user of PostgreSQL."""

    port: int
    user: str
    password: str

    def connect(self, database: str) -> psycopg.Connection:
        """A session; Refused with the server's words."""
        try:
            return psycopg.connect(
                host="127.0.0.1",
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=database,
                autocommit=True,
                connect_timeout=30,
            )
        except psycopg.Error as error:
            raise Refused(str(error)) from None

    def ask(self, database: str, statement: str) -> list[str]:
        """What a statement gives, each row's first value."""
        with self.connect(database) as connection:
            try:
                cursor = connection.execute(statement)
                return [str(row[0]) for row in cursor] if cursor.description else []
            except psycopg.Error as error:
                raise Refused(str(error)) from None


def state(client: Maria | Postgres, database: str) -> str:
    """Whether this user gets in: "open", or "shut" with the words of a suspension."""
    try:
        return "open" if client.ask(database, "SELECT 1") == ["1"] else json.dumps("nothing")
    except Refused as refused:
        for words in ("this account is locked", "is not permitted to log in"):
            if words in str(refused):
                return "shut"
        raise
