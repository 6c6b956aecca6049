"""Certificates on the node: a key with its chain in one file each, which is replaced as a whole.

nginx reads the file at each handshake, as its worker's user: the directory and the keys are root's,
readable by the web server's group, which no tenant is ever in.

The node's own certificate, for names that have none, is made here, by the openssl program: its key
never leaves the node, and a node needs nobody to answer by https. Without the program, and on a
node that was given no port for it, there is no https.
"""

import os
import re

from hosting.agent.host import Host

_DAYS = "3650"
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
_KINDS = {"PRIVATE KEY", "CERTIFICATE"}


class Certificates:
    """The directory of certificates."""

    def __init__(self, host: Host):
        self._host = host
        self._directory = host.platform.web / "certificates"
        self._own = self._directory / "own.pem"

    @property
    def are_there(self) -> bool:
        """Whether this node can answer by https."""
        return self._host.platform.https_port is not None and self._own.exists()

    def lay_out(self) -> None:
        """Make the directory and the node's own certificate, unless they are there."""
        program = self._host.platform.programs.get("openssl")
        if self._host.platform.https_port is None or program is None or self._own.exists():
            return
        if not self._directory.is_dir():
            self._host.make(self._directory, 0o700)
        self._share(str(self._directory), 0o750)
        words = ("req", "-x509", "-batch", "-nodes", "-newkey", "ec", "-sha256", "-days", _DAYS)
        words += ("-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "/dev/stdout")
        # A name that is nobody's: whoever asks for a name without certificate learns nothing.
        words += ("-out", "/dev/stdout", "-subj", "/CN=freehold.invalid")
        done = self._host.run([str(program), *words])
        found = {block[1]: block[0] for block in _BLOCK.finditer(done.output)}
        if done.code == 0 and found.keys() == _KINDS:
            self.keep("own", (found["CERTIFICATE"] + found["PRIVATE KEY"]).encode())

    def keep(self, name: str, pair: bytes) -> None:
        """Put a certificate in place of the one that is there: the next handshake has it."""
        beside = self._directory / f"{name}.new"
        if beside.exists():
            self._host.unlink(beside)
        self._host.write(beside, pair, 0o600)
        self._share(str(beside), 0o640)
        self._host.rename(beside, self._directory / f"{name}.pem")

    def _share(self, path: str, mode: int) -> None:
        """Let the web server's group read what is root's."""
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._host.own(place, None, self._host.platform.web_group)
            self._host.permit(place, mode)
        finally:
            os.close(place)
