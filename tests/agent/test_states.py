"""Open, limited, shut: each service keeps open what it may; and what drivers say of themselves."""

import os
import pwd

import pytest

from hosting.agent.apply import Applier
from hosting.agent.driver import Driver, Result
from hosting.agent.host import Host
from hosting.agent.platform import FIRST_UID, debian
from hosting.agent.protocol import AgentError
from tests.agent.fakes import node, site, subscription


class Recording(Driver[object]):
    """Remembers what it was told."""

    def __init__(self, service, serves_limited):
        self.service = service
        self.serves_limited = serves_limited
        self.shut = set()

    def parse(self, value):
        return value

    def settle(self, applied, shut):
        self.shut = set(shut)

    def switch(self, shut, opened):
        self.shut = (self.shut | set(shut)) - set(opened)

    def plan(self, wanted):
        return {number: [] for number in wanted}

    def apply(self, wanted):
        return Result()

    def problem(self):
        return None

    def watch(self):
        pass

    def stop(self):
        pass

    def offers(self):
        return {"versions": ["1.0"]}

    def measure(self, numbers):
        return {"disk": {numbers[0]: 5000}}

    def traffic(self, numbers, since):
        return {"2026-11-05": dict.fromkeys(numbers, 100)} if since <= "2026-11-05" else {}


@pytest.fixture
def host(tmp_path):
    nginx = node(tmp_path)
    return Host(nginx.platform.node, nginx, nginx.platform)


@pytest.fixture
def sites():
    return Recording("sites", serves_limited=False)


@pytest.fixture
def shell():
    return Recording("shell", serves_limited=True)


@pytest.fixture
def applier(host, sites, shell):
    return Applier(host, [sites, shell])


def test_the_overused_keep_what_lets_them_reduce_and_a_neighbour_keeps_all(applier, sites, shell):
    applier.switch([(42, 1, "limited"), (43, 1, "open")])
    assert (sites.shut, shell.shut) == ({42}, set())
    applier.switch([(42, 2, "shut")])
    assert (sites.shut, shell.shut) == ({42}, {42})
    applier.switch([(42, 3, "limited")])
    assert (sites.shut, shell.shut) == ({42}, set())
    applier.switch([(42, 4, "open")])
    assert (sites.shut, shell.shut) == (set(), set())


def test_a_service_that_cannot_shut_keeps_no_other_one_open(applier, sites, shell, monkeypatch):
    """The worker is told, and asks again; what could be shut is."""

    def full(shut, opened):
        raise OSError("no space left")

    monkeypatch.setattr(sites, "switch", full)
    with pytest.raises(AgentError, match="no space left"):
        applier.switch([(42, 1, "shut")])
    assert (sites.shut, shell.shut) == (set(), {42})
    monkeypatch.undo()
    assert applier.switch([(42, 1, "shut"), (43, 1, "open")])["switched"] == [42, 43]
    assert (sites.shut, shell.shut) == ({42}, {42})


def test_a_new_agent_finds_each_state_again(applier, host):
    applier.switch([(42, 1, "limited"), (43, 1, "shut"), (44, 1, "open")])
    sites, shell = Recording("sites", False), Recording("shell", True)
    Applier(host, [sites, shell]).settle()
    assert (sites.shut, shell.shut) == ({42, 43}, {43})


def test_hello_says_what_each_service_offers(applier):
    assert applier.hello(False)["services"] == {
        "sites": {"versions": ["1.0"]},
        "shell": {"versions": ["1.0"]},
    }


def test_figures_of_several_drivers_are_added_up(applier):
    disk = {"disk": {"42": 10_000, "43": 0}}
    traffic = {"traffic 2026-11-05": {"42": 200, "43": 200}}
    assert applier.measure([42, 43])["figures"] == disk
    assert applier.measure([42, 43], "2026-11-05")["figures"] == disk | traffic
    assert applier.measure([42, 43], "2026-11-06")["figures"] == disk


def test_nobody_s_files_are_given_away_where_one_uid_is_everybody_s(host, tmp_path):
    descriptor = os.open(tmp_path, os.O_PATH)
    before = tmp_path.stat().st_uid
    assert host.own(descriptor, 12345, 12345) is False
    os.close(descriptor)
    assert (tmp_path.stat().st_uid, host.platform.uid_of(42)) == (before, None)


def test_on_debian_each_subscription_has_a_uid_of_its_own(tmp_path):
    try:
        group = pwd.getpwnam("www-data").pw_gid
    except KeyError:
        pytest.skip("there is no www-data here")
    platform = debian(tmp_path / "node", tmp_path / "homes", sites_port=8480)
    assert (platform.uid_of(42), platform.uid_of(43)) == (FIRST_UID + 42, FIRST_UID + 43)
    assert (platform.web_group, platform.isolates) == (group, True)
    assert platform.run.as_posix() == os.path.realpath("/run/freehold")


def test_nothing_matches_by_the_beginning_of_a_number_or_of_a_name(agent, nginx):
    """4 is not 42, and anna.example not anna.example.org, whatever becomes of the shorter one."""
    longer = ("anna.example.org", "shop-anna.example", "anna.examples")
    others = [subscription(n, 1, site(n, name)) for n, name in zip((42, 420, 14), longer, strict=1)]
    short = site(4, "anna.example", redirects=["old.example"])
    agent.desired(subscription(4, 1, short), *others)
    for generation, (state, present) in enumerate((("shut", True), ("open", False)), start=2):
        agent.desired(subscription(4, generation, short, state=state, present=present))
        assert nginx.answer("anna.example")[0] == (503 if present else 404)
        assert [nginx.answer(name)[0] for name in longer] == [200, 200, 200]
    homes = {home.name for home in nginx.platform.homes.iterdir()}
    assert {"s42", "s420", "s14"} <= homes
    assert "s4" not in homes
