"""Whether what is going to listen can: told before anything is changed."""

import socket
from contextlib import suppress
from pathlib import Path

from panel.install.options import Options
from panel.install.work import CannotInstall


def check(options: Options) -> None:
    """CannotInstall, naming port, variable and program, where somebody else listens already."""
    wanted = {
        "PANEL_TLS_PORT": (options.tls_port, ""),
        "SITES_PORT": (options.sites_port or 80, options.address or ""),
        "SITES_TLS_PORT": (options.sites_tls_port or 443, options.address or ""),
    }
    numbers = [port for port, _ in wanted.values()]
    if len(set(numbers)) < len(numbers):
        raise CannotInstall(f"{', '.join(wanted)}: each needs a port of its own.")
    for variable, (port, address) in wanted.items():
        if not is_free(port, address):
            who = listener(port)
            raise CannotInstall(
                f"Port {port} is taken by {who or 'another program'}. Stop that one (systemctl"
                f" disable --now ...), or choose another port: make install {variable}=..."
            )


def is_free(port: int, address: str = "", *, kind: int = socket.SOCK_STREAM) -> bool:
    """Whether one could listen there."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def listener(port: int) -> str:
    """The program that listens at a TCP port, as root can find out; empty if nobody is found."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if int(words[1].rpartition(":")[2], 16) == port and words[3] == "0A":
                    inodes.add(f"socket:[{words[9]}]")
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(path.readlink()) in inodes:
                process = path.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""
