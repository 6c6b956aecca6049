"""What this machine offers to the tests: programs found, or installed where that is allowed."""

import contextlib
import functools
import os
import pwd
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

# The one without windows first: it does with half the processor. Then Debian's name, then others'.
_CHROMIUM = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
# Debian's packages of the daemons that nodes run, and a program that each brings.
DAEMONS = {
    "openssh-server": "/usr/sbin/sshd",
    "openssh-client": "/usr/bin/sftp",
    "libnss-extrausers": "/usr/share/doc/libnss-extrausers",
    "nginx-light": "/usr/sbin/nginx",
    "pdns-server": "/usr/sbin/pdns_server",
    "pdns-backend-sqlite3": "/usr/share/doc/pdns-backend-sqlite3",
    # A certificate authority that asks whoever one tells it to.
    "pebble": "/usr/bin/pebble",
    "postfix": "/usr/sbin/postfix",
    "postfix-sqlite": "/usr/share/doc/postfix-sqlite",
    "opendkim": "/usr/sbin/opendkim",
    "dovecot-imapd": "/usr/lib/dovecot/imap",
    "dovecot-pop3d": "/usr/lib/dovecot/pop3",
    "dovecot-lmtpd": "/usr/lib/dovecot/lmtp",
    "dovecot-sieve": "/usr/bin/sievec",
    "dovecot-sqlite": "/usr/share/doc/dovecot-sqlite",
    "proftpd-core": "/usr/sbin/proftpd",
    "proftpd-mod-crypto": "/usr/lib/proftpd/mod_sftp.so",
    "proftpd-mod-sqlite": "/usr/lib/proftpd/mod_sql_sqlite.so",
    # Another name server, which fetches zones.
    "bind9": "/usr/sbin/named",
    "mariadb-server": "/usr/sbin/mariadbd",
    "mariadb-client": "/usr/bin/mariadb-dump",
    # File systems that keep quotas.
    "quota": "/usr/sbin/setquota",
    "xfsprogs": "/usr/sbin/mkfs.xfs",
    "e2fsprogs": "/usr/sbin/mkfs.ext4",
}
# A kernel that has quotas, whatever this machine's has. Debian builds it for PCs alone.
if os.uname().machine == "x86_64":
    DAEMONS["user-mode-linux"] = "/usr/bin/linux.uml"
_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


class Missing(Exception):
    """A program that a part needs is not here."""


@functools.cache
def is_debian_root() -> bool:
    """Whether programs may be installed here."""
    return (
        Path("/etc/debian_version").exists()
        and os.geteuid() == 0
        and shutil.which("apt-get") is not None
    )


def must_run_everything() -> bool:
    """In CI as root on Debian nothing is missing for a good reason."""
    return os.environ.get("CI") == "true" and is_debian_root()


def postgres_programs() -> Path | None:
    """The directory of initdb and pg_ctl, the newest if there are several."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
    )
    found = [path for path in found if (path / "initdb").exists()]
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def why_no_postgres() -> str:
    """The reason to leave PostgreSQL out, or nothing."""
    if postgres_programs() is None:
        return "PostgreSQL is not installed (initdb not found)"
    if os.geteuid() == 0 and not _has_user("postgres"):
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return ""


def chromium_path() -> str | None:
    """The Chromium to drive, if this machine has one."""
    return next(filter(None, map(shutil.which, _CHROMIUM)), None)


def why_no_chromium() -> str:
    """The reason to leave the browser out, or nothing."""
    return "" if chromium_path() else "Chromium is not installed"


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def install_programs() -> None:
    """As root on Debian, install what is missing; elsewhere say nothing and change nothing."""
    wanted = {
        _CHROMIUM[0]: shutil.which(_CHROMIUM[0]) is None,
        "postgresql": bool(why_no_postgres()),
        "fonts-dejavu-core": not _FONT.exists(),
        # Which version it brings is Debian's choice.
        "php-fpm": not any(Path("/usr/sbin").glob("php-fpm[0-9]*")),
        "php-cli": shutil.which("php") is None,
    } | {package: not Path(program).exists() for package, program in DAEMONS.items()}
    packages = [name for name, is_missing in wanted.items() if is_missing]
    if not packages or not is_debian_root():
        return
    print(f"Installing with apt-get: {', '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if "postfix" in packages:
        answer = b"postfix postfix/main_mailer_type select No configuration\n"
        subprocess.run(["debconf-set-selections"], input=answer, env=environment, check=False)
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        result = subprocess.run([*apt, *command], env=environment, capture_output=True, text=True)
        if result.returncode:
            print(f"apt-get {command[0]} failed:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")


# Below what the kernel gives to clients (32768 and above, ip(7)): a port found free there may be
# the near end of somebody's connection by the time a daemon wants to listen on it.
_PORTS = range(12_000, 30_000)
_given: set[int] = set()


# What `make run` serves mail on.
MAIL_PORTS = ("SMTP_PORT", "SUBMISSION_PORT", "SUBMISSIONS_PORT", "IMAPS_PORT")


def free_port() -> int:
    """A port of loopback that is free for TCP and UDP, and given to nobody else by this process."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        if port in _given:
            continue
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(type=kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _given.add(port)
        return port


@contextlib.contextmanager
def postgres_cluster() -> Iterator[str]:
    """A PostgreSQL of our own in a temporary directory, as its URL. Gone afterwards.

    Safe to be quick: nothing in it is worth an fsync.
    """
    programs = postgres_programs()
    if reason := why_no_postgres():
        raise Missing(reason)
    assert programs is not None
    # PostgreSQL refuses root; Debian's package brings a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    port, password = free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="freehold-postgres-") as name:
        home = Path(name)
        (home / "password").write_text(password)
        if user:
            for path in (home, home / "password"):
                shutil.chown(path, user, user)

        def call(*command: str | Path) -> None:
            # A file, as the server would keep a pipe open for ever.
            with (home / "output").open("a+") as output:
                result = subprocess.run(
                    command, cwd=home, stdout=output, stderr=subprocess.STDOUT, **as_user
                )
                output.seek(0)
                if result.returncode:
                    raise Missing(f"{command[0]} failed:\n{output.read()[-2000:]}")

        call(
            programs / "initdb", "-D", home / "data", "-U", "freehold", "-E", "UTF8", "--no-sync",
            "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={home / 'password'}",
        )  # fmt: skip
        options = (
            f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
            " -c full_page_writes=off -c synchronous_commit=off -c max_connections=150"
        )
        pg_ctl = (programs / "pg_ctl", "-D", home / "data", "-w", "-s")
        call(*pg_ctl, "-l", home / "log", "-o", options, "start")
        try:
            yield f"postgresql://freehold:{password}@127.0.0.1:{port}/postgres"
        finally:
            call(*pg_ctl, "-m", "immediate", "stop")
