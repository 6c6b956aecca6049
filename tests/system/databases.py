"""A node with servers of databases, and clients as tenants have them: MariaDB's own, and libpq."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian, found_programs
from hosting.agent.private import close_off
from hosting.services.database.driver import DatabaseDriver
from hosting.services.database.passwords import stored
from tests.system.conftest import free_port
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


ANNA, BERT = 42, 43
WORDS = {ANNA: 'anna\'s "own" $password\\', BERT: "bert's own"}
KINDS = ("mariadb", "postgresql")


class Node:
    """A node with two tenants, each with two databases, a user of one and a reader of both."""

    def __init__(self, top: Path):
        places = {name: top / name for name in ("node", "homes", "run", "logs", "users")}
        self.ports = {kind: free_port() for kind in KINDS}
        ports = {f"{kind}_port": port for kind, port in self.ports.items()}
        self.platform = debian(**places, ssh=top / "ssh", database_address="127.0.0.1", **ports)
        for place in (*places.values(), self.platform.web):
            place.mkdir()
        close_off(self.platform)
        self.generation = 0
        # Of one password PostgreSQL has a new salt each time; rows keep the first.
        self.kept: dict[tuple[str, str], str] = {}
        self.begin()

    def begin(self, host: Host | None = None) -> None:
        """A new life of the agent."""
        self.host = host or Host(self.platform.node, Runner(), self.platform)
        self.driver = DatabaseDriver(self.host)
        self.applier = Applier(self.host, [self.driver])
        self.applier.settle()

    def stored(self, kind: str, password: str) -> str:
        return self.kept.setdefault((kind, password), stored(kind, password))

    def part(self, kind: str, number: int) -> dict:
        user = {"password": self.stored(kind, WORDS[number]), "hosts": []}
        return {
            "databases": ["wp", "w_p"],
            "users": [
                user | {"name": "wp", "access": "full", "databases": ["wp"]},
                user | {"name": "two", "access": "full", "databases": ["wp", "w_p"]},
                user | {"name": "eye", "access": "read", "databases": ["wp"]},
            ],
        }

    def frame(self, number: int, parts: dict | None = None, **more) -> dict:
        self.generation += 1
        about = {"id": number, "generation": self.generation, "present": True, "state": "open"}
        if more.get("present") is False:
            return about | more
        if parts is None:
            parts = {kind: self.part(kind, number) for kind in KINDS}
        return about | {"database": parts} | more

    def apply(self, *frames: dict) -> dict:
        lines: list[dict] = []
        self.applier.desired(list(frames), lines.append)
        assert all(line["ok"] for line in lines[:-1]), lines
        return lines[-1]

    def plan(self, *frames: dict) -> list[dict]:
        return self.applier.plan(list(frames))["plans"]

    def switch(self, number: int, to: str) -> None:
        self.generation += 1
        self.applier.switch([(number, self.generation, to)])

    def client(self, kind: str, number: int, user: str = "wp") -> Maria | Postgres:
        made = Maria if kind == "mariadb" else Postgres
        return made(self.ports[kind], f"s{number}_{user}", WORDS.get(number, "x"))

    def ask(self, kind: str, number: int, statement: str, user="wp", name="wp") -> list[str]:
        return self.client(kind, number, user).ask(f"s{number}_{name}", statement)

    def state(self, kind: str, number: int) -> str:
        return state(self.client(kind, number), f"s{number}_wp")

    def server(self, kind: str):
        return self.driver._servers[kind]
