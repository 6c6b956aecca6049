"""The disk is full from the agent's first, second, third, ... call that needs space onwards.

Each name is then served as before or as asked for, whoever fails is told why, and the same agent
completes it once there is space again: nobody has to start it anew.
"""

import errno
import os

import pytest

from hosting.agent.protocol import AgentError
from tests.agent import test_crash_certificates as certificates
from tests.agent.fakes import Agent, node, site, subscription
from tests.agent.full import WORDS, FullHost, said
from tests.agent.test_crash import STEPS, disk, prepared, views


@pytest.mark.parametrize("step", STEPS)
def test_a_disk_that_fills_up_anywhere_leaves_the_old_or_the_new_and_is_completed(tmp_path, step):
    act = STEPS[step]
    reference = prepared(tmp_path / "reference")
    old = views(reference)
    untouched = Agent(reference)
    untouched.applier.settle()
    act(untouched)
    new, kept = views(reference), disk(reference)
    assert old != new
    # Whoever is removed is shut first, so that nobody sees a half-removed site.
    also = {(503, None)} if step == "removed" else set()
    room, refused = -1, 1
    while refused:
        room += 1
        nginx = prepared(tmp_path / str(room))
        host = FullHost(nginx.platform.node, nginx, nginx.platform)
        agent = Agent(nginx, host)
        agent.applier.settle()
        host.room = room
        words = said(lambda: act(agent))  # noqa: B023  it is asked at once
        refused = host.refused
        assert not refused or any(each in words for each in WORDS), (room, words)
        for name, seen in views(nginx).items():
            assert seen in {old[name], new[name]} | also, (room, name)
        host.room = None
        act(agent)
        agent.applier.sweep()
        assert views(nginx) == new, room
        assert disk(nginx) == kept, room
    assert room > 0


@pytest.mark.parametrize("step", certificates.STEPS)
def test_a_disk_that_fills_up_anywhere_leaves_no_half_certificate(tmp_path, step):
    """Whoever adds is told why and completed later; the neighbour keeps what it has."""
    before, after = certificates.STEPS[step]
    reference = certificates.prepared(tmp_path / "reference", before)
    old = certificates.kept(reference)
    untouched = Agent(reference)
    untouched.applier.settle()
    untouched.desired(after)
    new = certificates.kept(reference)
    room, refused = -1, 1
    while refused:
        room += 1
        nginx = certificates.prepared(tmp_path / str(room), before)
        host = FullHost(nginx.platform.node, nginx, nginx.platform)
        agent = Agent(nginx, host)
        agent.applier.settle()
        host.room = room
        words = said(lambda: agent.desired(after))  # noqa: B023  it is asked at once
        refused = host.refused
        assert not refused or any(each in words for each in WORDS), (room, words)
        assert certificates.is_whole(nginx), room
        found = certificates.kept(nginx)
        assert certificates.of_bert(found) == certificates.of_bert(old), room
        assert nginx.answer("bert.example")[0] == 200
        host.room = None
        agent.desired(after)
        assert certificates.kept(nginx) == new, room
    assert room > 0


class WithoutRecords(FullHost):
    """Where a directory has room for a name, and the records' log has none for a line."""

    def changing(self, what, subject):
        if what == "commit":
            super().changing(what, subject)


def test_on_a_full_disk_whoever_is_to_be_shut_is_shut_and_nobody_is_opened(tmp_path):
    nginx = node(tmp_path / "node")
    host = WithoutRecords(nginx.platform.node, nginx, nginx.platform)
    agent = Agent(nginx, host)
    agent.applier.settle()
    names = [f"{name}.example" for name in ("anna", "bert", "nora")]
    agent.desired(*(subscription(42 + at, 1, site(7 + at, name)) for at, name in enumerate(names)))
    agent.switch((43, 2, "shut"))
    served = [nginx.answer(name)[0] for name in names]
    assert served == [200, 503, 200]
    host.room = 0
    with pytest.raises(AgentError, match="full"):
        agent.switch((42, 2, "shut"), (43, 3, "open"))
    assert [nginx.answer(name)[0] for name in names] == [503, 503, 200]
    # Whoever asked has heard that, asks again, and is told when it holds.
    host.room = None
    assert agent.switch((42, 2, "shut"), (43, 3, "open"))["switched"] == [42, 43]
    assert [nginx.answer(name)[0] for name in names] == [503, 200, 200]
    Agent(nginx).applier.settle()
    assert [nginx.answer(name)[0] for name in names] == [503, 200, 200]


def test_one_that_cannot_be_marked_keeps_no_other_open(tmp_path, monkeypatch):
    nginx = node(tmp_path / "node")
    agent = Agent(nginx)
    agent.applier.settle()
    names = [f"{name}.example" for name in ("anna", "bert", "nora")]
    agent.desired(*(subscription(42 + at, 1, site(7 + at, name)) for at, name in enumerate(names)))
    mark = agent.web._places.mark

    def refuse_anna(key, is_shut):
        if key == "s42":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        mark(key, is_shut)

    monkeypatch.setattr(agent.web._places, "mark", refuse_anna)
    with pytest.raises(AgentError, match="No space"):
        agent.switch((42, 2, "shut"), (43, 2, "shut"))
    assert [nginx.answer(name)[0] for name in names] == [200, 503, 200]
