"""Where things are on a node and what may be relied on there: paths, ports, users, the supervisor.

A driver never names a fixed path or a supervisor of its own; it asks the platform it was given.
"""

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

# Beyond what Debian gives to people and daemons, and beyond what containers are usually mapped to.
FIRST_UID = 10_000_000
# Debian's user of web servers. No subscription's user is ever in its group.
WEB_USER = "www-data"
# Where mail servers and mail programs look.
MAIL_PORTS = {
    "smtp": 25,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    # On loopback alone: what autoresponders answer.
    "replies": 10026,
}
# What the small server speaks, where Debian's are not.
SMALL_MAIL_PORTS = ("smtp", "submission", "submissions", "imaps")
_PROGRAM_DIRECTORIES = tuple(map(Path, ("/usr/sbin", "/usr/bin", "/usr/local/sbin")))
# What drivers ask for. A driver says what is missing; a node without it lacks that service.
_WANTED = re.compile(
    r"nginx|openssl|pdns_server|pdnsutil|pdns_control|php(-fpm)?\d+\.\d+|sshd|setpriv|setquota|repquota"
    r"|mariadbd|mariadb|mariadb-dump|mariadb-install-db|postfix|opendkim|dovecot|doveadm|sievec|proftpd"
)
# Debian keeps several versions of these beside each other, elsewhere: "psql-15" is one of 15.
_POSTGRESQL = Path("/usr/lib/postgresql")
_OF_POSTGRESQL = ("postgres", "initdb", "psql", "pg_dump")


def uid_of(subscription: int) -> int:
    """Return the user, and the group, of a subscription where each has its own."""
    return FIRST_UID + subscription


@dataclass(frozen=True)
class Platform:
    """One way of running a node. A production system is another value, not other drivers."""

    name: str
    node: Path
    homes: Path
    run: Path
    logs: Path
    # Paths of daemons and tools by name ("nginx", "pdns_server"): what was found on this node.
    programs: Mapping[str, Path]
    address: str
    port: int
    https_port: int | None
    dns_port: int | None
    mariadb_port: int
    postgresql_port: int
    # Where servers of databases listen, if not for this node alone.
    database_address: str | None
    # Where mail is spoken, by the name of the service; {}: nowhere.
    mail_ports: Mapping[str, int]
    # FTP and the SFTP of its accounts; None: not served.
    ftp_port: int | None
    sftp_port: int | None
    # Where FTP's data connections come in.
    passive_ports: ClassVar[tuple[int, int]] = (49152, 49407)
    # Where Debian keeps ProFTPD's modules.
    proftpd_modules: ClassVar[Path] = Path("/usr/lib/proftpd")
    public_scheme: str
    public_port: int
    web_user: str | None
    worker_processes: int
    # The group that the web server is in and may pass through homes; None where all are one uid.
    web_group: int | None
    # The directory whose passwd, shadow and group libnss-extrausers reads; None: no users.
    users: Path | None
    # Where the node's sshd includes files from; None: it is told nothing.
    ssh: Path | None
    # False where all tenants share one uid: tests of isolation prove nothing there.
    isolates: bool
    # Whether the agent takes the daemons along when it is asked to end.
    stops_daemons: bool

    @property
    def nginx(self) -> Path:
        """The web server."""
        return self.programs["nginx"]

    @property
    def postfix_daemons(self) -> Path:
        """Where Debian keeps the programs that Postfix consists of."""
        return Path("/usr/lib/postfix/sbin")

    @property
    def sshd_pid(self) -> Path:
        """Where the node's own sshd says which process it is."""
        return Path("/run/sshd.pid")

    @property
    def web(self) -> Path:
        """The web driver's own directory."""
        return self.node / "web"

    @property
    def state(self) -> Path:
        """What the agent has applied, for each subscription."""
        return self.node / "agent.sqlite3"

    @property
    def socket(self) -> Path:
        """Where the worker reaches the agent."""
        return self.run / "agent.sock"

    def uid_of(self, subscription: int) -> int | None:
        """Return the user whose a subscription's files are, and whose number its group has.

        Numbers of subscriptions are never given again, so neither are these: a file that was
        forgotten somewhere never becomes somebody else's. None where all are one uid.
        """
        return uid_of(subscription) if self.isolates else None

    @property
    def refused_links(self) -> tuple[str, str]:
        """Return what nginx's disable_symlinks says in a website.

        Each site's link to its document root is its tenant's, so the root itself has to be the
        tenant's too, whatever stands in its place by now. With one uid for everybody "if_not_owner"
        would refuse nothing: there no link at all is followed below the root.
        """
        if self.isolates:
            return "if_not_owner", f"from={self.web}/sites"
        return "on", "from=$document_root"

    def probe_address(self) -> str:
        """Return the address at which this node asks its own daemons."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104


def embedded(
    node: str | Path,
    sites_port: int,
    nginx: str | Path,
    public_port: int | None = None,
    keep_serving: bool = False,
    dns_port: int | None = None,
    https_port: int | None = None,
    ftp_port: int | None = None,
    sftp_port: int | None = None,
    mail_ports: Mapping[str, int] | None = None,
) -> Platform:
    """Return the platform without root: high ports on loopback, one uid for everybody.

    Links are resolved once, here: the daemon refuses links later, also above its own directories.
    """
    node = Path(os.path.realpath(node))
    return Platform(
        name="embedded",
        node=node,
        homes=node / "homes",
        run=node / "run",
        logs=node / "logs",
        programs=found_programs() | {"nginx": Path(os.path.realpath(nginx))},
        address="127.0.0.1",
        port=sites_port,
        https_port=https_port,
        dns_port=dns_port,
        mariadb_port=3306,
        postgresql_port=5432,
        database_address=None,
        mail_ports=mail_ports or {},
        ftp_port=ftp_port,
        sftp_port=sftp_port,
        public_scheme="http",
        public_port=public_port or sites_port,
        # Started as root (a container), nginx would drop to a user that cannot read the homes.
        web_user=pwd.getpwuid(0).pw_name if os.geteuid() == 0 else None,
        worker_processes=1,
        web_group=None,
        users=None,
        ssh=None,
        isolates=False,
        stops_daemons=not keep_serving,
    )


def debian(
    node: str | Path = "/var/lib/freehold/node",
    homes: str | Path = "/srv/freehold",
    run: str | Path = "/run/freehold",
    logs: str | Path = "/var/log/freehold",
    users: str | Path = "/var/lib/extrausers",
    ssh: str | Path = "/etc/ssh/sshd_config.d",
    address: str = "0.0.0.0",  # noqa: S104
    sites_port: int = 80,
    https_port: int = 443,
    dns_port: int = 53,
    mariadb_port: int = 3306,
    postgresql_port: int = 5432,
    database_address: str | None = None,
    mail_ports: Mapping[str, int] | None = None,
    ftp_port: int = 21,
    sftp_port: int = 2222,
    keep_serving: bool = False,
) -> Platform:
    """Return the production platform: Debian's daemons, root, a uid for each subscription.

    Every path and port can be another one, so that a test runs the same beside a real node.
    LookupError: the web server's user, which the package brings, is not there.
    """
    given = {"node": node, "homes": homes, "run": run, "logs": logs, "users": users, "ssh": ssh}
    real = {name: Path(os.path.realpath(path)) for name, path in given.items()}
    return Platform(
        name="debian",
        **real,
        programs=found_programs(),
        address=address,
        port=sites_port,
        https_port=https_port,
        dns_port=dns_port,
        mariadb_port=mariadb_port,
        postgresql_port=postgresql_port,
        database_address=database_address,
        mail_ports=mail_ports or {},
        ftp_port=ftp_port,
        sftp_port=sftp_port,
        public_scheme="http",
        public_port=sites_port,
        web_user=WEB_USER,
        worker_processes=os.cpu_count() or 1,
        web_group=pwd.getpwnam(WEB_USER).pw_gid,
        isolates=True,
        stops_daemons=not keep_serving,
    )


def found_programs() -> dict[str, Path]:
    """Return the daemons and tools that are on this node, by name, where root's are kept."""
    found: dict[str, Path] = {}
    for directory in _PROGRAM_DIRECTORIES:
        for path in directory.iterdir() if directory.is_dir() else ():
            if _WANTED.fullmatch(path.name) and os.access(path, os.X_OK):
                found.setdefault(path.name, path)
    for directory in _POSTGRESQL.glob("[1-9]*/bin"):
        for name in _OF_POSTGRESQL:
            if os.access(directory / name, os.X_OK) and directory.parent.name.isdecimal():
                found[f"{name}-{directory.parent.name}"] = directory / name
    return found
