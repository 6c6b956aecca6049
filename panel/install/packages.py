"""Debian's packages and the two system users. Daemons that a package starts are stopped again."""

import contextlib
import os
import pwd
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from panel.install.places import FRONT_USER, PANEL_USER, Places
from panel.install.work import CannotInstall, Work, has_systemd, ran

# What a node needs, and whose own service of Debian's is not wanted: the agent runs the program
# with a configuration of its own, on the same port.
_NEEDED = {
    "python3-venv": (),
    "python3-pip": (),
    "nginx-light": ("nginx.service",),
    "openssl": (),
    "libnss-extrausers": (),
    # For hard quotas, where the file system keeps them.
    "quota": (),
    "pdns-server": ("pdns.service",),
    "pdns-backend-sqlite3": (),
    "php-fpm": ("php*-fpm.service",),
    # How websites speak to the servers of databases, and those.
    "php-mysql": (),
    "php-pgsql": (),
    "mariadb-server": ("mariadb.service",),
    "postgresql": ("postgresql.service",),
    "proftpd-core": ("proftpd.service",),
    "proftpd-mod-crypto": (),
    "proftpd-mod-sqlite": (),
    # For scheduled tasks: scripts, and the time zones of their times.
    "php-cli": (),
    "tzdata": (),
}
_FOR_POSTGRESQL = "postgresql-client"
# Any of these brings the program.
_AS_GOOD = {"nginx-light": ("nginx", "nginx-core", "nginx-full", "nginx-extras")}
_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_STARTS = "#!/bin/sh\n# Of an installation of Freehold that is under way.\nexit 101\n"


def check_system(places: Places) -> None:
    """CannotInstall unless this is root on a Debian that is new enough."""
    if os.geteuid() != 0:
        raise CannotInstall("This needs root: sudo make install")
    version = places.root / "etc/debian_version"
    if not version.exists() or shutil.which("apt-get") is None:
        raise CannotInstall("This is no Debian. `make run` runs Freehold anywhere, for a look.")
    major = version.read_text().split(".")[0].strip()
    if major.isdecimal() and int(major) < 12:
        raise CannotInstall(f"This is Debian {major}; 12 or 13 is needed.")


def missing(wanted: Iterable[str]) -> list[str]:
    """Which of these packages are not installed."""
    return [
        name
        for name in wanted
        if not any(_is_installed(each) for each in (name, *_AS_GOOD.get(name, ())))
    ]


def _is_installed(name: str) -> bool:
    done = ran(["dpkg-query", "-W", "-f", "${db:Status-Status}", name])
    return done.returncode == 0 and done.stdout == "installed"


def install(work: Work, *, with_postgresql: bool) -> None:
    """Install what is missing; a daemon that comes along neither starts nor stays enabled."""
    wanted = missing([*_NEEDED, *([_FOR_POSTGRESQL] if with_postgresql else [])])
    if not wanted:
        return
    work.say(f"  installing with apt-get: {', '.join(wanted)} ...")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    work.run([*apt, "update"], environment=quiet)
    with _nothing_starts():
        work.run([*apt, "install", "--no-install-recommends", *wanted], environment=quiet)
    if has_systemd():
        units = [unit for name in wanted for unit in _NEEDED.get(name, ())]
        for unit in units:
            for name in _unit_names(unit):
                work.run(["systemctl", "disable", "--now", name])
    work.changed(f"installed {', '.join(wanted)}")


def _unit_names(pattern: str) -> list[str]:
    listed = ran(["systemctl", "list-unit-files", "--no-legend", "--plain", pattern]).stdout
    return [line.split()[0] for line in listed.splitlines() if line.strip()]


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    """Packages start no daemon while this lasts. What somebody else decided there stays."""
    ours = not _POLICY.exists() or _POLICY.read_text() == _NO_STARTS
    if ours:
        _POLICY.write_text(_NO_STARTS)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def users(work: Work) -> None:
    """Make the two system users: no shell, no password, no home that they could write."""
    for name, what in ((PANEL_USER, "panel and worker"), (FRONT_USER, "TLS before the panel")):
        try:
            about = pwd.getpwnam(name)
        except KeyError:
            work.run(
                ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
                 "/nonexistent", "--shell", "/usr/sbin/nologin", "--comment",
                 f"Freehold, {what}", name]
            )  # fmt: skip
            work.changed(f"made the system user {name}")
            continue
        if about.pw_uid == 0 or about.pw_uid >= 1000:
            raise CannotInstall(
                f"There is a user {name} already, and it is not a system user. Rename it first."
            )


def remove_users(work: Work) -> None:
    """Remove them; what they own keeps their numbers."""
    for name in (PANEL_USER, FRONT_USER):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            work.run(["userdel", name])
            work.changed(f"removed the system user {name}")
