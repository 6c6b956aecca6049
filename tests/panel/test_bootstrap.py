"""Where python3 comes without pip, as Debian's does, its wheel is fetched by its hash."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

WHEEL = b"as if it were pip"
NAME = "pip-9.9-py3-none-any.whl"
ANOTHERS = "pip-9.9.1-py3-none-any.whl"


@pytest.fixture
def sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """requirements/sync, with a lock of its own and no settings of this machine."""
    path = Path(__file__).parents[2] / "requirements" / "sync"
    loader = SourceFileLoader("sync", str(path))
    spec = spec_from_loader("sync", loader)
    assert spec is not None
    module = module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    sha256 = hashlib.sha256(WHEEL).hexdigest()
    (tmp_path / "pip.lock").write_text(f"pip==9.9 \\\n    --hash=sha256:{sha256}\n")
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    return module


class Index(ThreadingHTTPServer):
    """An index of packages on loopback, which says one thing and counts what it was asked."""

    def __init__(self, *, speaks_json: bool, wheel: bytes):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.speaks_json, self.wheel = speaks_json, wheel
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple/"


class _Answer(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        links = [f"../../files/{ANOTHERS}#sha256=1", f"../../files/{NAME}#sha256=2"]
        kind, body = "text/html", "".join(f'<a href="{link}">x</a>' for link in links).encode()
        if self.path.startswith("/files/"):
            kind, body = "application/octet-stream", self.server.wheel
        elif self.server.speaks_json:
            kind = "application/vnd.pypi.simple.v1+json"
            body = json.dumps({"files": [{"url": link} for link in links]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is said of it."""


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[Any]:
    started: list[Index] = []

    def begin(**about: Any) -> Index:
        index = Index(**({"speaks_json": True, "wheel": WHEEL} | about))
        threading.Thread(target=index.serve_forever, daemon=True).start()
        started.append(index)
        return index

    yield begin
    for index in started:
        index.shutdown()
        index.server_close()


@pytest.mark.parametrize("speaks_json", [True, False])
def test_the_wheel_of_the_lock_is_fetched_once_from_either_kind_of_index(
    sync: ModuleType, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speaks_json: bool
):
    index = serve(speaks_json=speaks_json)
    monkeypatch.setenv("PIP_INDEX_URL", index.address)
    wheel = sync.fetch_pip(tmp_path)
    assert (wheel.name, wheel.read_bytes()) == (NAME, WHEEL)
    assert index.asked == ["/simple/pip/", f"/files/{NAME}"]
    assert sync.fetch_pip(tmp_path) == wheel
    assert len(index.asked) == 2


def test_what_is_not_as_the_lock_says_is_not_kept(
    sync: ModuleType, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIP_INDEX_URL", serve(wheel=b"something else").address)
    with pytest.raises(ValueError, match=r"is not what pip\.lock says"):
        sync.fetch_pip(tmp_path)
    assert not (tmp_path / NAME).exists()
    # Nor is what somebody put there.
    (tmp_path / NAME).write_bytes(b"put there")
    with pytest.raises(ValueError, match=r"is not what pip\.lock says"):
        sync.fetch_pip(tmp_path)


def test_the_index_is_the_one_of_pips_own_configuration(
    sync: ModuleType, serve: Any, tmp_path: Path
):
    index = serve()
    config = tmp_path / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f"[global]\nindex-url = {index.address}\n")
    assert sync.fetch_pip(tmp_path).read_bytes() == WHEEL


def test_an_index_that_is_no_web_address_is_refused(
    sync: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIP_INDEX_URL", "file:///etc")
    with pytest.raises(ValueError, match="not an address of an index"):
        sync.fetch_pip(tmp_path)


def test_the_lock_names_one_version_by_its_hash():
    path = Path(__file__).parents[2] / "requirements" / "pip.lock"
    assert path.read_text().startswith("pip==")
    assert "--hash=sha256:" in path.read_text()
