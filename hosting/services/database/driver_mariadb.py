"""MariaDB on a node: accounts by host, one for each way in, and what each may do where."""

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from hosting.agent.daemon import Program
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError
from hosting.services.database.driver_desired import FULL, MARIADB, Part, User, prefixed
from hosting.services.database.driver_server import PATIENCE, Facts, Server, grouped
from hosting.services.database.driver_sql import (
    listed,
    maria_account,
    maria_host,
    maria_name,
    maria_pattern,
    maria_text,
    number_of,
)

_PROGRAMS = ("mariadbd", "mariadb", "mariadb-install-db")
# How many connections one account has at once, and all of them.
CONNECTIONS, ALL_CONNECTIONS = 25, 500
# By the socket, and by the address that websites of this node use.
HERE = ("localhost", "127.0.0.1")
# No EVENT: nothing of a subscription runs by itself while it is suspended.
FULL_RIGHTS = (
    "ALTER",
    "ALTER ROUTINE",
    "CREATE",
    "CREATE ROUTINE",
    "CREATE TEMPORARY TABLES",
    "CREATE VIEW",
    "DELETE",
    "DROP",
    "EXECUTE",
    "INDEX",
    "INSERT",
    "LOCK TABLES",
    "REFERENCES",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "UPDATE",
)
_READ = ("SELECT", "SHOW VIEW")
_BEGIN = "SET NAMES utf8mb4; SET sql_mode=''; SET lock_wait_timeout=15;\n"
# So many accounts in one statement.
_BLOCK = 200
_OF = "SUBSTRING_INDEX({column}, '_', 1)"


class MariaDb(Server):
    """The agent's own MariaDB."""

    kind, label, user = MARIADB, "MariaDB", "mysql"

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node has the programs."""
        return platform.isolates and all(name in platform.programs for name in _PROGRAMS)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.platform.mariadb_port

    @property
    def socket(self) -> Path:
        """Where programs of this node reach it without a port."""
        return self.run_directory / "mariadb.sock"

    def _program(self) -> Program:
        outside = self.platform.database_address if self.is_open_outside else None
        addresses = "127.0.0.1" if outside is None else outside
        words = {
            "user": self.user,
            "datadir": str(self.data),
            "socket": str(self.socket),
            "pid-file": str(self.run_directory / "mariadbd.pid"),
            "port": str(self.port),
            "bind-address": addresses,
            "character-set-server": "utf8mb4",
            "max-connections": str(ALL_CONNECTIONS),
            # Nothing reads or writes files, and nothing leads out of the data directory.
            "local-infile": "0",
            "secure-file-priv": str(self.run_directory),
            "symbolic-links": "0",
            "event-scheduler": "DISABLED",
        }
        if outside is not None:
            words |= {"ssl-cert": str(self.certificate), "ssl-key": str(self.certificate)}
        options = (f"--{name}={value}" for name, value in words.items())
        mark = f"--datadir={self.data}"
        return Program(
            name=self.kind,
            command=(
                str(self.platform.programs["mariadbd"]),
                "--no-defaults",
                "--skip-name-resolve",
                *options,
            ),
            directory=self.data,
            pid_file=self.platform.run / f"{self.kind}.pid",
            is_master=lambda line: mark in line,
            is_ours=lambda line: mark in line,
            writes_pid=False,
            log=self._log,
            patience=PATIENCE,
        )

    def _initialise(self, data: Path) -> None:
        done = self.host.run(
            [
                str(self.platform.programs["mariadb-install-db"]),
                "--no-defaults",
                f"--user={self.user}",
                f"--datadir={data}",
                "--auth-root-authentication-method=socket",
                "--auth-root-socket-user=root",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            PATIENCE,
        )
        if done.code:
            raise AgentError("io", f"mariadb-install-db: {done.output.strip()[-400:]}")

    def configure(self) -> None:
        """All of it is in its command."""

    def _client(self) -> list[str]:
        program = str(self.platform.programs["mariadb"])
        options = ("--batch", "--raw", "--skip-column-names", "--binary-mode")
        return [program, "--no-defaults", f"--socket={self.socket}", "--user=root", *options]

    def ask(self, statements: str) -> list[list[object]]:
        """Return rows of JSON."""
        done = self.host.runner.run(self._client(), PATIENCE, (_BEGIN + statements).encode())
        if done.code:
            raise AgentError("io", f"MariaDB: {done.output.strip()[-400:]}")
        return [json.loads(line) for line in done.output.splitlines()]

    def change(self, statements: Iterable[str]) -> None:
        """Run statements to the first that fails."""
        script = "".join(f"{statement};\n" for statement in statements)
        done = self.host.run(self._client(), PATIENCE, (_BEGIN + script).encode())
        if done.code:
            raise AgentError("check", f"MariaDB: {done.output.strip()[-400:]}")

    # What should be so, and what is.

    def wanted(self, number: int, part: Part, *, is_shut: bool) -> Facts:
        """Return databases, accounts and grants, each in a line."""
        lines = {f"database {prefixed(number, name)}" for name in part.databases}
        for user in part.users:
            for host in _hosts(user):
                account = f"{prefixed(number, user.name)}@{host}"
                lines.add(_account_line(account, user.password, is_remote=host not in HERE))
                lines.add(f"{'locked' if is_shut else 'open'} {account}")
                for name in user.databases:
                    lines.add(
                        f"grant {account} {prefixed(number, name)}: {', '.join(_rights(user))}"
                    )
        return frozenset(lines)

    def found(self, numbers: Collection[int] | None) -> dict[int, Facts]:
        """Return the same of what the server says; each table is read once."""
        rows: dict[int, set[str]] = defaultdict(set)
        if not self.is_there:
            return {}
        for kind, name, *rest in self.ask(_facts(numbers)):
            number = number_of(str(name))
            if number is None or (numbers is not None and number not in numbers):
                continue
            account = f"{name}@{rest[0]}" if rest else ""
            if kind == "database":
                rows[number].add(f"database {name}")
            elif kind == "account":
                _host, plugin, password, is_locked, access, tls, most, besides = rest
                usual = ("mysql_native_password", 0, CONNECTIONS, None)
                line = _account_line(account, str(password), is_remote=tls == 1)
                if (plugin, access, most, besides) != usual:
                    line += f" {plugin} {access} {most}"
                    line += f" or by {besides}" if besides else ""
                rows[number].add(line)
                rows[number].add(f"{'locked' if is_locked else 'open'} {account}")
            else:
                where, rights = rest[1:]
                plain = str(where).replace("\\_", "_")
                rows[number].add(f"grant {account} {plain}: {rights}")
        return grouped(rows)

    def statements(self, number: int, part: Part, found: Facts) -> list[str]:
        """Return what makes it so. An account that differs is made anew, and is locked at first."""
        wanted = self.wanted(number, part, is_shut=True)
        lines = [
            f"CREATE DATABASE IF NOT EXISTS {maria_name(name)} CHARACTER SET utf8mb4"
            for name in sorted(_databases(wanted) - _databases(found))
        ]
        gone = _accounts(found) - _accounts(wanted)
        if gone:
            lines.append(f"DROP USER IF EXISTS {listed(sorted(gone), _account)}")
        dropped = sorted(_databases(found) - _databases(wanted))
        # Who is in a database that goes would hold it, and who is gone is gone at once.
        ended = _accounts(found) if dropped else gone
        names = {account.rpartition("@")[0] for account in ended}
        lines += [f"KILL USER {maria_text(name)}" for name in sorted(names)]
        for name in dropped:
            lines.append(f"DROP DATABASE IF EXISTS {maria_name(name)}")
            # Whose the views and routines of what was imported are.
            lines.append(f"DROP USER IF EXISTS {maria_account(f'owner_{name}', 'localhost')}")
        for user in part.users:
            for host in _hosts(user):
                account = f"{prefixed(number, user.name)}@{host}"
                if _about(account, wanted) != _about(account, found):
                    lines += self._make_account(number, user, host)
        return lines

    def _make_account(self, number: int, user: User, host: str) -> list[str]:
        account = maria_account(prefixed(number, user.name), host)
        made = (
            f"CREATE OR REPLACE USER {account} IDENTIFIED VIA mysql_native_password"
            f" USING {maria_text(user.password)} REQUIRE {'NONE' if host in HERE else 'SSL'}"
            f" WITH MAX_USER_CONNECTIONS {CONNECTIONS} ACCOUNT LOCK"
        )
        return [
            made,
            *(
                f"GRANT {', '.join(_rights(user))}"
                f" ON {maria_pattern(prefixed(number, name))}.* TO {account}"
                for name in user.databases
            ),
        ]

    # Shut and open.

    def follow(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Set locks where they are not so, in one connection; end the sessions of who is shut."""
        shut, opened = set(shut), set(opened)
        lock, unlock = [], []
        found = self.ask(
            "SELECT JSON_ARRAY(User, Host, JSON_VALUE(Priv, '$.account_locked') <=> 1)"
            f" FROM mysql.global_priv WHERE {_among(_OF.format(column='User'), shut | opened)};"
        )
        for name, host, is_locked in found:
            number, account = number_of(str(name)), maria_account(str(name), str(host))
            if number in shut and not is_locked:
                lock.append(account)
            elif number in opened and is_locked:
                unlock.append(account)
        if lines := [*_altered(lock, "LOCK"), *_altered(unlock, "UNLOCK")]:
            self.change(lines)
        # Who got in a moment before the lock is listed only after it.
        if shut and (names := self._sessions(shut)):
            self.change(f"KILL USER {maria_text(name)}" for name in sorted(names))

    def _sessions(self, numbers: Collection[int]) -> set[str]:
        rows = self.ask(
            "SELECT DISTINCT JSON_ARRAY(USER) FROM information_schema.PROCESSLIST"
            f" WHERE {_among(_OF.format(column='USER'), numbers)};"
        )
        return {str(name) for (name,) in rows if number_of(str(name)) in numbers}

    def sizes(self, numbers: Collection[int]) -> dict[str, int]:
        """Return what the files of each database take."""
        wanted, found = set(numbers), {}
        with suppress(OSError), os.scandir(self.data) as places:
            for place in places:
                if number_of(place.name) in wanted and place.is_dir(follow_symlinks=False):
                    found[place.name] = _size(place.path)
        return found


def _size(directory: str) -> int:
    total = 0
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            # A table that is dropped meanwhile takes nothing any more.
            with suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def _among(column: str, numbers: Collection[int] | None) -> str:
    if numbers is None:
        return "TRUE"
    return f"{column} IN ({', '.join(chr(39) + f's{n}' + chr(39) for n in sorted(numbers))})"


def _facts(numbers: Collection[int] | None) -> str:
    user, name = _OF.format(column="User"), _OF.format(column="SCHEMA_NAME")
    grantee = "SUBSTRING_INDEX(SUBSTRING(GRANTEE, 2), '_', 1)"
    return f"""
SELECT JSON_ARRAY('database', SCHEMA_NAME) FROM information_schema.SCHEMATA
 WHERE {_among(name, numbers)};
SELECT JSON_ARRAY('account', User, Host, JSON_VALUE(Priv, '$.plugin'),
 JSON_VALUE(Priv, '$.authentication_string'), JSON_VALUE(Priv, '$.account_locked') <=> 1,
 CAST(JSON_VALUE(Priv, '$.access') AS UNSIGNED), CAST(IFNULL(JSON_VALUE(Priv, '$.ssl_type'), 0)
 AS UNSIGNED), CAST(IFNULL(JSON_VALUE(Priv, '$.max_user_connections'), 0) AS UNSIGNED),
 CAST(JSON_EXTRACT(Priv, '$.auth_or[*].plugin') AS CHAR))
 FROM mysql.global_priv WHERE {_among(user, numbers)};
SET group_concat_max_len = 100000;
SELECT JSON_ARRAY('grant', SUBSTRING_INDEX(SUBSTRING(GRANTEE, 2), CONCAT(CHAR(39), '@'), 1),
 TRIM(CHAR(39) FROM SUBSTRING_INDEX(GRANTEE, '@', -1)), TABLE_SCHEMA,
 GROUP_CONCAT(CONCAT(PRIVILEGE_TYPE, IF(IS_GRANTABLE = 'YES', ' GRANTABLE', ''))
 ORDER BY PRIVILEGE_TYPE SEPARATOR ', '))
 FROM information_schema.SCHEMA_PRIVILEGES WHERE {_among(grantee, numbers)}
 GROUP BY GRANTEE, TABLE_SCHEMA;
SELECT JSON_ARRAY('grant', User, Host, CONCAT(Db, '.', Table_name), Table_priv)
 FROM mysql.tables_priv WHERE {_among(user, numbers)};
SELECT JSON_ARRAY('grant', User, Host, CONCAT(Db, '.', Routine_name), Proc_priv)
 FROM mysql.procs_priv WHERE {_among(user, numbers)}
 AND SUBSTRING_INDEX(Db, '_', 1) <> {user};
SELECT JSON_ARRAY('grant', User, Host, CONCAT('role ', Role), 'member')
 FROM mysql.roles_mapping WHERE {_among(user, numbers)};
"""


def _hosts(user: User) -> tuple[str, ...]:
    return (*HERE, *map(maria_host, user.hosts))


def _rights(user: User) -> tuple[str, ...]:
    return FULL_RIGHTS if user.access == FULL else _READ


def _account_line(account: str, password: str, *, is_remote: bool) -> str:
    return f"account {account} {password}{' over TLS' if is_remote else ''}"


def _databases(facts: Facts) -> set[str]:
    return {line.split()[1] for line in facts if line.startswith("database ")}


def _accounts(facts: Facts) -> set[str]:
    return {line.split()[1] for line in facts if line.startswith("account ")}


def _about(account: str, facts: Facts) -> set[str]:
    """What is so of an account, but for its lock."""
    kinds = (f"account {account} ", f"grant {account} ")
    return {line for line in facts if line.startswith(kinds)}


def _account(account: str) -> str:
    user, _at, host = account.rpartition("@")
    return maria_account(user, host)


def _altered(accounts: list[str], how: str) -> list[str]:
    blocks = (accounts[at : at + _BLOCK] for at in range(0, len(accounts), _BLOCK))
    return [f"ALTER USER IF EXISTS {', '.join(block)} ACCOUNT {how}" for block in blocks]
