"""A real worker beside a real agent, for tests of both."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.system.conftest import LIMIT, ROOT, wait_until


class WorkerProcess:
    """`manage.py worker`, started, killed and stopped as a supervisor would."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._processes: list[subprocess.Popen] = []

    def start(self) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PANEL_")
        } | {"PANEL_DATA": str(self._data), "PANEL_DEBUG": "1"}
        with (self._data / "worker.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", "worker"], cwd=ROOT, env=environment, stderr=log
                )
            )

    def kill(self) -> None:
        """End the newest without a word."""
        process = self._processes.pop()
        process.kill()
        process.wait()

    def stop(self) -> int:
        """Ask the newest to end; its exit code."""
        process = self._processes.pop()
        process.send_signal(signal.SIGTERM)
        return process.wait(LIMIT)

    def clean(self) -> None:
        while self._processes:
            self.kill()


class Machine:
    """Agent, nginx, worker and database of one machine."""

    def __init__(self, data: Path, web) -> None:
        self.web = web
        self.worker = WorkerProcess(data)

    def restart_agent(self) -> None:
        self.web.launch()

    def await_status(self, host: str, status: int) -> None:
        wait_until(lambda: self.web.status(host) == status, f"{host} answers {status}")

    def await_steady(self, host: str, status: int) -> None:
        """While nginx reloads, its old processes answer beside the new ones."""

        def is_steady() -> bool:
            return all(self.web.status(host) == status for _ in range(50))

        wait_until(is_steady, f"{host} always answers {status}")
