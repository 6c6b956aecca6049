"""Desired in, difference out: what changes, what does not, and who is told why."""

import pytest

from hosting.agent import protocol
from tests.agent.fakes import Agent, site, subscription

ANNA = site(7, "anna.example", "www.anna.example", redirects=["old.example"])
BERT = site(8, "bert.example")


def serves(nginx, name):
    return nginx.answer(name)[0]


def test_a_new_site_serves_with_one_reload(agent, nginx):
    results, total = agent.desired(subscription(42, 7, ANNA))
    assert results[42] == {"subscription": 42, "generation": 7, "service": "web", "ok": True}
    assert total == {"done": True, "reloads": 1, "changed": 1}
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")
    assert nginx.answer("old.example") == (301, "http://anna.example:8480/")
    assert serves(nginx, "nobody.example") == 404


def test_a_batch_is_one_reload_whatever_its_size(agent, nginx):
    some = [subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 101)]
    _, total = agent.desired(*some)
    assert total == {"done": True, "reloads": 1, "changed": 100}
    assert (nginx.reloads, nginx.checks) == (1, 2)


def test_applying_again_changes_nothing(agent, nginx):
    wanted = [
        subscription(42, 7, ANNA, site(9, "shut.example", state="suspended")),
        subscription(43, 1, BERT, state="shut"),
        subscription(44, 1, present=False),
    ]
    agent.desired(*wanted)
    calls, reloads = agent.host.calls, nginx.reloads
    results, total = agent.desired(*wanted)
    assert all(line["ok"] for line in results.values())
    assert total == {"done": True, "reloads": 0, "changed": 0}
    assert (agent.host.calls, nginx.reloads) == (calls, reloads)


def test_a_restart_changes_nothing_either(agent, nginx):
    agent.desired(subscription(42, 7, ANNA), subscription(43, 1, BERT, state="shut"))
    again = Agent(nginx)
    again.applier.settle()
    assert again.host.calls == 0
    assert serves(nginx, "anna.example") == 200
    assert serves(nginx, "bert.example") == 503


def test_an_older_generation_is_stale_and_undoes_nothing(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    calls = agent.host.calls
    results, total = agent.desired(subscription(42, 6, BERT), subscription(42, 6, present=False))
    assert results[42]["kind"] == "stale"
    assert total == {"done": True, "reloads": 0, "changed": 0}
    assert agent.host.calls == calls
    assert serves(nginx, "anna.example") == 200


def test_what_was_switched_is_stale_for_older_states_after_a_restart_too(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    assert agent.switch((42, 8, "shut")) == {"ok": True, "switched": [42], "stale": []}
    assert serves(nginx, "anna.example") == 503
    again = Agent(nginx)
    again.applier.settle()
    results, _ = again.desired(subscription(42, 7, ANNA))
    assert results[42]["kind"] == "stale"
    assert again.switch((42, 7, "open")) == {"ok": True, "switched": [], "stale": [42]}
    assert serves(nginx, "anna.example") == 503
    assert again.switch((42, 9, "open"))["switched"] == [42]
    assert serves(nginx, "anna.example") == 200


def test_switching_touches_marks_alone(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    checks, reloads, calls = nginx.checks, nginx.reloads, agent.host.calls
    agent.switch((42, 8, "shut"))
    assert (nginx.checks, nginx.reloads) == (checks, reloads)
    assert agent.host.calls == calls + 2  # the records, and the mark
    agent.switch((42, 8, "shut"))
    assert agent.host.calls == calls + 2


def test_many_are_switched_as_one_is(agent, nginx):
    agent.desired(*[subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 301)])
    answer = agent.switch(
        *[(n, 2, "open" if n % 2 == 0 else "shut") for n in range(1, 301)], (5, 1, "open")
    )
    assert (len(answer["switched"]), answer["stale"]) == (300, [5])
    assert [serves(nginx, f"s{n}.example") for n in (1, 2, 3, 300)] == [503, 200, 503, 200]


def test_what_is_switched_before_it_is_known_is_shut_from_its_first_moment(agent, nginx):
    agent.switch((42, 7, "shut"))
    agent.desired(subscription(42, 7, ANNA, state="shut"))
    assert serves(nginx, "anna.example") == 503


def test_a_shut_subscription_does_not_redirect(agent, nginx):
    agent.desired(subscription(42, 7, ANNA, state="shut"))
    assert {serves(nginx, name) for name in ANNA["names"] + ANNA["redirects"]} == {503}


@pytest.mark.parametrize("code", [301, 302])
def test_a_site_forwards_is_shut_and_has_files_again(agent, nginx, code):
    agent.desired(subscription(42, 7, ANNA))
    forward = {"to": "https://new.example/", "code": code}
    away = site(7, "anna.example", redirects=["old.example"], forward=forward)
    agent.desired(subscription(42, 8, away))
    assert nginx.answer("anna.example", "/a") == (code, "https://new.example/")
    assert nginx.answer("old.example", "/a") == (301, "http://anna.example:8480/a")
    assert not (nginx.platform.web / "sites" / "s42-7").is_symlink()
    assert (nginx.platform.homes / "s42" / "httpdocs" / "index.html").exists()
    assert agent.desired(subscription(42, 8, away))[1]["changed"] == 0
    agent.switch((42, 9, "shut"))
    assert (serves(nginx, "anna.example"), serves(nginx, "old.example")) == (503, 503)
    agent.desired(subscription(42, 10, ANNA))
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")


def test_a_forward_that_does_not_come_into_force_leaves_the_site_as_it_was(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    nginx.refused_names = {"bad.example"}
    away = site(7, "bad.example", forward={"to": "https://new.example", "code": 301})
    assert not agent.desired(subscription(42, 8, away))[0][42]["ok"]
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")


def test_a_plan_says_how_much_a_connection_would_get(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    wanted = subscription(42, 8, ANNA)
    wanted["web"]["rate"] = 64
    plan = agent.applier.plan([wanted])["plans"][0]
    assert plan["changes"] == [{"what": "rates.map", "before": [], "after": ["s42 64k;"]}]
    agent.desired(wanted)
    assert agent.applier.plan([wanted])["plans"][0]["changes"] == []
    # One that has none is told apart from one that has.
    plan = agent.applier.plan([subscription(42, 9, ANNA)])["plans"][0]
    assert plan["changes"] == [{"what": "rates.map", "before": ["s42 64k;"], "after": []}]


def test_a_plan_says_where_a_site_would_lead(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    away = site(7, "anna.example", forward={"to": "https://new.example/", "code": 302})
    plan = agent.applier.plan([subscription(42, 8, away)])["plans"][0]
    changes = {each["what"]: each["after"] for each in plan["changes"]}
    assert changes["temporary.map"] == ['anna.example "https://new.example/";']
    assert changes["sites/s42-7"] == []


def test_a_suspended_site_is_shut_alone(agent, nginx):
    agent.desired(subscription(42, 7, ANNA | {"state": "suspended"}, BERT))
    assert (serves(nginx, "anna.example"), serves(nginx, "bert.example")) == (503, 200)
    _, total = agent.desired(subscription(42, 8, ANNA, BERT))
    assert total == {"done": True, "reloads": 0, "changed": 1}
    assert serves(nginx, "anna.example") == 200


def test_a_disabled_site_is_gone_and_its_files_are_not(agent, nginx):
    agent.desired(subscription(42, 7, ANNA, BERT))
    agent.desired(subscription(42, 8, ANNA | {"state": "disabled"}, BERT))
    assert (serves(nginx, "anna.example"), serves(nginx, "old.example")) == (404, 404)
    assert serves(nginx, "bert.example") == 200
    assert (nginx.platform.homes / "s42" / "httpdocs" / "index.html").exists()


def test_another_document_root_needs_no_reload(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    moved = ANNA | {"document_root": "httpdocs/public"}
    _, total = agent.desired(subscription(42, 8, moved))
    assert total == {"done": True, "reloads": 0, "changed": 1}
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs/public")


def test_one_that_is_unsound_holds_up_nobody_and_is_shut_all_the_same(agent, nginx):
    agent.desired(subscription(42, 7, ANNA), subscription(43, 1, BERT))
    unsound = subscription(42, 8, ANNA | {"document_root": "../s43"}, state="shut")
    results, total = agent.desired(unsound, subscription(44, 1, site(9, "carl.example")))
    assert (results[42]["kind"], results[44]["ok"]) == ("invalid", True)
    assert total["changed"] == 1
    assert serves(nginx, "anna.example") == 503
    assert serves(nginx, "carl.example") == 200
    assert agent.applier.hello(True)["applied"] == {"42": 7, "43": 1, "44": 1}


@pytest.mark.parametrize("value", [None, [], {}, 7, {"id": 5}, {"id": "5", "generation": 1}])
def test_what_is_no_subscription_is_answered_too(agent, value):
    lines = []
    agent.applier.desired([value], lines.append)
    assert [line.get("kind") for line in lines] == ["invalid", None]
    assert lines[-1] == {"done": True, "reloads": 0, "changed": 0}


def test_a_subscription_given_twice_is_invalid_the_second_time(agent):
    lines = []
    agent.applier.desired([subscription(42, 7, ANNA), subscription(42, 7, BERT)], lines.append)
    assert sorted(line["ok"] for line in lines[:-1]) == [False, True]


def test_a_name_that_belongs_to_another_is_refused(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    results, _ = agent.desired(
        subscription(43, 1, site(9, "anna.example")), subscription(44, 1, BERT)
    )
    assert results[43] | {"generation": 0} == {
        "subscription": 43,
        "generation": 0,
        "service": "web",
        "ok": False,
        "kind": "refused",
        "message": "anna.example belongs to subscription 42",
    }
    assert results[44]["ok"]
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")


def test_a_name_moves_to_another_subscription_in_one_batch(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    results, total = agent.desired(subscription(43, 1, ANNA | {"id": 9}), subscription(42, 8, BERT))
    assert results[42]["ok"]
    assert results[43]["ok"]
    assert total["reloads"] == 1
    assert nginx.answer("anna.example") == (200, "../../homes/s43/httpdocs")


def test_a_name_whose_owner_cannot_let_it_go_is_refused_too(agent, nginx):
    agent.desired(subscription(42, 7, ANNA), subscription(43, 1, BERT))
    results, _ = agent.desired(
        subscription(44, 1, site(10, "anna.example")),
        subscription(42, 8, site(7, "bert.example")),
    )
    assert [results[number]["kind"] for number in (42, 44)] == ["refused", "refused"]
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")
    assert nginx.answer("bert.example") == (200, "../../homes/s43/httpdocs")


def test_the_one_that_nginx_refuses_is_found_and_all_others_are_applied(agent, nginx):
    nginx.refused_names = {"s37.example"}
    results, total = agent.desired(
        *[subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 101)]
    )
    assert [n for n, line in results.items() if not line["ok"]] == [37]
    assert (results[37]["kind"], results[37]["message"]) == ("check", "cannot stand s37.example")
    assert total == {"done": True, "reloads": 1, "changed": 99}
    assert serves(nginx, "s37.example") == 404
    assert serves(nginx, "s100.example") == 200
    assert nginx.checks < 25


def test_two_at_fault_are_both_found(agent, nginx):
    nginx.refused_names = {"s1.example", "s64.example"}
    results, _ = agent.desired(
        *[subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 65)]
    )
    assert [n for n, line in results.items() if not line["ok"]] == [1, 64]


def test_a_change_that_fails_leaves_the_site_as_it_was(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    nginx.refused_names = {"new.example"}
    changed = site(7, "new.example", root="other", state="suspended")
    results, _ = agent.desired(subscription(42, 8, changed, site(8, "more.example")))
    assert results[42]["kind"] == "check"
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")
    assert {path.name for path in (nginx.platform.web / "sites").iterdir()} == {"s42-7"}
    assert list((nginx.platform.web / "susp").iterdir()) == []


def test_one_that_does_not_answer_is_put_back_and_all_others_are_applied(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    nginx.silent_names = {"s2.example"}
    results, _ = agent.desired(*[subscription(n, 1, site(n, f"s{n}.example")) for n in (1, 2, 3)])
    assert [results[n]["ok"] for n in (1, 2, 3)] == [True, False, True]
    assert results[2]["kind"] == "probe"
    assert (serves(nginx, "s2.example"), serves(nginx, "s3.example")) == (404, 200)
    assert serves(nginx, "anna.example") == 200


def test_when_nginx_refuses_everything_nobody_is_blamed_one_by_one(agent, nginx):
    nginx.is_broken = True
    some = [subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 65)]
    results, total = agent.desired(*some)
    assert {line["message"] for line in results.values()} == {"no space left"}
    assert nginx.checks < 5
    assert total["changed"] == 0
    nginx.is_broken = False
    assert all(line["ok"] for line in agent.desired(*some)[0].values())


def test_a_removed_subscription_is_gone_with_its_home_and_stays_gone(agent, nginx):
    agent.desired(subscription(42, 7, ANNA), subscription(43, 1, BERT))
    results, total = agent.desired(subscription(42, 8, present=False))
    assert results[42]["ok"]
    assert total == {"done": True, "reloads": 1, "changed": 1}
    assert serves(nginx, "anna.example") == 404
    assert [path.name for path in nginx.platform.homes.glob("s*")] == ["s43"]
    assert list((nginx.platform.homes / ".gone").iterdir()) == []
    assert list((nginx.platform.web / "susp").iterdir()) == []
    assert agent.desired(subscription(42, 7, ANNA))[0][42]["kind"] == "stale"
    agent.switch((42, 9, "shut"))
    assert list((nginx.platform.web / "susp").iterdir()) == []


def test_numbers_that_begin_alike_have_nothing_in_common(agent, nginx):
    agent.desired(*[subscription(n, 1, site(n, f"s{n}.example")) for n in (1, 11, 111)])
    agent.switch((1, 2, "shut"))
    assert [serves(nginx, f"s{n}.example") for n in (1, 11, 111)] == [503, 200, 200]
    agent.desired(subscription(1, 3, present=False))
    assert [serves(nginx, f"s{n}.example") for n in (1, 11, 111)] == [404, 200, 200]
    assert sorted(path.name for path in nginx.platform.homes.glob("s*")) == ["s11", "s111"]


def test_a_first_page_is_made_once_and_is_the_tenants_from_then_on(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    page = nginx.platform.homes / "s42" / "httpdocs" / "index.html"
    assert "anna.example" in page.read_text()
    page.unlink()
    agent.desired(subscription(42, 8, ANNA | {"title": "Anna"}))
    assert not page.exists()


def test_a_link_in_place_of_a_document_root_is_refused(agent, nginx, tmp_path):
    agent.desired(subscription(42, 7, ANNA))
    (nginx.platform.homes / "s42" / "trap").symlink_to(tmp_path)
    results, _ = agent.desired(
        subscription(42, 8, ANNA | {"document_root": "trap/inside"}), subscription(43, 1, BERT)
    )
    assert results[42]["kind"] == "refused"
    assert results[43]["ok"]
    assert not (tmp_path / "inside").exists()
    assert nginx.answer("anna.example") == (200, "../../homes/s42/httpdocs")


def test_a_plan_says_what_would_change_and_changes_nothing(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    calls = agent.host.calls
    moved = site(7, "anna.example", root="public", state="suspended")
    plans = agent.applier.plan([subscription(42, 8, moved), subscription(43, 1, present=False)])
    changes = {each["what"]: each for each in plans["plans"][0]["changes"]}
    assert changes["hosts.map"]["before"] == [
        "anna.example s42-7;",
        "www.anna.example s42-7;",
        "old.example s42-7;",
    ]
    assert changes["hosts.map"]["after"] == ["anna.example s42-7;"]
    assert changes["redirects.map"]["after"] == []
    assert changes["sites/s42-7"]["after"] == ["../../homes/s42/public"]
    assert changes["susp/s42-7"] == {"what": "susp/s42-7", "before": [], "after": ["shut"]}
    assert plans["plans"][1]["changes"] == []
    assert agent.host.calls == calls


def test_a_plan_shows_what_somebody_changed_by_hand_and_applying_overwrites_it(agent, nginx):
    agent.desired(subscription(42, 7, ANNA))
    hosts = nginx.platform.web / "current" / "hosts.map"
    hosts.write_text("anna.example s42-7;\nodd.example s42-7;\n")
    (change, *_) = agent.applier.plan([subscription(42, 7, ANNA)])["plans"][0]["changes"]
    assert "odd.example s42-7;" in change["before"]
    _, total = agent.desired(subscription(42, 7, ANNA))
    assert total["reloads"] == 1
    assert "odd.example" not in hosts.read_text()


def test_the_panels_words_are_never_taken_for_a_mark_that_was_switched_meanwhile(agent, nginx):
    """A switch that comes in while a batch is applied is kept, and so is its generation."""
    apply = agent.web.apply

    def meanwhile(wanted):
        agent.switch((42, 9, "shut"))
        return apply(wanted)

    agent.web.apply = meanwhile
    agent.desired(subscription(42, 8, ANNA))
    assert serves(nginx, "anna.example") == 503
    assert agent.switch((42, 8, "open"))["stale"] == [42]


def test_a_number_as_large_as_can_be_is_served_and_shut(agent, nginx):
    number = protocol.MAX_ID
    agent.desired(subscription(number, protocol.MAX_GENERATION, site(number, "far.example")))
    assert serves(nginx, "far.example") == 200
    agent.switch((number, protocol.MAX_GENERATION, "shut"))
    assert serves(nginx, "far.example") == 503
