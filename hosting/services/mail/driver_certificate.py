"""Key and certificate of the node, for mail programs: one function says where they come from.

Made here, by the openssl program; the key never leaves the node.
"""

import re
import socket
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, is_host_name

_DAYS = "3650"
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
_KINDS = {"PRIVATE KEY", "CERTIFICATE"}


def keep(host: Host, path: Path) -> None:
    """Make key and certificate in one file, key first, unless it is there."""
    if path.exists():
        return
    name = socket.getfqdn().lower()
    subject = name if is_host_name(name) and len(name) <= 64 else "freehold.invalid"
    words = ("req", "-x509", "-batch", "-nodes", "-newkey", "ec", "-sha256", "-days", _DAYS)
    words += ("-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "/dev/stdout")
    words += ("-out", "/dev/stdout", "-subj", f"/CN={subject}")
    done = host.run([str(host.platform.programs["openssl"]), *words])
    found = {block[1]: block[0] for block in _BLOCK.finditer(done.output)}
    if done.code or found.keys() != _KINDS:
        raise AgentError("io", "openssl made no certificate for mail")
    # Both daemons read it as root, before they become anybody else.
    pair = found["PRIVATE KEY"] + found["CERTIFICATE"]
    host.replace(path, pair.encode(), 0o600)
