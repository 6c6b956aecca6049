"""Certificates by name (SNI, RFC 6066, 3) for the small servers of the embedded platform."""

import ssl
from pathlib import Path

from hosting.services.web.driver_certificates import file_of, serving_in

_MOST = 200


class NamedContexts:
    """Contexts of TLS: the one for whoever names nobody, and those of names, made when asked for.

    `web` is the web server's directory. A certificate that was replaced is read anew; one that is
    not sound fails for its name alone: the other one is shown.
    """

    def __init__(self, web: Path, own: Path):
        self._web = web
        self.own = _context(own)
        self.own.sni_callback = self._choose
        self._known: dict[tuple[Path, int], ssl.SSLContext] = {}

    def _choose(self, connection: ssl.SSLObject, name: str | None, _given: ssl.SSLContext) -> None:
        path = self.path(name or "")
        if path is None:
            return
        try:
            key = path, path.stat().st_mtime_ns
            if key not in self._known:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = _context(path)
            connection.context = self._known[key]
        except (OSError, ssl.SSLError):
            return

    def path(self, name: str) -> Path | None:
        """Return the file of a name's certificate with its key."""
        return file_of(name.lower(), serving_in(self._web))


def _context(pem: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.load_cert_chain(pem)
    return found
