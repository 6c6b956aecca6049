"""What ProFTPD shows by FTP: the certificate of the node's own name, if a site here has one.

It has one for everybody: a virtual host for each name would be read at each start. So programs that
come by the node's name are shown what they trust, where there is such a site with a certificate.
"""

import re
import socket
from pathlib import Path

from hosting.agent.host import Host
from hosting.services.web.driver_certificates import file_of, serving

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n?")
_PARTS = ("leaf", "chain", "key")


class NodePair:
    """Copies of it, and what ProFTPD is told; `own` is the self-signed one for all other cases."""

    def __init__(self, host: Host, directory: Path, own: Path):
        self._host = host
        self._own = own
        self._files = {part: directory / f"node-{part}.pem" for part in _PARTS}

    def keep(self) -> bool:
        """Have what the web server has for the node's name now; say whether that was news."""
        found = self._found()
        if found == {part: _reads(path) for part, path in self._files.items()}:
            return False
        for part, path in self._files.items():
            data = found[part]
            if data is not None:
                self._host.replace(path, data, 0o600)
            elif path.exists():
                self._host.unlink(path)
        return True

    def _found(self) -> dict[str, bytes | None]:
        path = file_of(socket.getfqdn().lower(), serving(self._host.platform))
        pem = _reads(path) if path else None
        blocks = [(found[1], found[0]) for found in _BLOCK.finditer(pem or b"")]
        chain = [block for kind, block in blocks if kind == b"CERTIFICATE"]
        keys = [block for kind, block in blocks if kind.endswith(b"PRIVATE KEY")]
        if not chain or len(keys) != 1:
            return dict.fromkeys(_PARTS)
        return {"leaf": chain[0], "chain": b"".join(chain[1:]) or None, "key": keys[0]}

    @property
    def is_there(self) -> bool:
        """Whether there is one besides the self-signed one."""
        return self._files["leaf"].exists() and self._files["key"].exists()

    def directives(self) -> dict[str, Path]:
        """Return what ProFTPD is told (mod_tls), by directive."""
        leaf, chain, key = self._files.values()
        if not self.is_there:
            return {"TLSECCertificateFile": self._own, "TLSECCertificateKeyFile": self._own}
        kind = "EC" if self._is_elliptic(key) else "RSA"
        found = {f"TLS{kind}CertificateFile": leaf, f"TLS{kind}CertificateKeyFile": key}
        return found | ({"TLSCertificateChainFile": chain} if chain.exists() else {})

    def _is_elliptic(self, key: Path) -> bool:
        program = str(self._host.platform.programs["openssl"])
        return self._host.runner.run([program, "ec", "-in", str(key), "-noout"], 30.0).code == 0


def _reads(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
