"""Small servers that come with us, for where a distribution's daemons cannot be: without root.

Each is a module that is run as a program of its own, so it may import what the agent may not.
"""

import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from hosting.agent.daemon import Complaints, Daemon, Program
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError

_PATIENCE, _STEP = 20.0, 0.02
_TOP = Path(__file__).resolve().parents[2]
_START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1));"
    " runpy.run_module({module!r}, run_name='__main__')"
)


def is_possible(platform: Platform, *packages: str) -> bool:
    """Say whether one can run: where all are one uid, with what it is made of."""
    return not platform.isolates and all(find_spec(name) is not None for name in packages)


class SmallServer:
    """The program of `module`, told `words` as its options; `answers` says whether it serves."""

    def __init__(
        self,
        host: Host,
        name: str,
        module: str,
        directory: Path,
        words: Mapping[str, object],
        answers: Callable[[], bool],
    ):
        platform = host.platform
        self._name = name
        self._log = platform.logs / f"{name}.log"
        self.answers = answers

        def is_ours(line: str) -> bool:
            return module in line

        start = _START.format(module=module)
        options = [each for word in words for each in (f"--{word}", str(words[word]))]
        self.daemon = Daemon(
            host,
            Program(
                name=name,
                command=(sys.executable, "-I", "-c", start, str(_TOP), *options),
                directory=directory,
                pid_file=platform.run / f"{name}.pid",
                is_master=is_ours,
                is_ours=is_ours,
                writes_pid=False,
                log=self._log,
            ),
        )

    def await_answer(self) -> None:
        """Start it if it is not there, and wait for it; AgentError with its words."""
        if self.daemon.master() is not None and self.answers():
            return
        mark = Complaints(self._log).mark()
        self.daemon.start()
        if not self.daemon.await_until(self.answers, _PATIENCE, _STEP):
            words = f"the {self._name} server does not answer: {self.words(mark)}"
            raise AgentError("probe", words)

    def words(self, mark: int) -> str:
        """Return the last that it said since then."""
        lines = [line for line in Complaints(self._log).since(mark) if line.strip()]
        return "".join(c for c in (lines or ["it left no word"])[-1] if c.isprintable())[:400]
