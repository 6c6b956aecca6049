"""The small server of FTP and SFTP that comes with us, where ProFTPD cannot be."""

from collections.abc import Collection
from pathlib import Path

from hosting.agent import small
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.services.ftp import driver_traffic
from hosting.services.ftp.driver_sessions import greets

_MODULE = "hosting.services.ftp.serving"


def is_possible(platform: Platform) -> bool:
    """Say whether it can run, on two ports."""
    ports = platform.ftp_port, platform.sftp_port
    return None not in ports and small.is_possible(platform, "pyftpdlib", "asyncssh")


class SmallServer(small.SmallServer):
    """The program that lets in whom the tables at `database` know."""

    def __init__(self, host: Host, directory: Path, database: Path):
        platform = host.platform
        words = {
            "database": database,
            "homes": platform.homes,
            "address": platform.address,
            "ftp-port": platform.ftp_port,
            "sftp-port": platform.sftp_port,
            "traffic": driver_traffic.log(platform),
            "web": platform.web,
        }
        super().__init__(host, "ftp", _MODULE, directory, words, lambda: greets(platform))

    @staticmethod
    def user() -> None:
        """Return whose the tables are: nobody else's than the agent's."""

    @staticmethod
    def lay_out() -> bool:
        """Say that nothing was news: it has no configuration, and makes its keys itself."""
        return False

    def follow_certificate(self) -> None:
        """Leave that to the server, which looks for a certificate at each handshake."""

    def adopt(self) -> None:
        """Nothing is to be read anew."""

    def end_sessions(self, numbers: Collection[int]) -> None:
        """Leave that to the server, which looks at the tables several times a second."""
