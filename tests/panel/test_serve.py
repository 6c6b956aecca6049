"""What `make run` refuses, in words, before it starts anything."""

import fcntl
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from panel import serve
from tests.machine import MAIL_PORTS, free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def variables(tmp_path):
    """An environment as a newcomer's, with ports that are free."""
    return {
        "PATH": os.environ["PATH"],
        "PANEL_DATA": str(tmp_path / "var"),
        "PANEL_PORT": str(free_port()),
        "SITES_PORT": str(free_port()),
        "SITES_TLS_PORT": str(free_port()),
        "DNS_PORT": str(free_port()),
        "FTP_PORT": str(free_port()),
        "SFTP_PORT": str(free_port()),
        **{name: str(free_port()) for name in MAIL_PORTS},
    }


def plan_of(data: Path, *, with_demo: bool) -> serve.Plan:
    ports = (8400, 8480, 8481, 8453, 8421, 8422)
    mail = {"smtp": 8425, "submission": 8487, "submissions": 8465, "imaps": 8493}
    return serve.Plan(data, *ports, mail, "127.0.0.1", has_key=False, with_demo=with_demo)


def run(variables: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "panel.serve", *options],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "variable", ["PANEL_PORT", "SITES_PORT", "SITES_TLS_PORT", "DNS_PORT", "FTP_PORT", "IMAPS_PORT"]
)
def test_a_taken_port_is_named_with_the_variable_to_set(variables, variable):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(variables[variable])))
        taken.listen()
        result = run(variables)
    assert result.returncode == 1
    assert f"Port {variables[variable]} is taken" in result.stderr
    assert f"make run {variable}=" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("variable", ["SITES_PORT", "SFTP_PORT"])
def test_one_port_for_two_is_refused(variables, variable):
    result = run(variables | {variable: variables["PANEL_PORT"]})
    assert result.returncode == 1
    assert "each needs its own" in result.stderr


def test_a_port_that_is_no_number_is_refused_by_name(variables):
    result = run(variables | {"PANEL_PORT": "http"})
    assert result.returncode == 1
    assert "PANEL_PORT" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("options", [(), ("--clean-data",)])
def test_data_in_use_is_neither_served_twice_nor_removed(variables, options):
    data = Path(variables["PANEL_DATA"])
    data.mkdir()
    with (data / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("http://localhost:8400/, process 4711\n")
        lock.flush()
        result = run(variables, *options)
    assert result.returncode == 1
    assert "already runs" in result.stderr
    assert "process 4711" in result.stderr
    assert (data / "run.lock").exists()


def test_cleaning_removes_the_data(variables):
    data = Path(variables["PANEL_DATA"])
    (data / "node" / "homes").mkdir(parents=True)
    (data / "run.lock").touch()
    (data / "panel.sqlite3").touch()
    result = run(variables, "--clean-data")
    assert result.returncode == 0
    assert not data.exists()


def test_cleaning_leaves_a_directory_that_is_not_ours(variables):
    data = Path(variables["PANEL_DATA"])
    data.mkdir()
    (data / "letters.txt").write_text("Dear Anna")
    result = run(variables, "--clean-data")
    assert result.returncode == 1
    assert (data / "letters.txt").exists()


def test_cleaning_twice_is_no_error(variables):
    assert run(variables, "--clean-data").returncode == 0


def test_the_key_is_made_once_and_only_the_owner_reads_it(tmp_path, monkeypatch):
    monkeypatch.delenv("PANEL_SECRET_KEY", raising=False)
    plan = plan_of(tmp_path, with_demo=False)
    path = Path(serve.environment(plan)["PANEL_SECRET_KEY_FILE"])
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.strip()) >= 40
    serve.environment(plan)
    assert path.read_text() == first


def test_the_summary_names_every_login_and_website(tmp_path):
    plan = plan_of(tmp_path, with_demo=True)
    (tmp_path / "demo.json").write_text(
        '{"logins": {"administrator": {"username": "admin", "password": "pear-boat"}},'
        ' "sites": [{"url": "http://anna.localhost:8480/", "suspended": false}],'
        ' "dns": {"address": "127.0.0.1", "port": 8453, "zone": "anna.localhost"},'
        ' "ftp": {"username": "anna", "password": "elm-otter"},'
        ' "mail": {"username": "info@anna.localhost", "password": "oak-heron"}}'
    )
    text = serve.summary(plan, 2.5)
    for words in ("http://localhost:8400/", "admin", "pear-boat", "http://anna.localhost:8480/"):
        assert words in text
    assert "dig @127.0.0.1 -p 8453 anna.localhost" in text
    assert "sftp -P 8422 anna@127.0.0.1   password elm-otter" in text
    assert "port 8421" in text
    assert "IMAP on port 8493 (TLS), SMTP on port 8425" in text
    assert "info@anna.localhost   password oak-heron" in text


def test_an_empty_panel_is_announced_without_logins(tmp_path):
    plan = plan_of(tmp_path, with_demo=False)
    text = serve.summary(plan, 2.5)
    assert "first administrator" in text
    assert "FTP       127.0.0.1, port 8421 with TLS; SFTP on port 8422" in text
