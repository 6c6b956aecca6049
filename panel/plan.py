"""Where `make run` keeps its data and where it listens. Standard library only."""

import os
from dataclasses import dataclass
from pathlib import Path

from panel import configuration

HOST = "127.0.0.1"
MAIL = ("smtp", "submission", "submissions", "imaps")


class CannotStart(Exception):
    """The reason, in words for the person at the terminal."""


@dataclass(frozen=True)
class Plan:
    """Where this installation keeps its data and where it listens."""

    data: Path
    panel_port: int
    sites_port: int
    tls_port: int
    dns_port: int
    ftp_port: int
    sftp_port: int
    # By the names that the agent has for them, in its order.
    mail_ports: dict[str, int]
    host_name: str
    has_key: bool
    with_demo: bool

    @classmethod
    def read(cls) -> "Plan":
        """From the same file and environment as Django's settings."""
        try:
            given = configuration.load(os.environ)
        except configuration.ConfigurationError as error:
            raise CannotStart(str(error)) from error
        names = [name for name in given["HOSTS"] if not name.startswith(("*", "."))]
        return cls(
            data=given["DATA"],
            panel_port=given["PORT"],
            sites_port=given["SITES_PORT"],
            tls_port=given["SITES_TLS_PORT"],
            dns_port=given["DNS_PORT"],
            ftp_port=given["FTP_PORT"],
            sftp_port=given["SFTP_PORT"],
            mail_ports={name: given[f"{name.upper()}_PORT"] for name in MAIL},
            host_name=HOST if HOST in names or not names else names[0],
            has_key=bool(given["SECRET_KEY"]),
            with_demo=os.environ.get("DEMO", "1") not in {"0", "no", "false"},
        )

    @property
    def agent_socket(self) -> Path:
        return self.data / "node" / "run" / "agent.sock"

    @property
    def shown_data(self) -> str:
        """The data directory as one would type it here."""
        here = Path.cwd()
        return str(self.data.relative_to(here) if self.data.is_relative_to(here) else self.data)
