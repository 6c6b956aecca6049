"""Logs of daemons: put aside where they have grown large, while the daemon goes on writing."""

import errno
import os

import pytest

from hosting.agent import logs
from hosting.agent.host import Host
from tests.agent.fakes import node


@pytest.fixture
def host(tmp_path):
    nginx = node(tmp_path / "node")
    return Host(nginx.platform.node, nginx, nginx.platform)


def test_a_large_log_is_put_aside_and_the_daemon_goes_on_at_its_beginning(host):
    place = host.platform.logs
    daemon = os.open(place / "dns.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    (place / "ftp.log").write_bytes(b"small\n")
    os.write(daemon, b"first\n" * 100)
    assert logs.rotate(host, 500) == ["dns.log"]
    os.write(daemon, b"second\n")
    assert (place / "dns.log").read_bytes() == b"second\n"
    assert (place / "dns.log.1").read_bytes() == b"first\n" * 100
    assert (place / "dns.log.1").stat().st_mode & 0o777 == 0o640
    assert (place / "ftp.log").read_bytes() == b"small\n"
    # Of each there is one that was put aside, never more.
    os.write(daemon, b"third\n" * 100)
    assert logs.rotate(host, 500) == ["dns.log"]
    assert (place / "dns.log.1").read_bytes().startswith(b"second\nthird\n")
    assert {path.name for path in place.glob("*.log*")} == {"dns.log", "dns.log.1", "ftp.log"}
    assert logs.rotate(host, 500) == []
    os.close(daemon)


def test_on_a_full_disk_the_log_is_cut_and_a_link_is_left_alone(host, tmp_path, monkeypatch):
    place, other = host.platform.logs, tmp_path / "passwd"
    other.write_bytes(b"x" * 600)
    (place / "link.log").symlink_to(other)
    (place / "dns.log").write_bytes(b"x" * 600)
    (place / "dns.log.1").write_bytes(b"before")

    def full(*_given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "sendfile", full)
    assert logs.rotate(host, 500) == ["dns.log"]
    assert (place / "dns.log").read_bytes() == b""
    assert (place / "dns.log.1").read_bytes() == b"before"
    assert other.read_bytes() == b"x" * 600
    assert list(place.glob("*.new")) == []
