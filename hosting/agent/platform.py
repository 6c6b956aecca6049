"""Where things are on a node and what may be relied on there: paths, ports, users, the supervisor.

A driver never names a fixed path or a supervisor of its own; it asks the platform it was given.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Platform:
    """One way of running a node. A production system is another value, not other drivers."""

    name: str
    node: Path
    homes: Path
    nginx: Path
    address: str
    port: int
    public_scheme: str
    public_port: int
    web_user: str | None
    worker_processes: int
    # What disable_symlinks says: with one uid for everybody "if_not_owner" would refuse nothing.
    symbolic_links: str
    # False where all tenants share one uid: tests of isolation prove nothing there.
    isolates: bool
    # Whether the agent takes the daemons along when it is asked to end.
    stops_daemons: bool

    @property
    def run(self) -> Path:
        """Sockets, pid files, locks and daemons' temporary files."""
        return self.node / "run"

    @property
    def logs(self) -> Path:
        """The daemons' logs."""
        return self.node / "logs"

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


def embedded(
    node: str | Path,
    sites_port: int,
    nginx: str | Path,
    public_port: int | None = None,
    keep_serving: bool = False,
) -> Platform:
    """Return the platform without root: a high port on loopback, one uid for everybody.

    Links are resolved once, here: the daemon refuses links later, also above its own directories.
    """
    node = Path(os.path.realpath(node))
    return Platform(
        name="embedded",
        node=node,
        homes=node / "homes",
        nginx=Path(os.path.realpath(nginx)),
        address="127.0.0.1",
        port=sites_port,
        public_scheme="http",
        public_port=public_port or sites_port,
        # Started as root (a container), nginx would drop to a user that cannot read the homes.
        web_user=pwd.getpwuid(0).pw_name if os.geteuid() == 0 else None,
        worker_processes=1,
        symbolic_links="on",
        isolates=False,
        stops_daemons=not keep_serving,
    )
