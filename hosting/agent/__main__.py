"""Run the agent of one node: python -m hosting.agent --platform embedded --data DIR ...

SIGTERM and SIGINT end it. On the embedded platform they end nginx as well, unless --keep-serving
was given: there nobody else looks after it. Killed with SIGKILL, it leaves nginx serving, and the
next agent adopts it.
"""

import argparse
import fcntl
import os
import signal
import sys
import threading

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import Platform, embedded
from hosting.agent.server import Server
from hosting.services.web.driver import WebDriver


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hosting.agent", description=__doc__)
    parser.add_argument("--platform", choices=["embedded"], required=True)
    parser.add_argument("--data", required=True, help="where this node keeps its own")
    parser.add_argument("--sites-port", type=_port, required=True, help="where sites are served")
    parser.add_argument("--public-port", type=_port, help="the port visitors use, if another one")
    parser.add_argument("--nginx", required=True, help="path of the nginx program")
    parser.add_argument("--panel-uid", type=int, help="user whose processes may speak to the agent")
    parser.add_argument("--keep-serving", action="store_true", help="leave nginx at the end")
    return parser.parse_args(words)


def _port(word: str) -> int:
    number = int(word)
    if not 0 < number < 65536:
        raise ValueError(word)
    return number


def _lay_out(platform: Platform) -> int:
    """Make the agent's directories; return the lock that keeps a second agent away."""
    for directory in (platform.node, platform.homes, platform.run, platform.logs, platform.web):
        os.makedirs(directory, mode=0o755, exist_ok=True)
    lock = os.open(platform.run / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another agent runs on {platform.node}")
    return lock


def main(words: list[str] | None = None) -> None:
    """Run until told to end."""
    given = _arguments(words)
    platform = embedded(
        given.data, given.sites_port, given.nginx, given.public_port, given.keep_serving
    )
    if not os.access(platform.nginx, os.X_OK):
        sys.exit(f"there is no nginx at {platform.nginx}")
    os.umask(0o022)
    lock = _lay_out(platform)
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    host = Host(platform.node, Runner(), platform)
    applier = Applier(host, [WebDriver(host)])
    applier.settle()
    own = {os.geteuid()} if not platform.isolates or given.panel_uid is None else set()
    panel = set() if given.panel_uid is None else {given.panel_uid}
    server = Server(applier, platform.socket, own | panel)
    applier.watch()
    server.start()
    threading.Thread(target=applier.sweep, name="sweep", daemon=True).start()
    sys.stderr.write(f"The agent listens at {platform.socket}.\n")
    leaving.wait()
    server.close()
    applier.stop()
    os.close(lock)
    # Threads that still wait for somebody hold nothing that matters; a clean end would wait too.
    os._exit(0)


if __name__ == "__main__":
    main()
