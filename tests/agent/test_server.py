"""The socket: who may speak, how much at once, and what a client makes of the answers."""

import ast
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hosting.agent import protocol
from hosting.agent.client import AgentAway, Applied, Client, Done, Switched
from hosting.agent.protocol import AgentError
from hosting.agent.server import Server
from tests.agent.fakes import site, subscription

ROOT = Path(__file__).resolve().parents[2]
ANNA = site(7, "anna.example")


@pytest.fixture
def serve(agent):
    servers = []

    def serve(allowed):
        server = Server(agent.applier, agent.host.platform.socket, allowed)
        server.start()
        servers.append(server)
        return Client(agent.host.platform.socket, timeout=20)

    yield serve
    for server in servers:
        server.close()


@pytest.fixture
def client(serve):
    return serve({os.geteuid()})


@pytest.fixture
def speak(client, agent, monkeypatch):
    """Send bytes as they are; return the answers up to the connection's end."""
    monkeypatch.chdir(agent.host.platform.run)

    def speak(data):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect("agent.sock")
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return [json.loads(line) for line in answer.splitlines()]

    return speak


def test_the_client_brings_a_site_up_shuts_it_and_opens_it(client, nginx):
    assert client.hello()["platform"] == "embedded"
    assert client.hello()["problems"] == {}
    (plan,) = client.plan([subscription(42, 7, ANNA)])
    assert plan["changes"][0]["after"] == ["anna.example s42-7;"]
    results = list(client.desired([subscription(42, 7, ANNA)]))
    assert results == [Applied(42, 7, "web", True), Done(reloads=1, changed=1)]
    assert client.hello(with_applied=True)["applied"] == {42: 7}
    assert client.switch([(42, 8, "shut"), (42, 7, "open")]) == Switched([42], [42])
    assert nginx.answer("anna.example")[0] == 503
    client.switch([(42, 9, "open")])
    assert nginx.answer("anna.example")[0] == 200
    assert client.measure([42, 43])["disk"][43] == 0
    assert client.measure([42])["disk"][42] > 0
    assert client.measure([42], "2026-11-01").keys() >= {"disk"}
    for wrong in ("2026-11", "2026-02-30", "", "today"):
        with pytest.raises(AgentError, match="since is not a date"):
            client.measure([42], wrong)


def test_many_subscriptions_go_in_frames_that_the_agent_takes(client):
    some = (subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 502))
    results = list(client.desired(some))
    assert sum(isinstance(each, Done) for each in results) == 2
    assert sum(isinstance(each, Applied) and each.ok for each in results) == 501


def test_a_refusal_reaches_the_caller_with_its_kind(client):
    with pytest.raises(AgentError) as raised:
        client.measure([-1])
    assert raised.value.kind == "invalid"
    (result, done) = client.desired([subscription(42, 7, ANNA | {"document_root": ".."})])
    assert (result.ok, result.kind) == (False, "invalid")
    assert done == Done(0, 0)


def test_an_agent_that_is_not_there_is_away(tmp_path):
    with pytest.raises(AgentAway):
        Client(tmp_path / "agent.sock").hello()
    with pytest.raises(AgentAway):
        list(Client(tmp_path / "agent.sock").desired([subscription(42, 7, ANNA)]))


def test_another_user_is_refused_whatever_it_asks(serve, nginx):
    client = serve({os.geteuid() + 1})
    for ask in (client.hello, lambda: client.switch([(42, 8, "shut")])):
        with pytest.raises(AgentError) as raised:
            ask()
        assert raised.value.kind == "refused"
    assert list((nginx.platform.web / "susp").iterdir()) == []


def test_the_socket_is_open_to_others_only_where_others_are_allowed(serve, agent):
    serve({os.geteuid()})
    assert agent.host.platform.socket.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"{}\n",
        b'{"verb":"exec","command":"id"}\n',
        b'{"verb":["hello"]}\n',
        b'{"verb":"hello","more":1}\n',
        b'{"verb":"hello","with_applied":"yes"}\n',
        b'{"verb":"switch"}\n',
        b'{"verb":"switch","items":[],"path":"/"}\n',
        b'{"verb":"desired","subscriptions":{}}\n',
        b'{"verb":"desired","subscriptions":[' + b",".join([b"{}"] * 501) + b"]}\n",
        b'{"verb":"plan","subscriptions":[{}]}\n',
        b'{"verb":"measure","subscriptions":["42"]}\n',
    ],
)
def test_a_request_that_is_not_in_the_contract_is_refused_and_the_next_one_served(speak, line):
    first, second = speak(line + b'{"verb":"hello"}\n')
    assert (first["ok"], first["kind"]) == (False, "invalid")
    assert second["ok"]


def test_a_line_that_is_too_long_ends_the_connection(speak, client):
    (answer,) = speak(b"x" * (protocol.MAX_LINE + 1))
    assert answer["kind"] == "invalid"
    assert client.hello()["ok"]


def test_a_line_without_its_end_is_not_acted_on(speak, nginx):
    assert speak(b'{"verb":"switch","items":[[42,8,"shut"]]}') == []
    assert list((nginx.platform.web / "susp").iterdir()) == []


def test_what_was_asked_is_completed_though_nobody_waits_for_it(client, agent, nginx, monkeypatch):
    monkeypatch.chdir(agent.host.platform.run)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("agent.sock")
        request = {"verb": "desired", "subscriptions": [subscription(42, 7, ANNA)]}
        connection.sendall(protocol.encode(request))
    (result, _) = client.desired([subscription(42, 7, ANNA)])
    assert result.ok
    assert nginx.answer("anna.example")[0] == 200


def test_a_mistake_of_ours_is_told_and_ends_nothing(client, agent):
    def broken(numbers, _since):
        raise RuntimeError("odd")

    agent.applier.measure = broken
    with pytest.raises(AgentError, match="RuntimeError: odd"):
        client.measure([1])
    assert client.hello()["ok"]


def test_the_agent_starts_with_the_standard_library_alone():
    """Isolated, without site packages: as it runs where it runs as root."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import hosting.agent.__main__;"
        "print([n for n in sys.modules if n.partition('.')[0] not in"
        " {*sys.stdlib_module_names, 'hosting', '__main__'}"
        " and not n.startswith('_')])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_nothing_that_runs_as_root_imports_more_than_the_standard_library():
    services = ROOT / "hosting" / "services"
    files = [*(ROOT / "hosting" / "agent").glob("*.py"), *services.glob("*/driver*.py")]
    assert len(files) > 12
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                ours = name.startswith("hosting.agent") or ".driver" in name
                is_standard = name.partition(".")[0] in sys.stdlib_module_names
                assert ours or is_standard, f"{path.name} imports {name}"


def test_a_transfer_fills_the_file_that_was_opened(client, agent, tmp_path, monkeypatch):
    heard = []

    def transfer(what, subscription, parameters, file, told):
        assert (what, subscription, parameters) == ("export", 42, {"name": "wp"})
        assert told(5)
        os.write(file, b"all of it")
        return {"size": 9}

    monkeypatch.setattr(agent.applier._drivers["web"], "transfer", transfer)
    with (tmp_path / "dump").open("wb") as place:
        given = (("web", "export", 42), {"name": "wp"}, place.fileno())
        assert client.transfer(*given, lambda far: not heard.append(far)) == {"size": 9}
    assert (heard, (tmp_path / "dump").read_bytes()) == ([0, 5], b"all of it")
    # Who does not want any more is gone, and the driver is told so.
    over = threading.Event()

    def endless(what, subscription, parameters, file, told):
        while told(1):
            pass
        over.set()
        raise AgentError("refused", "nobody waits")

    monkeypatch.setattr(agent.applier._drivers["web"], "transfer", endless)
    with (tmp_path / "dump").open("rb") as place, pytest.raises(AgentError, match="stopped"):
        client.transfer(("web", "export", 42), {}, place.fileno(), lambda far: far == 0)
    assert over.wait(20)


def test_a_transfer_without_a_plain_file_is_refused(client, tmp_path, speak):
    directory = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(AgentError, match="an open file"):
        client.transfer(("web", "export", 42), {}, directory, lambda _far: True)
    os.close(directory)
    asked = {"verb": "transfer", "service": "web", "what": "export", "subscription": 42}
    answers = speak(protocol.encode(asked | {"parameters": {}}) + b"f")
    assert [answer.get("kind") for answer in answers][:2] == [None, "invalid"]
    with (tmp_path / "file").open("wb") as place, pytest.raises(AgentError, match="transfers no"):
        client.transfer(("web", "export", 42), {}, place.fileno(), lambda _far: True)
