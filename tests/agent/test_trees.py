"""Work in tenants' trees stays inside them, whatever a tenant puts in the way."""

import os
import stat

import pytest

from hosting.agent import trees
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian
from hosting.agent.protocol import AgentError
from tests.agent.fakes import Died, DyingHost


@pytest.fixture
def host(nginx):
    return Host(nginx.platform.node, nginx, nginx.platform)


@pytest.fixture
def home(host):
    home = host.platform.homes / "s42"
    home.mkdir()
    return home


@pytest.fixture
def outside(tmp_path):
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "inner" / "precious").write_bytes(b"x" * 100_000)
    return outside


def deep(directory, levels):
    """Make directories so deep that no path reaches the last of them."""
    here = os.open(directory, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)


def remove(host, number):
    trees.put_aside(host, number)
    trees.sweep(host)


def test_a_home_is_removed_whole_and_links_are_not_followed(host, home, outside):
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b" / "file").write_text("x")
    (home / "to-directory").symlink_to(outside)
    (home / "a" / "to-file").symlink_to(outside / "inner" / "precious")
    os.mkfifo(home / "a" / "pipe")
    remove(host, 42)
    assert not home.exists()
    assert list((host.platform.homes / ".gone").iterdir()) == []
    assert (outside / "inner" / "precious").exists()


def test_a_home_that_is_a_link_is_removed_and_not_what_it_leads_to(host, outside):
    (host.platform.homes / "s42").symlink_to(outside)
    remove(host, 42)
    assert not trees.has_home(host, 42)
    assert (outside / "inner" / "precious").exists()


def test_a_very_deep_home_is_measured_and_removed(host, home):
    deep(home, 3000)
    assert trees.disk_usage(host, 42) >= 0
    remove(host, 42)
    assert list((host.platform.homes / ".gone").iterdir()) == []
    assert not home.exists()


def test_directories_without_rights_are_removed_too(host, home):
    (home / "closed" / "inner").mkdir(parents=True)
    (home / "closed" / "inner" / "file").write_text("x")
    (home / "closed" / "inner").chmod(0)
    (home / "closed").chmod(0)
    remove(host, 42)
    assert not home.exists()


def test_a_removal_that_was_interrupted_is_completed_beside_the_next(host, home):
    (home / "file").write_text("x")
    trees.put_aside(host, 42)
    home.mkdir()
    (home / "other").write_text("y")
    remove(host, 42)
    assert list((host.platform.homes / ".gone").iterdir()) == []


def test_disk_usage_counts_what_is_in_the_home_and_nothing_else(host, home, outside):
    before = trees.disk_usage(host, 42)
    (home / "link").symlink_to(outside)
    assert trees.disk_usage(host, 42) - before < 50_000
    (home / "inner").mkdir()
    (home / "inner" / "file").write_bytes(b"x" * 1_000_000)
    os.link(home / "inner" / "file", home / "again")
    used = trees.disk_usage(host, 42) - before
    assert 1_000_000 <= used < 1_200_000


def test_disk_usage_of_what_is_not_there_is_nothing(host):
    assert trees.disk_usage(host, 42) == 0


def test_disk_usage_of_a_home_that_is_a_link_is_unknown(host, outside):
    (host.platform.homes / "s42").symlink_to(outside)
    assert trees.disk_usage(host, 42) is None


def test_a_document_root_is_made_with_its_first_page(host):
    assert trees.make_document_root(host, 42, 7, ("httpdocs", "public"), b"page")
    assert (host.platform.homes / "s42/httpdocs/public/index.html").read_bytes() == b"page"
    assert [path.name for path in host.platform.homes.iterdir()] == ["s42"]


def test_a_document_root_that_is_there_stays_as_it_is(host, home):
    (home / "httpdocs").mkdir()
    calls = host.calls
    assert not trees.make_document_root(host, 42, 7, ("httpdocs",), b"page")
    assert list((home / "httpdocs").iterdir()) == []
    assert host.calls == calls


@pytest.mark.parametrize("place", ["httpdocs", "httpdocs/public"])
def test_a_link_on_the_way_to_a_document_root_is_refused(host, home, outside, place):
    (home / place).parent.mkdir(exist_ok=True)
    (home / place).symlink_to(outside)
    with pytest.raises(AgentError, match="symbolic link"):
        trees.make_document_root(host, 42, 7, ("httpdocs", "public", "deeper"), b"page")
    assert [path.name for path in outside.iterdir()] == ["inner"]


def test_a_file_in_place_of_a_document_root_is_refused(host, home):
    (home / "httpdocs").write_text("mine")
    with pytest.raises(AgentError, match="no directory"):
        trees.make_document_root(host, 42, 7, ("httpdocs",), b"page")
    assert (home / "httpdocs").read_text() == "mine"


@pytest.fixture
def real(tmp_path):
    """The production platform, in a directory of its own: a uid for each subscription."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    places = {name: tmp_path / name for name in ("node", "homes", "run", "logs", "users")}
    for place in places.values():
        place.mkdir()
    platform = debian(**places)
    return Host(platform.node, Runner(), platform)


def belongs(path):
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def test_everything_made_in_a_home_is_its_tenants(real):
    assert trees.make_document_root(real, 42, 7, ("httpdocs", "public"), b"page")
    uid, web = 10_000_042, real.platform.web_group
    homes = real.platform.homes
    assert belongs(homes / "s42") == (uid, web, 0o710)
    assert belongs(homes / "s42/httpdocs") == (uid, uid, 0o755)
    assert belongs(homes / "s42/httpdocs/public") == (uid, uid, 0o755)
    assert belongs(homes / "s42/httpdocs/public/index.html") == (uid, uid, 0o644)
    calls = real.calls
    assert not trees.make_home(real, 42)
    assert real.calls == calls


def test_a_home_of_the_wrong_owner_or_mode_is_brought_right_and_nothing_in_it(real, tmp_path):
    home, precious = real.platform.homes / "s42", tmp_path / "precious"
    home.mkdir(0o777)
    precious.write_text("of somebody else")
    os.link(precious, home / "hard")
    (home / "soft").symlink_to(precious)
    os.mkfifo(home / "pipe")
    (home / "inner").mkdir(0o700)
    before = {path: belongs(path) for path in [precious, *home.iterdir()]}
    found, wanted = trees.home_differs(real, 42)
    assert (found.uid, wanted.uid) == (0, 10_000_042)
    assert trees.make_home(real, 42)
    assert trees.home_differs(real, 42) is None
    assert belongs(home) == (10_000_042, real.platform.web_group, 0o710)
    assert {path: belongs(path) for path in before} == before


@pytest.mark.parametrize("there", ["link", "file"])
def test_what_is_no_directory_in_place_of_a_home_is_refused(real, tmp_path, there):
    home, outside = real.platform.homes / "s42", tmp_path / "outside"
    outside.mkdir()
    if there == "link":
        home.symlink_to(outside)
    else:
        home.write_text("x")
    before = belongs(outside)
    with pytest.raises(AgentError):
        trees.make_home(real, 42)
    assert belongs(outside) == before


def test_a_home_that_a_crash_left_half_made_is_made_whole(real):
    for last in range(1, 20):
        number = 100 + last
        host = DyingHost(real.root, real.runner, real.platform, last=last)
        try:
            trees.make_document_root(host, number, 7, ("httpdocs", "public"), b"page")
        except Died:
            pass
        else:
            break
        trees.discard_unfinished(real)
        trees.make_document_root(real, number, 7, ("httpdocs", "public"), b"page")
        home, uid = real.platform.homes / f"s{number}", 10_000_000 + number
        assert belongs(home) == (uid, real.platform.web_group, 0o710)
        inside = [path for path in home.rglob("*") if path.lstat().st_uid != uid]
        assert not inside
        assert (home / "httpdocs/public/index.html").read_bytes() == b"page"
    else:
        pytest.fail("it never ended")
