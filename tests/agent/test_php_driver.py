"""The PHP driver on a stand-in for php-fpm: differences, the one at fault, shards, every crash."""

from dataclasses import replace

import pytest

from hosting.services.php import driver_masters
from hosting.services.php.driver_pools import owner_of
from tests.agent import fpm as fakes
from tests.agent.fpm import Agent, Died, site, subscription


@pytest.fixture(autouse=True)
def _unowned(monkeypatch):
    """Homes are as they are: whose they are is proved as root, in the system tests."""
    monkeypatch.setattr("hosting.agent.trees._wanted", lambda *_given: None)


@pytest.fixture
def fpm(tmp_path):
    return fakes.node(tmp_path / "node", "8.2", "8.4")


@pytest.fixture
def agent(fpm):
    agent = Agent(fpm)
    agent.applier.settle()
    return agent


def new_pool(agent, wanted):
    """The pool that this would bring."""
    changes = agent.applier.plan([wanted])["plans"][0]["changes"]
    prefix = f"php/s{wanted['id']}-"
    found = [one["what"] for one in changes if one["after"] and one["what"].startswith(prefix)]
    return found[0].removeprefix("php/")


def failed(results):
    return {number: line["message"] for number, line in results.items() if not line["ok"]}


def test_a_pool_for_each_subscription_version_and_set_of_settings(fpm, agent):
    results, done = agent.desired(
        subscription(42, 1, site(7), site(8), site(9, memory_limit=64), site(10, "8.2")),
        subscription(43, 1, site(11)),
    )
    assert not failed(results)
    assert fpm.answering("s42-7") == fpm.answering("s42-8")
    assert len({fpm.answering(key) for key in ("s42-7", "s42-9", "s42-10", "s43-11")}) == 4
    assert len(fpm.pools()) == 4
    one = fpm.pools()[fpm.answering("s42-9")]
    assert one["php_admin_value[memory_limit]"] == "64M"
    assert one["user"] == one["group"] == "10000042"
    assert one["php_admin_value[open_basedir]"] == f"{fpm.platform.homes}/s42/"
    # The newest is 8.4: two masters, each begun once.
    assert (len(fpm.masters), done["reloads"]) == (2, 2)


def test_a_second_time_nothing_is_written_and_nothing_reloaded(fpm, agent):
    wanted = [subscription(42, 1, site(7)), subscription(43, 1, site(11, memory_limit=99))]
    agent.desired(*wanted)
    calls, checks = agent.host.calls, fpm.checks
    _results, done = agent.desired(*wanted)
    assert done == {"done": True, "reloads": 0, "changed": 0}
    assert (agent.host.calls, fpm.checks) == (calls, checks)
    assert agent.applier.plan(wanted)["plans"] == [
        {"subscription": number, "service": "php", "changes": []} for number in (42, 43)
    ]


def test_one_change_of_many_is_one_reload_and_the_old_pool_goes_with_the_next(fpm, agent):
    agent.desired(subscription(42, 1, site(7)), subscription(43, 1, site(11)))
    old = fpm.answering("s42-7")
    _results, done = agent.desired(
        subscription(42, 2, site(7, memory_limit=9)), subscription(43, 2, site(11))
    )
    assert (done["reloads"], done["changed"]) == (1, 1)
    assert fpm.answering("s42-7") not in {old, "dead", None}
    # A request may still be on its way to it.
    assert old in fpm.pools()
    assert (
        agent.applier.plan([subscription(42, 2, site(7, memory_limit=9))])["plans"][0]["changes"]
        == []
    )
    agent.desired(subscription(43, 3, site(11, memory_limit=9)))
    assert old not in fpm.pools()
    assert not (fpm.platform.run / "php" / "pools" / old).exists()


def test_the_one_at_fault_fails_alone_with_php_fpms_words_and_stays_as_it_was(fpm, agent):
    first = [subscription(number, 1, site(number)) for number in range(1, 9)]
    agent.desired(*first)
    before = fpm.answering("s5-5")
    wanted = [subscription(number, 2, site(number, memory_limit=77)) for number in range(1, 9)]
    fpm.refused.add(new_pool(agent, wanted[4]))
    results, _done = agent.desired(*wanted)
    assert list(failed(results)) == [5]
    assert "is not liked" in failed(results)[5]
    limits = {
        number: fpm.pools()[fpm.answering(f"s{number}-{number}")]["php_admin_value[memory_limit]"]
        for number in range(1, 9)
        if number != 5
    }
    assert set(limits.values()) == {"77M"}
    assert fpm.answering("s5-5") == before
    fpm.refused.clear()
    results, _done = agent.desired(subscription(5, 3, site(5, memory_limit=77)))
    assert not failed(results)
    assert fpm.answering("s5-5") != before


def test_one_that_does_not_answer_is_put_back_and_the_others_are_not(fpm, agent):
    agent.desired(*(subscription(number, 1, site(number)) for number in (1, 2, 3)))
    kept = fpm.answering("s2-2")
    wanted = [subscription(n, 2, site(n, memory_limit=77)) for n in (1, 2, 3)]
    fpm.silent.add(new_pool(agent, wanted[1]))
    results, _done = agent.desired(*wanted)
    assert list(failed(results)) == [2]
    assert fpm.answering("s2-2") == kept
    assert {fpm.answering(f"s{n}-{n}") for n in (1, 3)}.isdisjoint({"dead", None, kept})


def test_a_version_that_is_not_here_is_refused_and_says_what_is(fpm, agent):
    results, _done = agent.desired(
        subscription(42, 1, site(7, "7.4")), subscription(43, 1, site(8))
    )
    assert failed(results) == {42: "PHP 7.4 is not installed on this node. It has: 8.2, 8.4."}
    assert fpm.answering("s43-8")
    assert fpm.answering("s42-7") is None


def test_off_removed_and_gone_leave_nothing(fpm, agent):
    agent.desired(*(subscription(number, 1, site(number)) for number in (1, 2, 3)))
    gone = [fpm.answering(f"s{number}-{number}") for number in (1, 2)]
    _results, done = agent.desired(subscription(1, 2), subscription(2, 2, present=False))
    assert done["reloads"] == 1
    assert [fpm.answering(f"s{number}-{number}") for number in (1, 2)] == [None, None]
    assert list(fpm.pools()) == [fpm.answering("s3-3")]
    left = [path.name for path in (fpm.platform.run / "php").rglob("*")]
    assert not {*gone, "s1-1", "s2-2"} & set(left)


def test_the_last_pool_goes_and_its_master_lives_until_the_next_start(fpm, agent):
    agent.desired(subscription(1, 1, site(1)))
    agent.desired(subscription(1, 2))
    assert (len(fpm.masters), fpm.pools()) == (1, {})
    assert agent.driver.problem() is None
    again = Agent(fpm)
    again.applier.settle()
    assert not fpm.masters
    assert not list((fpm.platform.node / "php").iterdir())


def test_a_master_has_so_many_pools_and_no_more(fpm, agent, monkeypatch):
    monkeypatch.setattr("hosting.services.php.driver_shards.MOST_POOLS", 3)
    results, done = agent.desired(*(subscription(n, 1, site(n)) for n in range(1, 8)))
    assert not failed(results)
    sizes = sorted(
        sum(owner_of(name) is not None for name in pools) for *_rest, pools in fpm.masters.values()
    )
    assert (sizes, done["reloads"]) == ([1, 3, 3], 3)
    # All that change at once stay where they are, beside what they leave until the next reload.
    results, done = agent.desired(*(subscription(n, 2, site(n, memory_limit=9)) for n in (1, 2, 3)))
    assert (not failed(results), done["reloads"], len(fpm.masters)) == (True, 1, 3)
    # What changes stays among its own; others are not disturbed.
    _results, done = agent.desired(subscription(1, 3, site(1)), subscription(7, 2, site(7, "8.2")))
    assert done["reloads"] == 1
    again = Agent(fpm)
    again.applier.settle()
    assert {fpm.answering(f"s{n}-{n}") for n in range(1, 8)}.isdisjoint({"dead", None})


def test_what_somebody_changed_by_hand_is_shown_and_overwritten(fpm, agent):
    wanted = subscription(42, 1, site(7))
    agent.desired(wanted, subscription(43, 1, site(8)))
    (master,) = agent.driver.shards.all()
    master.conf.write_text(master.text().replace('"128M"', '"640M"', 1))
    (fpm.platform.run / "php" / "s42-7").unlink()
    (plan,) = agent.applier.plan([wanted])["plans"]
    shown = {one["what"]: one for one in plan["changes"]}
    name = next(iter(shown)).removeprefix("php/")
    assert 'php_admin_value[memory_limit] = "640M"' in shown[f"php/{name}"]["before"]
    assert shown["run/php/s42-7"]["after"] == [f"pools/{name}"]
    _results, done = agent.desired(wanted)
    assert done["reloads"] == 1
    assert '"640M"' not in master.text()
    assert fpm.answering("s42-7") == name


def test_a_version_that_goes_takes_its_pools_along_and_is_told(fpm, agent, tmp_path):
    agent.desired(subscription(42, 1, site(7, "8.2")), subscription(43, 1, site(8)))
    programs = {k: v for k, v in fpm.platform.programs.items() if k != "php-fpm8.2"}
    fpm.platform = replace(fpm.platform, programs=programs)
    again = Agent(fpm)
    again.applier.settle()
    assert again.driver.offers() == {"versions": ["8.4"]}
    assert "PHP 8.2 is not installed on this node" in again.driver.problem()
    assert fpm.answering("s42-7") is None
    assert fpm.answering("s43-8") not in {None, "dead"}
    assert len(fpm.masters) == 1


def test_an_agent_that_starts_again_finds_what_serves_and_changes_nothing(fpm, agent):
    agent.desired(subscription(42, 1, site(7)), subscription(43, 1, site(8)))
    masters = set(fpm.masters)
    again = Agent(fpm)
    again.applier.settle()
    assert (set(fpm.masters), fpm.reloads, again.host.calls) == (masters, 0, 0)


def test_after_the_power_was_lost_everything_comes_back(fpm, agent):
    agent.desired(subscription(42, 1, site(7)), subscription(43, 1, site(8)))
    fpm.masters.clear()
    for path in sorted((fpm.platform.run / "php").rglob("*"), reverse=True):
        path.unlink() if path.is_symlink() or path.is_file() else path.rmdir()
    again = Agent(fpm)
    again.applier.settle()
    assert {fpm.answering(key) for key in ("s42-7", "s43-8")}.isdisjoint({"dead", None})


def states(fpm):
    return {key: fpm.answering(key) for key in ("s1-1", "s2-2", "s3-3", "s4-4")}


FIRST = [subscription(number, 1, site(number)) for number in (1, 2, 3)]
SECOND = [
    subscription(1, 2, site(1, memory_limit=77)),
    subscription(2, 2, present=False),
    subscription(3, 2, site(3)),
    subscription(4, 2, site(4, "8.2")),
]


def test_whatever_call_the_agent_dies_at_the_old_or_the_new_serves_and_the_next_completes_it(
    tmp_path,
):
    last, died = 1, True
    while died:
        fpm = fakes.node(tmp_path / str(last), "8.2", "8.4")
        agent = Agent(fpm)
        agent.applier.settle()
        agent.desired(*FIRST)
        old = states(fpm)
        died = False
        mortal = Agent(fpm, last=last)
        try:
            mortal.applier.settle()
            mortal.desired(*SECOND)
        except Died:
            died = True
        between = states(fpm)
        # The neighbour never notices; what changed is the old one or the new, never half of it.
        assert between["s3-3"] == old["s3-3"], last
        assert "dead" not in between.values(), last
        again = Agent(fpm)
        again.applier.settle()
        results, _done = again.desired(*SECOND)
        assert not failed(results), last
        found = states(fpm)
        assert found["s3-3"] == old["s3-3"]
        assert found["s2-2"] is None
        assert found["s1-1"] not in {old["s1-1"], None, "dead"}
        assert found["s4-4"] not in {None, "dead"}
        _results, done = again.desired(*SECOND)
        assert (done["reloads"], done["changed"]) == (0, 0)
        last += 1
    assert last > 15
    assert driver_masters.MOST_POOLS <= 500
