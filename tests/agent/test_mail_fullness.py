"""What mailboxes hold is read from the names of their letters, inside their tenant's tree."""

import os

import pytest

from hosting.agent.host import Host
from hosting.services.mail import driver_fullness


@pytest.fixture
def host(nginx):
    return Host(nginx.platform.node, nginx, nginx.platform)


def maildir(host, subscription, box):
    """Make an empty one."""
    place = host.platform.homes / f"s{subscription}" / "mail" / str(box) / "Maildir"
    for name in ("cur", "new", "tmp"):
        (place / name).mkdir(parents=True)
    return place


def used(host, *boxes, subscription=42):
    return driver_fullness.used(host, subscription, boxes)


def test_letters_of_all_folders_count_as_dovecot_counts_them(host):
    place = maildir(host, 42, 7)
    (place / "cur" / "1.M1P1.host,S=1000,W=1020:2,S").write_bytes(b"")
    (place / "new" / "2.M1P1.host,S=500").write_bytes(b"")
    (place / "tmp" / "3.M1P1.host,S=9000").write_bytes(b"")
    for name in ("cur", "new"):
        (place / ".Sent.2026" / name).mkdir(parents=True)
    (place / ".Sent.2026" / "cur" / "4.M1P1.host:2,S").write_bytes(b"x" * 30)
    (place / "dovecot.index.log").write_bytes(b"x" * 700)
    neighbour = maildir(host, 43, 8)
    (neighbour / "cur" / "5.M1P1.host,S=77,W=80:2,").write_bytes(b"")
    assert used(host, 7) == {7: 1020 + 500 + 30}
    assert used(host, 8, subscription=43) == {8: 80}


def test_what_nothing_came_to_holds_nothing(host):
    maildir(host, 42, 7)
    assert used(host, 7, 8) == {7: 0, 8: 0}


@pytest.mark.parametrize("level", range(4))
def test_no_link_leads_to_a_neighbour_s_letters(host, level):
    place = maildir(host, 42, 7)
    neighbour = maildir(host, 43, 8)
    (neighbour / "cur" / "5.M1P1.host,S=77,W=80:2,").write_bytes(b"")
    link = (place / "cur", place, place.parent, place.parent.parent)[level]
    target = (neighbour / "cur", neighbour, neighbour.parent, neighbour.parent.parent)[level]
    link.rename(link.with_name("aside"))
    link.symlink_to(target)
    assert used(host, 7) == {}


def test_a_folder_that_is_a_link_is_none(host):
    place = maildir(host, 42, 7)
    neighbour = maildir(host, 43, 8)
    (neighbour / "cur" / "5.M1P1.host,S=77,W=80:2,").write_bytes(b"")
    (place / ".Theirs").symlink_to(neighbour)
    assert used(host, 7) == {7: 0}


def test_names_that_claim_too_much_neither_overflow_nor_fail(host):
    place = maildir(host, 42, 7)
    (place / "cur" / f"x,W={'9' * 16}").write_bytes(b"xx")
    (place / "cur" / "y,W=-5,S=").write_bytes(b"x")
    os.mkfifo(place / "cur" / "pipe")
    assert used(host, 7) == {7: 3}
    for number in range(1500):
        (place / "cur" / f"{number}.M1P1.host,S=1,W={'9' * 15}:2,S").write_bytes(b"")
    assert used(host, 7) == {7: 2**60}
