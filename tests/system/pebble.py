"""Debian's pebble, a certificate authority for tests: which asks our own servers."""

import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from pathlib import Path

from tests.hosting.certificates import a_pair, above, root
from tests.machine import free_port
from tests.system.conftest import wait_until

PROGRAM = shutil.which("pebble")


class Pebble:
    """One authority, whose checks lead to these ports of a node."""

    def __init__(self, directory: Path, http_port: int, tls_port: int, dns_port: int):
        self._port, self._management = free_port(), free_port()
        # What its own API is reached with.
        chain, key = a_pair("localhost")
        (directory / "pebble.pem").write_text(chain + above())
        (directory / "pebble.key").write_text(key)
        self.trusted_by = root()
        values = {
            "listenAddress": f"127.0.0.1:{self._port}",
            "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(directory / "pebble.pem"),
            "privateKey": str(directory / "pebble.key"),
            "httpPort": http_port,
            "tlsPort": tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (directory / "pebble.json").write_text(json.dumps({"pebble": values}))
        self._log = (directory / "pebble.log").open("wb")
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [
                *(PROGRAM, "-config", str(directory / "pebble.json")),
                *("-dnsserver", f"127.0.0.1:{dns_port}"),
            ],
            # No naps before checks, and each name is checked anew: by chance it would be believed.
            # A share of all nonces is refused, as it happens outside.
            env=os.environ
            | {
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_AUTHZREUSE": "0",
                "PEBBLE_WFE_NONCEREJECT": "5",
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        wait_until(self._is_up, "pebble answers")

    @property
    def directory(self) -> str:
        return f"https://localhost:{self._port}/dir"

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "pebble has ended"
        try:
            self._get(self._port, "/dir")
        except OSError:
            return False
        return True

    def _get(self, port: int, path: str) -> bytes:
        context = ssl.create_default_context(cadata=self.trusted_by)
        url = f"https://localhost:{port}{path}"
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            found: bytes = answer.read()
        return found

    def root(self) -> str:
        """The certificate that browsers would trust."""
        return self._get(self._management, "/roots/0").decode()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
