"""A disk that is really full: who is to be shut is shut, with the room that is kept for that."""

import os
import subprocess

import pytest

from hosting.agent.apply import Applier
from hosting.agent.ballast import SIZE, Ballast
from hosting.agent.host import Host
from hosting.services.web.driver import WebDriver
from tests.agent.fakes import node, site, subscription

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk"),
]


@pytest.fixture
def disk(tmp_path):
    """A disk of 96 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", place], check=False)
    if made.returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    # The agent's records are open: it goes with them.
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place):
    """Leave no byte."""
    with (place / "filler").open("wb", buffering=0) as file:
        block = b"x" * 65536
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[: len(block) // 2]


def test_on_a_full_disk_one_is_shut_the_neighbour_goes_on_and_a_restart_keeps_it(disk):
    nginx = node(disk / "node")
    host = Host(nginx.platform.node, nginx, nginx.platform)

    def begin():
        applier = Applier(host, [WebDriver(host)], Ballast(host))
        applier.settle()
        return applier

    applier, lines = begin(), []
    sites = ((42, site(7, "anna.example")), (43, site(8, "bert.example")))
    applier.desired([subscription(number, 1, each) for number, each in sites], lines.append)
    ballast = nginx.platform.node / "ballast"
    assert ballast.stat().st_blocks * 512 >= SIZE
    fill(disk)
    with pytest.raises(OSError, match="No space"):
        (disk / "more").write_bytes(b"x" * 65536)
    assert applier.switch([(42, 2, "shut")])["switched"] == [42]
    assert [nginx.answer(name)[0] for name in ("anna.example", "bert.example")] == [503, 200]
    assert not ballast.exists()
    begin()
    assert [nginx.answer(name)[0] for name in ("anna.example", "bert.example")] == [503, 200]
    (disk / "filler").unlink()
    (disk / "more").unlink()
    applier.desired([subscription(43, 2, sites[1][1])], lines.append)
    assert ballast.exists()
    assert applier.switch([(42, 3, "open")])["switched"] == [42]
    assert nginx.answer("anna.example")[0] == 200
