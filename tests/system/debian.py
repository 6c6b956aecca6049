"""Nodes of the debian platform: root, Debian's own daemons, a uid for each subscription."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hosting.agent.client import Client
from hosting.agent.platform import Platform, debian
from tests.machine import free_port
from tests.system.conftest import LIMIT, WebNode


def why_not() -> str:
    """The reason why such a node cannot be here, or nothing."""
    if os.geteuid() != 0:
        return "the debian platform needs root"
    if not Path("/usr/sbin/nginx").exists():
        return "Debian's nginx is not installed"
    return ""


class DebianNode(WebNode):
    """A node in a directory of its own, on ports of its own: nothing of the machine is changed."""

    def __init__(self, directory: Path):
        super().__init__(directory / "node", None)
        self.top = directory
        self.dns_port, self.https_port = free_port(), free_port()
        self.database_ports = {"mariadb": free_port(), "postgresql": free_port()}
        # Its daemons take a second to start: a test that is about mail sets ports.
        self.mail_ports: dict[str, int] = {}
        self.ftp_port, self.sftp_port = free_port(), free_port()
        self.client = Client(directory / "run" / "agent.sock", timeout=LIMIT)

    @property
    def homes(self) -> Path:
        """Where the subscriptions' files are."""
        return self.top / "homes"

    def arguments(self) -> list[str]:
        """Every place and port: none is the usual one."""
        places = {name: self.top / name for name in ("homes", "run", "logs", "users", "ssh")}
        ports = {"sites": self.port, "https": self.https_port, "dns": self.dns_port}
        ports |= self.database_ports
        ports |= {"ftp": self.ftp_port, "sftp": self.sftp_port}
        return [
            *("--platform", "debian", "--data", str(self.directory), "--address", "127.0.0.1"),
            *("--mail-ports", ",".join(map(str, self.mail_ports.values()))),
            *(word for name, path in places.items() for word in (f"--{name}", str(path))),
            *(word for name, port in ports.items() for word in (f"--{name}-port", str(port))),
        ]

    def platform(self) -> Platform:
        """The platform that the agent was started with."""
        places = {name: self.top / name for name in ("homes", "run", "logs", "users", "ssh")}
        return debian(self.directory, **places, address="127.0.0.1", sites_port=self.port)

    def serial(self) -> int:
        """The number of the web server's configuration, which grows with each reload."""
        return int((self.directory / "web" / "current").readlink().name)

    def clean(self) -> None:
        """Ask the agent to end, which takes its daemons along; end what is left of a killed one."""
        if self.process and self.process.poll() is None:
            self.stop()
        for path in Path("/proc").iterdir():
            with suppress(OSError):
                if path.name.isdecimal() and (path / "cwd").readlink().is_relative_to(self.top):
                    os.kill(int(path.name), signal.SIGKILL)


@contextmanager
def debian_node() -> Iterator[DebianNode]:
    """A node whose agent has not been started yet. Its parents let everybody pass, as /srv does."""
    top = Path(tempfile.mkdtemp(prefix="freehold-node-"))
    top.chmod(0o755)
    node = DebianNode(top)
    try:
        yield node
    finally:
        node.clean()
        shutil.rmtree(top, ignore_errors=True)
