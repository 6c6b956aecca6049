"""A node with servers of databases, and clients as tenants have them: MariaDB's own, and libpq."""

import json
import os
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
from tests.system.doors import Door, Session, program


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


def run(command: list[str], given: bytes = b"", **environment: str) -> bytes:
    """What a program writes; Refused with its words."""
    known = {**os.environ, **environment}
    done = subprocess.run(command, input=given, capture_output=True, env=known)
    if done.returncode:
        raise Refused(done.stderr.decode().strip())
    return done.stdout


@dataclass(frozen=True)
class Maria:
    """One user of MariaDB, by TCP as websites come."""

    port: int
    user: str
    password: str

    def _command(self, database: str, *options: str) -> list[str]:
        return self._words(
            "mariadb", "--default-character-set=utf8mb4", "--batch", "-N", *options, database
        )

    def ask(self, database: str, statement: str) -> list[str]:
        """What a statement gives, line by line; Refused with the server's words."""
        command = self._command(database, "--local-infile=1")
        done = subprocess.run(command, input=statement, capture_output=True, text=True)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout.splitlines()

    def _words(self, *words: str) -> list[str]:
        where = ("-h127.0.0.1", f"-P{self.port}", f"-u{self.user}", f"-p{self.password}")
        return [words[0], "--no-defaults", *where, *words[1:]]

    def dump(self, database: str) -> bytes:
        """What MariaDB's own program writes for this user."""
        options = ("--single-transaction", "--routines", "--hex-blob")
        return run(self._words("mariadb-dump", *options, database))

    def replay(self, database: str, dumped: bytes) -> None:
        """Run what was dumped, to the first that fails."""
        run(self._words("mariadb", "--sandbox", database), dumped)

    def start(self, database: str) -> subprocess.Popen[str]:
        """A session that is given its statements later."""
        return subprocess.Popen(
            self._command(database, "--unbuffered"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stay(self, database: str) -> subprocess.Popen[str]:
        """A session that goes on until somebody ends it; it has begun."""
        process = self.start(database)
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

    def _words(self, program: str, *words: str) -> list[str]:
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))[-1]
        return [str(found), "-h127.0.0.1", f"-p{self.port}", f"-U{self.user}", *words]

    def dump(self, database: str) -> bytes:
        """What PostgreSQL's own program writes for this user, without saying whose it is."""
        words = self._words("pg_dump", "--no-owner", "--no-privileges", database)
        return run(words, PGPASSWORD=self.password)

    def replay(self, database: str, dumped: bytes) -> None:
        """Run what was dumped: all of it or nothing."""
        words = self._words("psql", "-X", "-q", "-1", "-vON_ERROR_STOP=1", database)
        run(words, dumped, PGPASSWORD=self.password)

    def ask(self, database: str, statement: str) -> list[str]:
        """What a statement gives, each row's first value."""
        with self.connect(database) as connection:
            try:
                cursor = connection.execute(statement)
                return [str(row[0]) for row in cursor] if cursor.description else []
            except psycopg.Error as error:
                raise Refused(str(error)) from None


def is_suspension(words: str) -> bool:
    """Whether that is what a server says to the suspended."""
    return "this account is locked" in words or "is not permitted to log in" in words


def state(client: Maria | Postgres, database: str) -> str:
    """Whether this user gets in: "open", or "shut" with the words of a suspension."""
    try:
        return "open" if client.ask(database, "SELECT 1") == ["1"] else json.dumps("nothing")
    except Refused as refused:
        if is_suspension(str(refused)):
            return "shut"
        raise


@dataclass
class Asking:
    """A session of PostgreSQL."""

    connection: psycopg.Connection

    def lives(self) -> bool:
        try:
            return self.connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def close(self) -> None:
        self.connection.close()


def doors(ports: dict[str, int], user: str, password: str, database: str) -> dict[str, Door]:
    """A user of a database on each server, by TCP as websites come."""
    postgres = Postgres(ports["postgresql"], user, password)

    def begin() -> Session | None:
        try:
            return Asking(postgres.connect(database))
        except Refused as refused:
            if is_suspension(str(refused)):
                return None
            raise

    maria = Maria(ports["mariadb"], user, password)
    given = ("SELECT 'in';", "in")
    by_client = program(f"MariaDB of {user}", lambda: maria.start(database), *given, is_suspension)
    return {"mariadb": by_client, "postgresql": Door(f"PostgreSQL of {user}", begin)}


ANNA, BERT = 42, 43
WORDS = {ANNA: 'anna\'s "own" $password\\', BERT: "bert's own"}
KINDS = ("mariadb", "postgresql")

# What docs/databases.md says to do: the one who made a routine is no user elsewhere.
NO_DEFINER = r"/^(CREATE|\/\*!)/s/DEFINER=`[^`]*`@`[^`]*`//"
ODD_TABLE = {"mariadb": """`od d'"näme`""", "postgresql": """"od d'""näme\""""}
EVERY_KIND = {
    "mariadb": f"""CREATE TABLE {ODD_TABLE["mariadb"]} (b longblob, t text);
        INSERT INTO {ODD_TABLE["mariadb"]}
          VALUES (x'00ff0a0d275c1a80', 'ünï💧\\n; \\\\! DEFINER=`a`@`b`');
        CREATE VIEW v AS SELECT count(*) FROM {ODD_TABLE["mariadb"]};
        CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 8;
        CREATE TRIGGER g BEFORE INSERT ON {ODD_TABLE["mariadb"]} FOR EACH ROW SET NEW.t = f();""",
    "postgresql": f"""CREATE TABLE {ODD_TABLE["postgresql"]} (b bytea, t text);
        INSERT INTO {ODD_TABLE["postgresql"]}
          VALUES ('\\x00ff0a0d275c1a80', E'ünï💧\\n; \\\\! \\\\.');
        CREATE VIEW v AS SELECT count(*) FROM {ODD_TABLE["postgresql"]};
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 8';
        CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN NEW.t = f(); RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT ON {ODD_TABLE["postgresql"]}
          FOR EACH ROW EXECUTE FUNCTION g();""",
}


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
