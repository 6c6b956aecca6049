"""PostgreSQL on a node: a database belongs to a role of its own, which its users act as.

So what one user makes another one of the same database changes, whoever logged in. Nobody else may
connect: what PostgreSQL grants to everybody is revoked before the first connection is let in.
"""

import json
import signal
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from hosting.agent.daemon import Program
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError
from hosting.services.database.driver_desired import FULL, POSTGRESQL, Part, User, prefixed
from hosting.services.database.driver_server import PATIENCE, Facts, Server, grouped
from hosting.services.database.driver_sql import listed, number_of, pg_hba, pg_name, pg_text

_PROGRAMS = ("postgres", "initdb", "psql")
CONNECTIONS, ALL_CONNECTIONS = 25, 300
# Of databases that everybody may connect to unless told otherwise.
_ITS_OWN = ("postgres", "template1")
_PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT"
_BLOCK = 500


class PostgreSql(Server):
    """The agent's own PostgreSQL."""

    kind, label, user = POSTGRESQL, "PostgreSQL", "postgres"

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node has the programs, of one version."""
        return platform.isolates and bool(_versions(platform)) and "setpriv" in platform.programs

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.platform.postgresql_port

    @property
    def version(self) -> int:
        """Which PostgreSQL: the one that its data is of, or the newest for new data."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (OSError, ValueError):
            return _versions(self.platform)[-1]

    def path_of(self, name: str) -> str:
        """Return a program of the server's version."""
        program = self.platform.programs.get(f"{name}-{self.version}")
        if program is None:
            raise AgentError("io", f"there is no PostgreSQL {self.version} on this node")
        return str(program)

    def _as_user(self) -> list[str]:
        """It refuses to run as root; this one becomes its user and then it."""
        words = (f"--reuid={self.user}", f"--regid={self.user}", "--init-groups")
        return [str(self.platform.programs["setpriv"]), *words]

    def _program(self) -> Program:
        outside = self.platform.database_address if self.is_open_outside else None
        words = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1" if outside is None else outside,
            "unix_socket_directories": str(self.run_directory),
            "hba_file": str(self.top / "pg_hba.conf"),
            "ident_file": str(self.top / "pg_ident.conf"),
            "max_connections": str(ALL_CONNECTIONS),
            "logging_collector": "off",
            # Statements hold hashes of passwords.
            "log_statement": "none",
            "log_min_error_statement": "panic",
            "log_min_duration_statement": "-1",
        }
        if outside is not None:
            pem = str(self.certificate)
            words |= {"ssl": "on", "ssl_cert_file": pem, "ssl_key_file": pem}
        options = (word for pair in words.items() for word in ("-c", "=".join(pair)))
        mark = f"-D {self.data} "
        return Program(
            name=self.kind,
            command=(*self._as_user(), self.path_of("postgres"), "-D", str(self.data), *options),
            directory=self.data,
            pid_file=self.platform.run / f"{self.kind}.pid",
            is_master=lambda line: mark in line,
            # Its processes name themselves otherwise; nobody else's run in its data directory.
            is_ours=lambda line: True,
            writes_pid=False,
            log=self._log,
            # At once, with its sessions; SIGTERM would wait until each leaves by itself.
            ending=signal.SIGINT,
            patience=PATIENCE,
        )

    def _initialise(self, data: Path) -> None:
        words = (
            *("-D", str(data), "-U", self.user, "-E", "UTF8", "--locale=C.UTF-8"),
            *("--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions"),
        )
        done = self.host.run([*self._as_user(), self.path_of("initdb"), *words], PATIENCE)
        if done.code:
            raise AgentError("io", f"initdb: {done.output.strip()[-400:]}")

    def configure(self) -> None:
        """Say who may come from where, before the first start; `admit` says so later."""
        self.keep(self.top / "pg_ident.conf", b"agent root postgres\n")
        if not (self.top / "pg_hba.conf").exists():
            self.keep(self.top / "pg_hba.conf", hba({}))

    def admit(self, hosts: dict[str, tuple[str, ...]]) -> None:
        """Let each of these users in from these hosts besides, and from nowhere else."""
        if self.keep(self.top / "pg_hba.conf", hba(hosts)):
            self.daemon.signal_master(signal.SIGHUP)

    def _client(self) -> list[str]:
        words = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
        where = ("-h", str(self.run_directory), "-p", str(self.port))
        return [self.path_of("psql"), *words, *where, "-U", self.user, "-d", "postgres", "-f", "-"]

    def ask(self, statements: str) -> list[list[object]]:
        """Return rows of JSON."""
        done = self.host.runner.run(self._client(), PATIENCE, statements.encode())
        if done.code:
            raise AgentError("io", f"PostgreSQL: {done.output.strip()[-400:]}")
        return [json.loads(line) for line in done.output.splitlines() if line]

    def change(self, statements: Iterable[str]) -> None:
        """Run statements to the first that fails."""
        script = "SET client_min_messages = warning;\n" + "".join(
            f"{statement}\n" if statement.startswith("\\") else f"{statement};\n"
            for statement in statements
        )
        done = self.host.run(self._client(), PATIENCE, script.encode())
        if done.code:
            raise AgentError("check", f"PostgreSQL: {done.output.strip()[-400:]}")

    def ensure(self, patience: float = PATIENCE) -> None:
        """Besides: what it grants to everybody is revoked."""
        is_new = not self.is_there
        super().ensure(patience)
        if is_new or self.ask(_OPEN_TO_ALL):
            self.change(f"REVOKE ALL ON DATABASE {pg_name(n)} FROM PUBLIC" for n in _ITS_OWN)

    # What should be so, and what is.

    def wanted(self, number: int, part: Part, *, is_shut: bool) -> Facts:
        """Return databases, roles and who is a member of which, each in a line."""
        lines = {_database_line(prefixed(number, name)) for name in part.databases}
        for user in part.users:
            name = prefixed(number, user.name)
            lines |= {f"role {name} {user.password}", f"{'locked' if is_shut else 'open'} {name}"}
            lines |= {f"member {name} {role}" for role in _roles_of(number, user)}
        return frozenset(lines)

    def found(self, numbers: Collection[int] | None) -> dict[int, Facts]:
        """Return the same of what the server says."""
        rows: dict[int, set[str]] = defaultdict(set)
        if not self.is_there:
            return {}
        for kind, name, *rest in self.ask(_facts(numbers)):
            number = number_of(str(name))
            if number is None or (numbers is not None and number not in numbers):
                continue
            if kind == "role" and "." not in str(name):
                is_open, password, about = rest
                rows[number] |= {
                    f"role {name} {password}{about}",
                    f"{'open' if is_open else 'locked'} {name}",
                }
            elif kind == "role":
                if rest[0] or rest[2]:
                    rows[number].add(f"role {name} may log in{rest[2]}")
                rows[number].add(f"group {name}")
            else:
                rows[number].add(" ".join(map(str, (kind, name, *rest))))
        return {
            number: facts - {f"group {n}.{kind}" for n in _databases(facts) for kind in _GROUPS}
            for number, facts in grouped(rows).items()
        }

    def statements(self, number: int, part: Part, found: Facts) -> list[str]:
        """Return what makes it so. Who is new cannot log in at first."""
        wanted = self.wanted(number, part, is_shut=True)
        lines: list[str] = []
        for name in sorted(_databases(found) - _databases(wanted)):
            lines.append(f"DROP DATABASE IF EXISTS {pg_name(name)} WITH (FORCE)")
            lines.append(f"DROP ROLE IF EXISTS {pg_name(f'transfer_{name}')}")
        kept = sorted(_databases(wanted) & _databases(found))
        for name in sorted(_roles(found) - _roles(wanted)):
            if "." not in name:
                lines += dropped(name, kept)
        there = {name for name in kept if _database_line(name) in found}
        for name in sorted(_databases(wanted) - there):
            lines += _made(name, is_there=name in kept)
        for name in sorted(_orphans(found, _databases(wanted))):
            lines.append(f"DROP ROLE IF EXISTS {pg_name(name)}")
        lines.append("BEGIN")
        for user in part.users:
            lines += self._user(number, user, wanted, found)
        return [*lines, "COMMIT"]

    def _user(self, number: int, user: User, wanted: Facts, found: Facts) -> list[str]:
        name = prefixed(number, user.name)
        quoted, lines = pg_name(name), []
        if name not in _roles(found):
            lines.append(f"CREATE ROLE {quoted} NOLOGIN")
        if f"role {name} {user.password}" not in found:
            lines.append(
                f"ALTER ROLE {quoted} {_PLAIN} CONNECTION LIMIT {CONNECTIONS} VALID UNTIL"
                f" 'infinity' PASSWORD {pg_text(user.password)}"
            )
        mine = f"member {name} "
        of = {line.removeprefix(mine) for line in wanted if line.startswith(mine)}
        there = {line.removeprefix(mine) for line in found if line.startswith(mine)}
        lines += [f"REVOKE {pg_name(role)} FROM {quoted}" for role in sorted(there - of)]
        lines += [f"GRANT {pg_name(role)} TO {quoted}" for role in sorted(of - there)]
        for role in sorted(of - there):
            database, _dot, group = role.rpartition(".")
            how = f"SET role = {pg_text(role)}" if group == "owner" else "RESET role"
            lines.append(f"ALTER ROLE {quoted} IN DATABASE {pg_name(database)} {how}")
        return lines

    # Shut and open.

    def follow(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Set who may log in where it is not so, in one connection; end sessions of who is shut."""
        shut, opened = set(shut), set(opened)
        lines: list[str] = []
        among = _among("rolname", shut | opened)
        rows = self.ask(
            "SELECT json_build_array(rolname, rolcanlogin) FROM pg_roles"
            f" WHERE {among} AND rolname NOT LIKE '%.%';"
        )
        for name, may_log_in in rows:
            number = number_of(str(name))
            if number in shut and may_log_in:
                lines.append(f"ALTER ROLE {pg_name(str(name))} NOLOGIN")
            elif number in opened and not may_log_in:
                lines.append(f"ALTER ROLE {pg_name(str(name))} LOGIN")
        for at in range(0, len(lines), _BLOCK):
            self.change(["BEGIN", *lines[at : at + _BLOCK], "COMMIT"])
        if shut and self.ask(_sessions(shut)):
            self.change([_terminate(_among("usename", shut))])

    def sizes(self, numbers: Collection[int]) -> dict[str, int]:
        """Return what each database takes, as the server measures it."""
        rows = self.ask(
            "SELECT json_build_array(datname, pg_database_size(oid)) FROM pg_database"
            f" WHERE {_among('datname', numbers)};"
        )
        return {str(name): int(str(size)) for name, size in rows}


_GROUPS = ("owner", "reader")
_OPEN_TO_ALL = (
    "SELECT json_build_array(datname) FROM pg_database WHERE datname IN ('postgres', 'template1')"
    " AND (datacl IS NULL OR datacl::text LIKE '%{=%' OR datacl::text LIKE '%,=%');"
)


def hba(hosts: dict[str, tuple[str, ...]]) -> bytes:
    """Return who may come from where: users from this node, and those who are permitted more."""
    lines = [
        "local all postgres peer map=agent",
        "local all all scram-sha-256",
        "host all postgres all reject",
        "host all all 127.0.0.1/32 scram-sha-256",
        "host all all ::1/128 scram-sha-256",
        *(
            pg_hba("hostssl", user, address)
            for user, addresses in sorted(hosts.items())
            for address in addresses
        ),
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _versions(platform: Platform) -> list[int]:
    """Return the versions of which all programs are there, the oldest first."""
    found = (name.rpartition("-") for name in platform.programs)
    versions = {int(version) for name, _dash, version in found if name == "postgres"}
    return sorted(
        version
        for version in versions
        if all(f"{name}-{version}" in platform.programs for name in _PROGRAMS)
    )


def _roles_of(number: int, user: User) -> list[str]:
    group = "owner" if user.access == FULL else "reader"
    return [f"{prefixed(number, name)}.{group}" for name in user.databases]


def _database_line(name: str) -> str:
    """What is right of a database: its owner, its limit, and who may connect."""
    owner, reader = f"{name}.owner", f"{name}.reader"
    return f"database {name} {owner} -1 {owner}=CTc/{owner} {reader}=c/{owner}"


def _databases(facts: Facts) -> set[str]:
    return {line.split()[1] for line in facts if line.startswith("database ")}


def _roles(facts: Facts) -> set[str]:
    return {line.split()[1] for line in facts if line.startswith("role ")}


def _orphans(found: Facts, databases: set[str]) -> set[str]:
    """Return roles of databases that go, or have gone already."""
    groups = {line.split()[1] for line in found if line.startswith("group ")}
    groups |= {f"{name}.{kind}" for name in _databases(found) for kind in _GROUPS}
    return groups - {f"{name}.{kind}" for name in databases for kind in _GROUPS}


def _terminate(where: str) -> str:
    return (
        "DO $$ BEGIN PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE {where}; END $$"
    )


def dropped(user: str, databases: Iterable[str]) -> list[str]:
    """Return what takes a user away; what it made itself stays with the database."""
    quoted = pg_name(user)
    lines = [
        f"ALTER ROLE {quoted} NOLOGIN",
        _terminate(f"usename = {pg_text(user)}"),
    ]
    for name in databases:
        lines += [
            f"\\connect {name}",
            f"REASSIGN OWNED BY {quoted} TO {pg_name(f'{name}.owner')}",
            f"DROP OWNED BY {quoted}",
        ]
    return [*lines, "\\connect postgres", f"DROP ROLE IF EXISTS {quoted}"]


def _made(name: str, *, is_there: bool) -> list[str]:
    """Return what makes a database, or completes it: nobody connects until all of it is so."""
    quoted, owner, reader = pg_name(name), pg_name(f"{name}.owner"), pg_name(f"{name}.reader")
    lines = [
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        for role in (owner, reader)
    ]
    if not is_there:
        lines.append(
            f"CREATE DATABASE {quoted} OWNER {owner} TEMPLATE template0 CONNECTION LIMIT 0"
        )
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT"
    return [
        *lines,
        f"ALTER DATABASE {quoted} OWNER TO {owner}",
        f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {quoted} TO {reader}",
        f"\\connect {name}",
        f"{default} USAGE ON SCHEMAS TO {reader}",
        f"{default} SELECT ON TABLES TO {reader}",
        f"{default} SELECT ON SEQUENCES TO {reader}",
        f"GRANT USAGE ON SCHEMA public TO {reader}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}",
        "\\connect postgres",
        f"ALTER DATABASE {quoted} CONNECTION LIMIT -1",
    ]


def _among(column: str, numbers: Collection[int] | None) -> str:
    if numbers is None:
        return "TRUE"
    return (
        f"split_part({column}, '_', 1) IN ({listed((f's{n}' for n in sorted(numbers)), pg_text)})"
    )


def _sessions(numbers: Collection[int]) -> str:
    return f"SELECT json_build_array(pid) FROM pg_stat_activity WHERE {_among('usename', numbers)};"


def _facts(numbers: Collection[int] | None) -> str:
    return f"""
SELECT json_build_array('database', datname, pg_get_userbyid(datdba), datconnlimit,
 array_to_string(ARRAY(SELECT replace(acl::text, '"', '') FROM unnest(datacl) AS acl ORDER BY 1),
 ' ')) FROM pg_database WHERE {_among("datname", numbers)};
SELECT json_build_array('role', rolname, rolcanlogin, rolpassword, concat(
 CASE WHEN rolsuper THEN ' SUPERUSER' END, CASE WHEN rolcreatedb THEN ' CREATEDB' END,
 CASE WHEN rolcreaterole THEN ' CREATEROLE' END, CASE WHEN rolreplication THEN ' REPLICATION' END,
 CASE WHEN rolbypassrls THEN ' BYPASSRLS' END, CASE WHEN NOT rolinherit THEN ' NOINHERIT' END,
 CASE WHEN rolconnlimit <> {CONNECTIONS} AND rolname NOT LIKE '%.%'
 THEN concat(' CONNECTIONS ', rolconnlimit) END))
 FROM pg_authid WHERE {_among("rolname", numbers)};
SELECT json_build_array('member', m.rolname, r.rolname) FROM pg_auth_members
 JOIN pg_authid AS r ON r.oid = roleid JOIN pg_authid AS m ON m.oid = member
 WHERE {_among("m.rolname", numbers)};
"""
