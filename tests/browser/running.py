"""A whole panel for the browser: what `make run` starts, on free ports and data of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import machine

ROOT = Path(__file__).resolve().parents[2]
# Wide: only what is broken waits so long.
LIMIT = 60.0


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Wait for something that takes effect in a moment."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.03)


class RunningPanel:
    """Panel, worker, agent and nginx of one test session."""

    def __init__(self, data: Path, *, demo: bool = False) -> None:
        self.data = data
        self.port, self.sites_port = machine.free_port(), machine.free_port()
        self.url = f"http://localhost:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data),
            "PANEL_DATA": str(data),
            "PANEL_PORT": str(self.port),
            "SITES_PORT": str(self.sites_port),
            "SITES_TLS_PORT": str(machine.free_port()),
            "DNS_PORT": str(machine.free_port()),
            "FTP_PORT": str(machine.free_port()),
            "SFTP_PORT": str(machine.free_port()),
            **{name: str(machine.free_port()) for name in machine.MAIL_PORTS},
            "DEMO": "1" if demo else "0",
        }
        self.output = data / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything and wait until it says so."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "panel.serve", "--end-with-parent"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = self.process

        def is_up() -> bool:
            assert process.poll() is None, self.output.read_text()
            return "Ctrl-C ends everything" in self.output.read_text()

        wait_until(is_up, "everything has started")

    def stop(self) -> None:
        """End everything, as Ctrl-C does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def module(self, name: str, *arguments: str) -> Any:
        """Run one of our modules on this panel's data; what it prints, from JSON."""
        environment = self.environment | {
            "PANEL_SECRET_KEY_FILE": str(self.data / "secret_key"),
        }
        environment.pop("DEMO")
        done = subprocess.run(
            [sys.executable, "-m", name, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def demo(self) -> dict[str, Any]:
        """Logins and sites of the example data."""
        found: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return found

    def site(self, host: str, path: str = "/") -> tuple[int, str]:
        """Status of a website, and where it sends its visitor."""
        connection = http.client.HTTPConnection("127.0.0.1", self.sites_port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": f"{host}:{self.sites_port}"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location") or ""
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def answers(self, status: int, *hosts: str) -> None:
        """Wait until each of these websites answers so."""
        for host in hosts:
            for name in (host, f"www.{host}"):
                wait_until(
                    lambda name=name: self.site(name)[0] == status, f"{name} answers {status}"
                )

    def worker(self) -> int:
        """The process that carries out long runs."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in children.split():
            if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return int(pid)
        raise AssertionError("there is no worker")
