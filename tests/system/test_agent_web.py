"""The agent and a real nginx: what visitors get, through every change and every crash."""

import os
import random
import signal
import socket
import stat
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from hosting.agent.client import AgentAway
from hosting.services.web.driver_daemon import RELOAD_PAUSE
from hosting.services.web.driver_pages import MARKER
from tests.agent.fakes import site, subscription
from tests.machine import free_port
from tests.system.conftest import ALL, ANNA, BERT, ROOT, wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def neighbour(two):
    """Ask the neighbour's site all the time; at the end, every answer was its page."""
    answers, ending = [], threading.Event()

    def ask():
        while not ending.is_set():
            answers.append(two.status("bert.example"))
            time.sleep(0.002)

    thread = threading.Thread(target=ask)
    thread.start()
    yield answers
    ending.set()
    thread.join()
    assert answers
    assert set(answers) == {200}


def test_a_new_site_welcomes_and_redirects_and_strangers_are_not_found(two):
    page = two.get("anna.example")
    assert "<h1>anna.example</h1>" in page.body
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert page.headers["Server"] == "nginx"
    moved = two.get("old.example", "/a/b?c=d&e=%20")
    assert moved.status == 301
    assert moved.location == f"http://anna.example:{two.port}/a/b?c=d&e=%20"
    assert two.status("nobody.example") == 404
    assert two.status("127.0.0.1") == 404
    assert two.status("sub.anna.example") == 404


@pytest.mark.parametrize("spelling", ["ANNA.example", "anna.example.", "anna.example:80"])
def test_a_name_is_the_same_however_it_is_spelled(two, spelling):
    assert two.status(spelling) == 200
    two.client.switch([(42, 8, "shut")])
    assert two.status(spelling) == 503


def test_suspended_answers_503_on_every_name_and_then_serves_again(two, neighbour):
    before = len(neighbour)
    assert two.client.switch([(42, 8, "shut")]).switched == [42]
    for name in ALL:
        page = two.get(name, "/deep/page.html?x=1")
        assert page.status == 503
        assert MARKER in page.body
        assert "anna" not in page.body
        assert page.headers["Retry-After"] == "3600"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.location is None
    two.client.switch([(42, 9, "open")])
    assert [two.status(name) for name in ALL] == [200, 200, 200, 301]
    wait_until(lambda: len(neighbour) > before, "the neighbour was asked")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_suspended_answers_503_to_every_method(two, method):
    two.client.switch([(42, 8, "shut")])
    body = b"a=b" if method == "POST" else None
    assert two.get("anna.example", "/x", method, body).status == 503


@pytest.mark.parametrize(
    "path",
    [
        "/.htaccess",
        "/index.html",
        "/%2e%2e/x",
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge/a/b",
        "/.well-known/acme-challenge/../../index.html",
        "/.well-known/acme-challenge/..%2f..%2findex.html",
        "//index.html",
    ],
)
def test_no_path_leads_round_the_gate(two, path):
    two.client.switch([(42, 8, "shut")])
    assert two.status("anna.example", path) in (503, 400)


def test_challenges_answer_while_a_site_is_shut_and_on_names_that_redirect(two):
    challenges = two.directory / "web" / "acme" / ".well-known" / "acme-challenge"
    (challenges / "token_1-A").write_text("token_1-A.thumb")
    path = "/.well-known/acme-challenge/token_1-A"
    two.client.switch([(42, 8, "shut")])
    # A name that is nobody's as well: it may be on its way here, and nobody can guess a token.
    for name in [*ALL, "bert.example", "nobody.example"]:
        answer = two.get(name, path)
        assert (answer.status, answer.body) == (200, "token_1-A.thumb")
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert two.status("anna.example", path + "x") == 404
    assert two.status("nobody.example", path + "x") == 404
    assert two.status("nobody.example") == 404


def test_a_suspended_site_is_shut_and_its_sister_serves(two):
    sister = site(9, "sister.example", root="sister")
    two.applied(subscription(42, 8, ANNA | {"state": "suspended"}, sister))
    assert [two.status(name) for name in ALL] == [503] * 4
    assert two.status("sister.example") == 200
    two.applied(subscription(42, 9, ANNA, sister))
    assert [two.status(name) for name in ALL] == [200, 200, 200, 301]


def test_a_disabled_site_is_not_found_and_comes_back_with_its_files(two):
    (two.directory / "homes/s42/httpdocs/mine.txt").write_text("mine")
    two.applied(subscription(42, 8, ANNA | {"state": "disabled"}))
    assert [two.status(name) for name in ALL] == [404] * 4
    two.applied(subscription(42, 9, ANNA))
    assert two.get("anna.example", "/mine.txt").body == "mine"


def test_hidden_files_and_links_are_refused(two, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    root = two.directory / "homes/s42/httpdocs"
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("secret")
    (root / ".htpasswd").write_text("secret")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "neighbour").symlink_to(two.directory / "homes/s43/httpdocs")
    (root / ".well-known").mkdir()
    (root / ".well-known" / "security.txt").write_text("here")
    paths = ["/.git/config", "/.htpasswd", "/out.txt", "/neighbour/", "/neighbour/index.html"]
    for path in paths:
        answer = two.get("anna.example", path)
        assert answer.status in (403, 404)
        assert "secret" not in answer.body
    assert two.get("anna.example", "/.well-known/security.txt").body == "here"


def test_a_wildcard_answers_for_what_is_below_it_and_an_exact_name_comes_first(web):
    wild = site(7, "anna.example", "*.anna.example")
    web.applied(subscription(42, 7, wild), subscription(43, 1, site(8, "shop.anna.example")))
    assert "<h1>anna.example</h1>" in web.get("any.anna.example").body
    assert "<h1>shop.anna.example</h1>" in web.get("shop.anna.example").body


def test_the_longest_of_names_serves(web):
    longest = ".".join(["a" * 61] * 4)
    web.applied(subscription(42, 7, site(7, longest, redirects=["b" + longest[1:]])))
    assert web.status(longest) == 200


def test_a_second_apply_changes_nothing(two):
    shut = site(9, "shut.example", root="a/b", state="suspended")
    wanted = [subscription(42, 8, ANNA, shut), subscription(43, 2, BERT, state="shut")]
    two.applied(*wanted)
    files, processes = two.files(), two.processes()
    done = two.applied(*wanted)
    assert (done.reloads, done.changed) == (0, 0)
    assert two.files() == files
    assert two.processes() == processes
    assert two.client.plan(wanted)[0]["changes"] == []


def test_a_batch_is_one_reload(web):
    done = web.applied(*[subscription(n, 1, site(n, f"s{n}.example")) for n in range(1, 201)])
    assert (done.reloads, done.changed) == (1, 200)
    assert {web.status(f"s{n}.example") for n in range(1, 201)} == {200}


def test_no_request_is_lost_through_changes_and_reloads(two, neighbour):
    for number in range(1, 6):
        two.applied(subscription(100 + number, 1, site(100 + number, f"s{number}.example")))
        assert two.status(f"s{number}.example") == 200
    two.applied(*[subscription(100 + n, 2, present=False) for n in range(1, 6)])
    assert two.status("s1.example") == 404


def test_a_removed_subscription_is_gone_with_its_home(two, neighbour):
    two.applied(subscription(42, 8, present=False))
    assert [two.status(name) for name in ALL] == [404] * 4
    wait_until(lambda: not list(two.directory.glob("homes/.gone/*")), "its files are gone")
    assert not (two.directory / "homes" / "s42").exists()
    results, _ = two.apply(subscription(42, 7, ANNA))
    assert results[42].kind == "stale"


def test_nginx_listens_on_loopback_alone(two):
    with socket.socket() as elsewhere:
        elsewhere.settimeout(5)
        assert elsewhere.connect_ex(("127.0.0.2", two.port)) != 0


def test_the_access_log_names_the_site_first(two):
    two.get("www.anna.example", "/seen")
    two.get("nobody.example", "/unseen")
    log = two.directory / "logs" / "web" / "access.log"
    wait_until(lambda: "/unseen" in log.read_text(), "it is logged")
    lines = [line.split() for line in log.read_text().splitlines() if "seen" in line]
    assert [line[:2] for line in lines] == [["s42-7", "www.anna.example"], ["-", "nobody.example"]]
    assert "freehold-probe" not in log.read_text()


def refusing(program, directory, name):
    """Return a program that is nginx, but for configurations that name somebody it cannot stand."""
    wrapper = directory / "nginx-that-refuses"
    wrapper.write_text(
        "#!/bin/sh\n"
        "for conf; do :; done\n"
        'case " $* " in *" -t "*)\n'
        f'  if grep -q "^{name} " "$(dirname "$conf")/hosts.map"; then\n'
        f'    echo "nginx: [emerg] cannot stand {name} in hosts.map:1" >&2; exit 1\n'
        "  fi;;\nesac\n"
        f'exec "{program}" "$@"\n'
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    return wrapper


def test_a_bad_one_in_a_batch_is_found_and_all_others_serve(web_node, tmp_path):
    web_node.nginx = refusing(web_node.nginx, tmp_path, "s37.example")
    web_node.start()
    web_node.applied(subscription(37, 1, BERT))
    some = [subscription(n, 2, site(n, f"s{n}.example")) for n in range(1, 65)]
    results, done = web_node.apply(*some)
    assert [n for n, each in results.items() if not each.ok] == [37]
    assert results[37].kind == "check"
    assert results[37].message == "cannot stand s37.example in hosts.map:1"
    assert (done.reloads, done.changed) == (1, 63)
    assert [web_node.status(f"s{n}.example") for n in (36, 37, 38)] == [200, 404, 200]
    assert web_node.status("bert.example") == 200


def test_a_killed_agent_leaves_nginx_serving_and_the_next_one_adopts_it(two, neighbour):
    two.client.switch([(42, 8, "shut")])
    master = two.master()
    two.kill()
    assert (two.status("anna.example"), two.status("bert.example")) == (503, 200)
    two.start()
    assert two.master() == master
    assert two.client.hello(with_applied=True)["applied"] == {42: 7, 43: 1}
    assert two.status("anna.example") == 503
    results, _ = two.apply(subscription(42, 7, ANNA))
    assert results[42].kind == "stale"
    done = two.applied(subscription(44, 1, site(9, "carl.example")))
    assert done.reloads == 1
    assert two.status("carl.example") == 200


def test_a_killed_master_is_started_again_and_its_workers_are_ended(two):
    two.client.switch([(42, 8, "shut")])
    before = two.processes()
    os.kill(two.master(), signal.SIGKILL)
    wait_until(lambda: not before.keys() & two.processes().keys(), "the old ones are gone")
    wait_until(lambda: two.kinds() == {"master": 1, "worker": 1}, "nginx was started again")
    wait_until(lambda: two.status("bert.example") == 200, "nginx answers")
    assert two.status("anna.example") == 503


def test_both_killed_come_back_with_all_that_was_shut(two):
    two.client.switch([(42, 8, "shut")])
    two.kill()
    os.kill(two.master(), signal.SIGKILL)
    two.start()
    assert (two.status("anna.example"), two.status("bert.example")) == (503, 200)
    assert two.kinds() == {"master": 1, "worker": 1}


def test_an_adopted_nginx_is_looked_after_as_well(two):
    two.kill()
    two.start()
    old = two.master()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: two.master() not in (old, None), "nginx is back")
    wait_until(lambda: two.status("bert.example") == 200, "nginx answers")


def test_a_change_is_applied_though_nginx_has_just_died(two):
    os.kill(two.master(), signal.SIGKILL)
    two.applied(subscription(44, 1, site(9, "carl.example")))
    assert two.status("carl.example") == 200


def test_the_agent_takes_nginx_along_when_it_is_asked_to_end(two):
    assert two.stop() == 0
    assert two.processes() == {}


def test_the_agent_leaves_nginx_where_it_was_told_to(web_node):
    web_node.start("--keep-serving")
    web_node.applied(subscription(43, 1, BERT))
    assert web_node.stop() == 0
    assert web_node.status("bert.example") == 200


def test_a_second_agent_on_a_node_is_turned_away(two):
    command = two.process.args
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "another agent runs" in second.stderr
    assert two.client.hello()["ok"]
    assert two.status("bert.example") == 200


def test_a_port_that_is_taken_is_told_and_nginx_comes_once_it_is_free(web_node):
    with socket.socket() as taken:
        web_node.port = free_port()
        taken.bind(("127.0.0.1", web_node.port))
        web_node.launch()
        assert "bind() to 127.0.0.1" in web_node.client.hello()["problems"]["web"]
        results, _ = web_node.apply(subscription(42, 7, ANNA))
        assert results[42].kind == "probe"
    wait_until(lambda: not web_node.client.hello()["problems"], "nginx answers")
    web_node.applied(subscription(42, 7, ANNA))
    assert web_node.status("anna.example") == 200


def test_another_port_and_a_new_nginx_conf_come_into_force_with_a_restart(two):
    two.kill()
    two.port = free_port()
    two.start()
    assert two.status("bert.example") == 200
    assert two.get("old.example").location == f"http://anna.example:{two.port}/"


@pytest.mark.parametrize("seed", range(3))
def test_a_real_kill_at_a_random_moment_is_completed_by_the_next_agent(two, seed, neighbour):
    """Besides the counted crashes of tests/agent: a real one, whenever it comes."""
    moment = random.Random(seed).uniform(0, 2 * RELOAD_PAUSE)
    some = [subscription(n, 1, site(n, f"s{n}.example")) for n in range(100, 400)]
    request = threading.Timer(moment, two.kill)
    request.start()
    with suppress(AgentAway):
        two.apply(*some)
    request.join()
    assert two.status("s250.example") in (200, 404)
    two.start()
    two.applied(*some)
    assert {two.status(f"s{n}.example") for n in range(100, 400)} == {200}
    assert two.applied(*some).changed == 0


def test_switches_do_not_wait_for_a_batch(two):
    """While one thousand sites are applied, others are shut and opened."""
    some = [subscription(n, 1, site(n, f"s{n}.example")) for n in range(1000, 2000)]
    batch = threading.Thread(target=lambda: two.applied(*some[:500]))
    batch.start()
    seen, generation = [], 8
    while batch.is_alive():
        two.client.switch([(42, generation, "shut")])
        seen.append(two.status("anna.example"))
        two.client.switch([(42, generation + 1, "open")])
        seen.append(two.status("anna.example"))
        generation += 2
    batch.join()
    assert len(seen) > 4
    assert seen == [503, 200] * (len(seen) // 2)
