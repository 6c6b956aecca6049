"""Run the agent of one node: python -m hosting.agent --platform embedded --data DIR ...

SIGTERM and SIGINT end it, and its daemons as well, unless --keep-serving was given. Killed with
SIGKILL, it leaves them serving, and the next agent adopts them.
"""

import argparse
import fcntl
import os
import pwd
import signal
import sys
import threading

from hosting.agent import drivers, logs
from hosting.agent.apply import Applier
from hosting.agent.ballast import Ballast
from hosting.agent.host import Host, Runner
from hosting.agent.platform import MAIL_PORTS, SMALL_MAIL_PORTS, Platform, debian, embedded
from hosting.agent.private import close_off
from hosting.agent.server import Server

# What else the debian platform can be told; each has its usual place.
_PLACES = ("homes", "run", "logs", "users", "ssh", "address", "database_address")
_EMBEDDED_PORTS = ("sites_port", "https_port", "dns_port", "ftp_port", "sftp_port")
_PORTS = ("sites", "https", "dns", "mariadb", "postgresql", "ftp", "sftp")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hosting.agent", description=__doc__)
    parser.add_argument("--platform", choices=["embedded", "debian"], required=True)
    parser.add_argument("--data", help="where this node keeps its own")
    for port in _PORTS:
        parser.add_argument(f"--{port}-port", type=_port, help=f"where {port} are served")
    parser.add_argument(
        "--panel-uid", type=_user, help="user, by number or name, who may speak to the agent"
    )
    parser.add_argument("--keep-serving", action="store_true", help="leave the daemons at the end")
    alone = parser.add_argument_group("embedded")
    alone.add_argument("--public-port", type=_port, help="the port visitors use, if another one")
    alone.add_argument("--nginx", help="path of the nginx program")
    real = parser.add_argument_group("debian")
    for place in _PLACES:
        real.add_argument(f"--{place.replace('_', '-')}")
    parser.add_argument(
        "--mail-ports",
        help=f"a port each for {', '.join(MAIL_PORTS)}; or “standard”; embedded: for"
        f" {', '.join(SMALL_MAIL_PORTS)}; without it: no mail here",
    )
    given = parser.parse_args(words)
    if given.platform == "embedded" and not (given.data and given.sites_port and given.nginx):
        parser.error("the embedded platform needs --data, --sites-port and --nginx")
    if given.platform == "debian" and os.geteuid() != 0:
        parser.error("the debian platform needs root")
    try:
        given.mail_ports = _mail_ports(given.platform, given.mail_ports or "")
    except ValueError:
        parser.error("--mail-ports: not a port for each")
    return given


def _platform(given: argparse.Namespace) -> Platform:
    """Return the platform that was asked for; what was not said is as usual there."""
    ports = {f"{name}_port": getattr(given, f"{name}_port") for name in _PORTS}
    said = {name: port for name, port in ports.items() if port is not None}
    if given.platform == "embedded":
        said = {name: port for name, port in said.items() if name in _EMBEDDED_PORTS}
        return embedded(
            given.data,
            nginx=given.nginx,
            public_port=given.public_port,
            keep_serving=given.keep_serving,
            mail_ports=given.mail_ports,
            **said,
        )
    places = {name: getattr(given, name) for name in _PLACES} | {"node": given.data}
    said |= {name: place for name, place in places.items() if place is not None}
    return debian(keep_serving=given.keep_serving, mail_ports=given.mail_ports, **said)


def _user(word: str) -> int:
    if word.isascii() and word.isdecimal():
        return int(word)
    try:
        return pwd.getpwnam(word).pw_uid
    except KeyError as error:
        raise ValueError(word) from error


def _port(word: str) -> int:
    number = int(word)
    if not 0 < number < 65536:
        raise ValueError(word)
    return number


def _mail_ports(platform: str, words: str) -> dict[str, int]:
    names = SMALL_MAIL_PORTS if platform == "embedded" else tuple(MAIL_PORTS)
    if not words:
        return {}
    if words == "standard":
        return {name: MAIL_PORTS[name] for name in names}
    return dict(zip(names, map(_port, words.split(",")), strict=True))


def _lay_out(platform: Platform) -> int:
    """Make the agent's directories; return the lock that keeps a second agent away."""
    for directory in (platform.node, platform.homes, platform.run, platform.logs, platform.web):
        os.makedirs(directory, mode=0o755, exist_ok=True)
    if platform.users is not None:
        os.makedirs(platform.users, mode=0o755, exist_ok=True)
    close_off(platform)
    lock = os.open(platform.run / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another agent runs on {platform.node}")
    return lock


def main(words: list[str] | None = None) -> None:
    """Run until told to end."""
    given = _arguments(words)
    try:
        platform = _platform(given)
        program = platform.nginx
    except LookupError as error:
        sys.exit(f"this node lacks nginx or its user: {error}")
    if not os.access(program, os.X_OK):
        sys.exit(f"there is no nginx at {program}")
    os.umask(0o022)
    lock = _lay_out(platform)
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    host = Host(platform.node, Runner(), platform)
    applier = Applier(host, drivers.for_platform(host), Ballast(host))
    applier.settle()
    own = {os.geteuid()} if not platform.isolates or given.panel_uid is None else set()
    panel = set() if given.panel_uid is None else {given.panel_uid}
    server = Server(applier, platform.socket, own | panel)
    applier.watch()
    server.start()
    threading.Thread(target=applier.sweep, name="sweep", daemon=True).start()
    sys.stderr.write(f"The agent listens at {platform.socket}.\n")
    while not leaving.wait(logs.EVERY):
        applier.count()
        logs.rotate(host)
    server.close()
    applier.stop()
    os.close(lock)
    # Threads that still wait for somebody hold nothing that matters; a clean end would wait too.
    os._exit(0)


if __name__ == "__main__":
    main()
