"""The agent dies at its first, second, third, ... mutating call, until it lives through all.

Wherever it dies, what nginx serves meanwhile, and what it would serve after a power cut, is the
old or the new for each name; and the next agent completes it.
"""

import pytest

from tests.agent.fakes import Agent, Died, DyingHost, node, site, subscription

ANNA = site(7, "anna.example", redirects=["old.example"])
BERT = site(8, "bert.example")
CARL = site(9, "carl.example", root="httpdocs/public")
BEFORE = [subscription(42, 7, ANNA), subscription(43, 3, BERT)]
NAMES = ["anna.example", "old.example", "bert.example", "carl.example", "new.example"]


def desired(*some):
    return lambda agent: agent.desired(*some)


def switch(*items):
    return lambda agent: agent.switch(*items)


STEPS = {
    "a new subscription": desired(subscription(44, 1, CARL)),
    "a new name": desired(subscription(42, 8, ANNA | {"names": ["anna.example", "new.example"]})),
    "another document root": desired(subscription(42, 8, ANNA | {"document_root": "public"})),
    "a site suspended": desired(subscription(42, 8, ANNA | {"state": "suspended"})),
    "a site disabled": desired(subscription(42, 8, ANNA | {"state": "disabled"})),
    "a site that forwards": desired(
        subscription(
            42, 8, site(7, "anna.example", forward={"to": "https://new.example", "code": 302})
        )
    ),
    "a name that moves": desired(subscription(42, 8, CARL), subscription(43, 4, ANNA)),
    "shut": switch((42, 8, "shut"), (43, 4, "shut")),
    "shut with its state": desired(subscription(42, 8, ANNA, state="shut")),
    "removed": desired(subscription(42, 8, present=False)),
    "one at fault": desired(
        subscription(42, 8, site(7, "poison.example")), subscription(44, 1, CARL)
    ),
}


def views(nginx):
    return {name: nginx.answer(name) for name in NAMES}


def prepared(directory):
    nginx = node(directory)
    agent = Agent(nginx)
    agent.applier.settle()
    agent.desired(*BEFORE)
    nginx.refused_names = {"poison.example"}
    return nginx


def disk(nginx):
    """Return everything that the agent keeps, but for the serial numbers of configurations."""
    web = nginx.platform.web
    found = {}
    for directory in (web / "sites", web / "susp", nginx.platform.homes):
        for path in sorted(directory.rglob("*")):
            found[str(path)] = path.readlink() if path.is_symlink() else path.is_dir()
    # Where what is removed is emptied: it may stay, but nothing in it.
    assert not list(nginx.platform.homes.glob(".gone/*"))
    found.pop(str(nginx.platform.homes / ".gone"), None)
    assert len(list((web / "conf").iterdir())) == 1
    for name in ("nginx.conf", "hosts.map", "redirects.map", "temporary.map", "sizes.conf"):
        found[name] = (web / "current" / name).read_text()
    node_path = str(nginx.platform.node)
    return {
        name.replace(node_path, ""): str(what).replace(node_path, "")
        for name, what in found.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("loses_power", [False, True], ids=["killed", "power cut"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_anywhere_leaves_the_old_or_the_new_and_is_completed(tmp_path, step, loses_power):
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
    last = deaths = 0
    while deaths == last:
        last += 1
        nginx = prepared(tmp_path / str(last))
        host = DyingHost(nginx.platform.node, nginx, nginx.platform, last=last)
        try:
            dying = Agent(nginx, host)
            dying.applier.settle()
            act(dying)
        except Died:
            deaths += 1
        if loses_power:
            nginx.lose_power()
        for name, seen in views(nginx).items():
            assert seen in {old[name], new[name]} | also, (last, name)
        heir = Agent(nginx)
        heir.applier.settle()
        for name, seen in views(nginx).items():
            assert seen in {old[name], new[name]} | also, (last, name)
        act(heir)
        heir.applier.sweep()
        assert views(nginx) == new
        assert disk(nginx) == kept
        heir.host.calls = 0
        act(heir)
        assert heir.host.calls == 0 or step == "one at fault"
    assert deaths > 1


def test_a_crash_while_settling_is_completed_by_the_next_agent(tmp_path):
    last, died = 0, True
    while died:
        last += 1
        nginx = node(tmp_path / str(last))
        host = DyingHost(nginx.platform.node, nginx, nginx.platform, last=last)
        try:
            Agent(nginx, host).applier.settle()
            died = False
        except Died:
            pass
        heir = Agent(nginx)
        heir.applier.settle()
        heir.desired(*BEFORE)
        assert nginx.answer("anna.example")[0] == 200
    assert last > 10


def test_what_was_shut_is_shut_after_every_crash_that_follows(tmp_path):
    """Twin of the above for the promise that matters most: no restart opens what was shut."""
    act = STEPS["a new name"]
    for last in range(1, 200):
        nginx = prepared(tmp_path / str(last))
        Agent(nginx).switch((43, 4, "shut"))
        host = DyingHost(nginx.platform.node, nginx, nginx.platform, last=last)
        try:
            dying = Agent(nginx, host)
            dying.applier.settle()
            act(dying)
            return
        except Died:
            nginx.lose_power()
        assert nginx.answer("bert.example") == (503, None)
        Agent(nginx).applier.settle()
        assert nginx.answer("bert.example") == (503, None)
    raise AssertionError("it never lived through")
