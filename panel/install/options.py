"""What may be said about an installation, by variables: `make install PANEL_HOST=panel.example`."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from panel.install.work import CannotInstall

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_DATABASE = re.compile(r"postgres(ql)?://[^\s\"'\\]+")
_KNOWN = (
    "PANEL_HOST", "PANEL_TLS_PORT", "SITES_PORT", "SITES_TLS_PORT", "DNS_PORT", "ADDRESS",
    "DATABASE_URL", "TIME_ZONE", "ADMIN_USERNAME", "ADMIN_EMAIL", "ADMIN_PASSWORD_FILE",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What was said, checked. None: nothing was said."""

    host: str
    tls_port: int = 8443
    sites_port: int | None = None
    sites_tls_port: int | None = None
    dns_port: int | None = None
    address: str | None = None
    database_url: str = ""
    time_zone: str = "UTC"
    admin_username: str = ""
    admin_email: str = ""
    admin_password_file: Path | None = None
    # What was said that an existing configuration overrules.
    only_at_first: tuple[str, ...] = ()

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Options":
        """From variables; CannotInstall, naming the variable, for what cannot be."""
        given = {name: environ[name].strip() for name in _KNOWN if environ.get(name, "").strip()}
        host = given.get("PANEL_HOST", "").lower() or own_name()
        if not _HOST.fullmatch(host):
            raise CannotInstall(f"PANEL_HOST: {host!r} is no host name.")
        tls_port = _port(given, "PANEL_TLS_PORT") or 8443
        if tls_port < 1024:
            raise CannotInstall(
                f"PANEL_TLS_PORT: {tls_port} belongs to root, and what listens there does not run"
                " as root. Choose one from 1024 on."
            )
        database_url = given.get("DATABASE_URL", "")
        if database_url and not _DATABASE.fullmatch(database_url):
            raise CannotInstall("DATABASE_URL: postgresql://user@host/name is expected.")
        time_zone = given.get("TIME_ZONE", "UTC")
        if not re.fullmatch(r"[A-Za-z0-9_+/-]{1,60}", time_zone):
            raise CannotInstall(f"TIME_ZONE: {time_zone!r} is no name of a time zone.")
        if address := given.get("ADDRESS"):
            _check_address(address)
        password = given.get("ADMIN_PASSWORD_FILE")
        return cls(
            host=host,
            tls_port=tls_port,
            sites_port=_port(given, "SITES_PORT"),
            sites_tls_port=_port(given, "SITES_TLS_PORT"),
            dns_port=_port(given, "DNS_PORT"),
            address=address,
            database_url=database_url,
            time_zone=time_zone,
            admin_username=given.get("ADMIN_USERNAME", ""),
            admin_email=given.get("ADMIN_EMAIL", ""),
            admin_password_file=Path(password) if password else None,
            only_at_first=tuple(name for name in given if not name.startswith("ADMIN_")),
        )

    def agent_words(self) -> list[str]:
        """What the agent is told beyond what is usual."""
        said = {
            "--address": self.address,
            "--sites-port": self.sites_port,
            "--https-port": self.sites_tls_port,
            "--dns-port": self.dns_port,
        }
        return [word for name, value in said.items() if value for word in (name, str(value))]


def _port(given: Mapping[str, str], name: str) -> int | None:
    word = given.get(name)
    if word is None:
        return None
    if not (word.isascii() and word.isdecimal() and 1 <= int(word) <= 65535):
        raise CannotInstall(f"{name}: {word!r} is no port.")
    return int(word)


def _check_address(word: str) -> None:
    try:
        socket.inet_aton(word)
    except OSError as error:
        raise CannotInstall(f"ADDRESS: {word!r} is no IPv4 address.") from error


def own_address() -> str:
    """The address under which this machine goes out, asked of the kernel; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def own_name() -> str:
    """This machine's full name if it has one, else its address."""
    name = socket.getfqdn().lower()
    is_full = "." in name and not name.startswith("localhost") and _HOST.fullmatch(name)
    return name if is_full else own_address()
