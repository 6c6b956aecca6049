"""Where an installation keeps what, and how it is named. Nothing else names these paths."""

from dataclasses import dataclass
from pathlib import Path

# Panel and worker run as PANEL_USER; what speaks TLS in front of them runs as FRONT_USER.
PANEL_USER = "freehold"
FRONT_USER = "freehold-front"
UNITS = (
    "freehold-agent.service",
    "freehold-panel.socket",
    "freehold-panel.service",
    "freehold-worker.service",
    "freehold-front.service",
)
PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class Places:
    """All paths, below `root`, which is another one only where parts are tested by themselves."""

    root: Path = Path("/")

    # Code: root's, read by everybody, written by an installation only.

    @property
    def code(self) -> Path:
        return self.root / "opt/freehold"

    @property
    def releases(self) -> Path:
        return self.code / "releases"

    @property
    def environments(self) -> Path:
        """Virtual environments, one for each content of the lock."""
        return self.code / "environments"

    @property
    def current(self) -> Path:
        """A link to the release that runs."""
        return self.code / "current"

    @property
    def command(self) -> Path:
        return self.root / "usr/local/bin/freehold"

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    # Configuration: the operator's.

    @property
    def configuration(self) -> Path:
        return self.root / "etc/freehold"

    @property
    def settings(self) -> Path:
        return self.configuration / "freehold.toml"

    @property
    def secret_key(self) -> Path:
        return self.configuration / "secret_key"

    @property
    def agent_options(self) -> Path:
        return self.configuration / "agent.env"

    @property
    def tls(self) -> Path:
        return self.configuration / "tls"

    @property
    def front(self) -> Path:
        """The configuration of the nginx in front of the panel: made anew by each upgrade."""
        return self.configuration / "front.conf"

    @property
    def front_local(self) -> Path:
        """What an operator adds to it; no upgrade touches it."""
        return self.configuration / "front.d"

    @property
    def nsswitch(self) -> Path:
        return self.root / "etc/nsswitch.conf"

    # Data.

    @property
    def state(self) -> Path:
        return self.root / "var/lib/freehold"

    @property
    def data(self) -> Path:
        """The panel's: database, mail that is written to files, caches."""
        return self.state / "panel"

    @property
    def node(self) -> Path:
        """The agent's."""
        return self.state / "node"

    @property
    def copies(self) -> Path:
        """Copies of the database, made before it is changed by an upgrade."""
        return self.state / "copies"

    @property
    def homes(self) -> Path:
        return self.root / "srv/freehold"

    @property
    def logs(self) -> Path:
        return self.root / "var/log/freehold"

    @property
    def users(self) -> Path:
        return self.root / "var/lib/extrausers"

    # While it runs.

    @property
    def agent_run(self) -> Path:
        return self.root / "run/freehold"

    @property
    def panel_run(self) -> Path:
        return self.root / "run/freehold-panel"

    @property
    def panel_socket(self) -> Path:
        return self.panel_run / "panel.sock"

    @property
    def front_run(self) -> Path:
        return self.root / "run/freehold-front"

    @property
    def lock(self) -> Path:
        """Held while something is installed, upgraded or removed."""
        return self.root / "run/freehold-install.lock"

    @property
    def foreground_lock(self) -> Path:
        """Held by `freehold run`; holds its process id."""
        return self.root / "run/freehold-run.lock"
