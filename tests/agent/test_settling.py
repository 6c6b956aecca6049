"""An agent that begins: whatever one service cannot go on with keeps no other from it."""

import errno
import os
import shutil
import sqlite3
from types import SimpleNamespace

import pytest

from hosting.agent import ballast
from hosting.agent.apply import Applier
from hosting.agent.ballast import Ballast
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.web.driver import WebDriver
from tests.agent.fakes import node, site, subscription


class Spoiled(WebDriver):
    """A service whose own file cannot be read, until it is mended."""

    service = "other"
    error = sqlite3.DatabaseError("database disk image is malformed")
    settled = 0

    def settle(self, applied, shut):
        if self.error is not None:
            raise self.error
        self.settled += 1

    def switch(self, shut, opened):
        if self.error is not None:
            raise self.error

    def apply(self, wanted):
        raise AssertionError("it has not been settled")

    def problem(self):
        return None


@pytest.fixture
def nginx(tmp_path):
    return node(tmp_path / "node")


def frame(number, name, generation=1):
    return subscription(number, generation, site(number, name)) | {"other": {"sites": []}}


def test_one_spoiled_service_keeps_no_other_from_being_applied_and_shut(nginx):
    host = Host(nginx.platform.node, nginx, nginx.platform)
    other = Spoiled(host)
    applier, lines = Applier(host, [other, WebDriver(host)]), []
    applier.settle()
    assert applier.hello(False)["problems"] == {"other": "database disk image is malformed"}
    applier.desired([frame(42, "anna.example"), frame(43, "bert.example")], lines.append)
    told = {(line["subscription"], line["service"]): line.get("message") for line in lines[:-1]}
    words = "database disk image is malformed"
    assert told == {
        (42, "other"): words, (43, "other"): words, (42, "web"): None, (43, "web"): None,
    }  # fmt: skip
    with pytest.raises(AgentError, match="malformed"):
        applier.switch([(42, 2, "shut")])
    assert [nginx.answer(name)[0] for name in ("anna.example", "bert.example")] == [503, 200]
    # Mended, it is settled by itself; nobody has to start the agent anew.
    other.error = None
    assert applier.hello(False)["problems"] == {}
    applier.hello(False)
    assert other.settled == 1


def test_a_driver_that_fails_as_a_whole_holds_up_no_other(nginx):
    host = Host(nginx.platform.node, nginx, nginx.platform)
    other = Spoiled(host)
    other.error = None
    applier, lines = Applier(host, [other, WebDriver(host)]), []
    applier.settle()
    other.apply = lambda wanted: (_ for _ in ()).throw(sqlite3.OperationalError("disk I/O error"))
    applier.desired([frame(42, "anna.example")], lines.append)
    assert [(line["service"], line["ok"]) for line in lines[:-1]] == [
        ("other", False),
        ("web", True),
    ]
    assert lines[0]["message"] == "disk I/O error"
    assert nginx.answer("anna.example")[0] == 200


def test_an_agent_that_begins_on_a_full_disk_takes_the_room_that_is_kept(nginx, monkeypatch):
    host = Host(nginx.platform.node, nginx, nginx.platform)
    applier, lines = Applier(host, [WebDriver(host)], Ballast(host)), []
    applier.settle()
    applier.desired([subscription(42, 1, site(7, "anna.example"))], lines.append)
    kept = nginx.platform.node / "ballast"
    assert kept.stat().st_size == ballast.SIZE
    usage = shutil.disk_usage(kept.parent)
    full = SimpleNamespace(total=usage.total, used=usage.total, free=0)
    monkeypatch.setattr("hosting.agent.ballast.shutil.disk_usage", lambda _path: full)
    connect = sqlite3.connect

    def refused(*arguments, **more):
        if kept.exists():
            raise sqlite3.OperationalError(os.strerror(errno.ENOSPC))
        return connect(*arguments, **more)

    monkeypatch.setattr("hosting.agent.state.sqlite3.connect", refused)
    again = Applier(host, [WebDriver(host)], Ballast(host))
    again.settle()
    assert not kept.exists()
    assert again.switch([(42, 2, "shut")])["switched"] == [42]
    assert nginx.answer("anna.example")[0] == 503
