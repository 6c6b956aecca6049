"""What is wrong with an installation, seen from the machine, and how to mend it. Changes nothing.

Run as the panel's user, which sees modes and owners and need not read secrets.
"""

import ctypes
import grp
import os
import pwd
import shutil
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from hosting.agent import protocol
from hosting.agent.client import AgentAway, Client
from panel.install import files, nss, running
from panel.install.places import FRONT_USER, PANEL_USER, UNITS, Places
from panel.install.work import CannotInstall, has_systemd, ran

_AGAIN = "make install, in the clone: it puts back what is missing and changes nothing else."
_LEAST_BYTES, _LEAST_SHARE = 1 << 30, 0.05
_SOON_DAYS = 21
_TIME_ERROR = 5


class Wrong(NamedTuple):
    """One thing, what mends it, and whether it is only advice: all works without it."""

    what: str
    cure: str
    is_advice: bool = False


Looks = Callable[[Places], Iterator[Wrong]]


def looks() -> list[Looks]:
    """Every look, in the order of cause and effect."""
    return [users, owners, name_service, space, clock, units, agent, panel, certificate]


def users(_places: Places) -> Iterator[Wrong]:
    """The two system users."""
    for name in (PANEL_USER, FRONT_USER):
        try:
            about = pwd.getpwnam(name)
        except KeyError:
            yield Wrong(f"There is no system user {name}.", _AGAIN)
            continue
        if about.pw_shell not in {"/usr/sbin/nologin", "/bin/false"}:
            yield Wrong(f"The user {name} can log in.", f"usermod -s /usr/sbin/nologin {name}")


def owners(places: Places) -> Iterator[Wrong]:
    """Who may write what."""
    front, panel = FRONT_USER, PANEL_USER
    wanted = {
        places.secret_key: ("root", panel, 0o640),
        places.settings: ("root", panel, 0o640),
        places.tls: ("root", front, 0o750),
        places.data: (panel, panel, 0o700),
        places.copies: (panel, panel, 0o700),
        places.homes: ("root", "root", 0o711),
        places.node: ("root", "root", 0o711),
    }
    for path, (owner, group, mode) in wanted.items():
        try:
            about = path.stat()
        except FileNotFoundError:
            yield Wrong(f"{path} is missing.", _AGAIN)
            continue
        found = (_user(about.st_uid), _group(about.st_gid), about.st_mode & 0o7777)
        if found != (owner, group, mode):
            yield Wrong(
                f"{path} is {found[0]}:{found[1]} {found[2]:04o}, not {owner}:{group} {mode:04o}.",
                f"chown {owner}:{group} {path} && chmod {mode:04o} {path}",
            )
    yield from _code(places)


def _code(places: Places) -> Iterator[Wrong]:
    """Whoever can write what root runs is root."""
    trees = [places.current.resolve(), (places.current / ".venv").resolve()]
    paths = [places.code, places.releases, places.environments, places.command,
             places.configuration, places.agent_options, places.front]  # fmt: skip
    for tree in trees:
        for top, folders, names in os.walk(tree):
            paths += [Path(top, name) for name in (*folders, *names)]
    for path in paths:
        with suppress(FileNotFoundError):
            about = path.lstat()
            loose = not stat.S_ISLNK(about.st_mode) and about.st_mode & 0o022
            if about.st_uid != 0 or loose:
                yield Wrong(
                    f"{path} can be changed by others than root ({_user(about.st_uid)},"
                    f" {about.st_mode & 0o7777:04o}).",
                    f"chown root:root {path} && chmod go-w {path}; find out who changed it",
                )


def name_service(places: Places) -> Iterator[Wrong]:
    """Users of subscriptions are found by the system."""
    try:
        text = places.nsswitch.read_text(encoding="utf-8")
    except OSError as error:
        yield Wrong(f"{places.nsswitch}: {error.strerror}.", _AGAIN)
        return
    for name in nss.databases_without(text):
        yield Wrong(f"The line {name} of {places.nsswitch} lacks extrausers.", _AGAIN)


def space(places: Places) -> Iterator[Wrong]:
    """Room on the disks that Freehold writes to."""
    seen = set()
    for path in (places.state, places.homes, places.logs, places.code):
        if not path.exists() or path.stat().st_dev in seen:
            continue
        seen.add(path.stat().st_dev)
        usage = shutil.disk_usage(path)
        if usage.free < min(_LEAST_BYTES, usage.total * _LEAST_SHARE):
            yield Wrong(
                f"{usage.free >> 20} MiB are free below {path}.", "Make room, or add a disk."
            )
        about = os.statvfs(path)
        if about.f_files and about.f_favail < about.f_files * 0.01:
            yield Wrong(f"The file system of {path} is almost out of inodes.", "Remove files.")


def clock(_places: Places) -> Iterator[Wrong]:
    """The kernel knows whether somebody keeps its clock; expiry and certificates go by it."""
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == _TIME_ERROR:
        yield Wrong(
            "Nothing keeps the clock of this machine in time.",
            "apt-get install systemd-timesyncd (or chrony)",
            is_advice=True,
        )


def units(places: Places) -> Iterator[Wrong]:
    """What has to run."""
    if not has_systemd():
        if running.foreground_pid(places) is None:
            yield Wrong("Nothing runs, and there is no systemd.", "freehold run")
        return
    for unit in UNITS:
        if not (places.units / unit).exists():
            yield Wrong(f"The unit {unit} is missing.", _AGAIN)
        elif ran(["systemctl", "is-active", "-q", unit]).returncode:
            yield Wrong(
                f"{unit} does not run.", f"systemctl restart {unit}; journalctl -u {unit} says why"
            )
        elif ran(["systemctl", "is-enabled", "-q", unit]).returncode:
            yield Wrong(f"{unit} would not start with the machine.", f"systemctl enable {unit}")


def agent(places: Places) -> Iterator[Wrong]:
    """The agent answers, speaks our language, and has nothing to complain of."""
    path = Path(str(files.settings(places)["agent_socket"]))
    logs = "journalctl -u freehold-agent" if has_systemd() else f"{places.logs}/foreground"
    try:
        answer: dict[str, Any] = Client(path, timeout=10).hello()
    except (AgentAway, protocol.AgentError) as error:
        yield Wrong(f"The agent does not answer: {error}.", f"{logs} says why.")
        return
    if answer.get("version") != protocol.VERSION:
        yield Wrong(
            f"The agent speaks version {answer.get('version')}, the panel {protocol.VERSION}.",
            "systemctl restart freehold-agent (websites are served meanwhile)",
        )
    for name, words in answer.get("problems", {}).items():
        yield Wrong(f"On this node, {name}: {words}.", f"{logs}, and the logs in {places.logs}")


def panel(places: Places) -> Iterator[Wrong]:
    """The login page, as a browser gets it."""
    status = running.panel_answers(places)
    if status != 200:
        yield Wrong(
            f"The login page answers {status}." if status else "The login page does not answer.",
            "Are freehold-front and freehold-panel running? Is the first of hosts in"
            f" {places.settings} the panel's name?",
        )


def certificate(places: Places) -> Iterator[Wrong]:
    """The panel's, as it is served."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", files.front_port(places))
    try:
        with (
            socket.create_connection(address, 10) as plain,
            context.wrap_socket(plain) as secure,
        ):
            served = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")
    except OSError:
        return  # That nobody answers is said already.
    said = ran(
        ["openssl", "x509", "-noout", "-enddate", "-issuer", "-subject"], given=served
    ).stdout
    about = dict(line.partition("=")[::2] for line in said.splitlines())
    stamp = " ".join(about["notAfter"].replace("GMT", "+0000").split())
    days = (datetime.strptime(stamp, "%b %d %H:%M:%S %Y %z") - datetime.now(UTC)).days
    where = f"{places.tls}/panel.crt and panel.key; then systemctl reload freehold-front"
    if days < _SOON_DAYS:
        yield Wrong(f"The panel's certificate ends in {days} days.", f"Put a new one into {where}")
    if about["issuer"] == about["subject"]:
        yield Wrong(
            "The panel's certificate is self-signed: browsers warn.",
            f"Put one of an authority into {where}",
            is_advice=True,
        )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def examine(places: Places) -> Iterator[Wrong]:
    """Everything. A look that fails is a finding itself, and the others go on."""
    for look in looks():
        try:
            yield from look(places)
        except (OSError, CannotInstall, KeyError, ValueError) as error:
            yield Wrong(f"{look.__name__.replace('_', ' ')}: {error}", _AGAIN)
