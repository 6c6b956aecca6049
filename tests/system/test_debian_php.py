"""PHP on the debian platform: real php-fpm behind Debian's nginx, as each subscription's user."""

import os
import signal
import threading
from pathlib import Path

import pytest

from hosting.services.web.driver_pages import MARKER
from tests.agent import fakes
from tests.agent.fakes import site
from tests.system.conftest import wait_until
from tests.system.debian import debian_node, why_not

PROGRAMS = sorted(Path("/usr/sbin").glob("php-fpm[0-9]*"))
REASON = why_not() or ("" if PROGRAMS else "php-fpm is not installed")
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REASON), reason=REASON)]

ANNA, BERT = site(7, "anna.example"), site(8, "bert.example")
UID, OTHER = 10_000_042, 10_000_043
# It answers for the length of the test, and says so first.
SLOW = "<?php file_put_contents('../began', getmypid()); sleep({}); echo 'slept';"


def subscription(number, generation, web, present=True, php=True, version="newest", **values):
    """A subscription as the worker sends it, with PHP on its one site."""
    found = fakes.subscription(number, generation, web, present=present)
    sites = [{"id": web["id"], "version": version, "values": values}] if php else []
    return found | {"php": {"children": 5, "sites": sites}}


class PhpNode:
    """A node with two tenants that have PHP; short ways to run it."""

    def __init__(self, node):
        self.node = node
        self.generation = 1

    def put(self, number, path, text):
        """Write a file into a home, as its tenant does."""
        place = self.node.homes / f"s{number}" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        for each in (place, place.parent):
            os.chown(each, 10_000_000 + number, 10_000_000 + number)
        return place

    def run(self, code, number=42, name="anna.example"):
        """What a script says."""
        self.put(number, "httpdocs/run.php", f"<?php {code}")
        answer = self.node.get(name, "/run.php")
        assert answer.status == 200, (answer.status, answer.body, self.log())
        return answer.body

    def have(self, **anna):
        """Give Anna these settings; Bert stays as he is."""
        self.generation += 1
        return self.node.applied(
            subscription(42, self.generation, ANNA, **anna), subscription(43, 1, BERT)
        )

    def log(self):
        logs = (self.node.top / "logs").glob("php-fpm-*.log")
        return "".join(path.read_text()[-3000:] for path in logs)

    def workers(self):
        """Pid and user of every process of a pool."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                line = (path / "cmdline").read_bytes()
                status = (path / "status").read_text()
            except OSError:
                continue
            if line.startswith(b"php-fpm: pool s4"):
                uid = next(one for one in status.splitlines() if one.startswith("Uid:"))
                found[int(path.name)] = int(uid.split()[1])
        return found

    def master(self):
        (path,) = (self.node.top / "run/php/masters").glob("*.pid")
        return int(path.read_text())

    def begin(self, number, name, seconds):
        """Begin a request that takes its time; what becomes of it is in the list, when it ends."""
        began = self.node.homes / f"s{number}" / "began"
        began.unlink(missing_ok=True)
        self.put(number, "httpdocs/slow.php", SLOW.format(seconds))
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(self.node.status(name, "/slow.php"))
        )
        thread.start()
        wait_until(lambda: began.exists() and began.read_text(), "the script began")
        return thread, answers, int(began.read_text())


@pytest.fixture(scope="module")
def php():
    with debian_node() as node:
        node.start()
        node.applied(subscription(42, 1, ANNA), subscription(43, 1, BERT))
        yield PhpNode(node)
        assert node.stop() == 0
        assert not PhpNode(node).workers()


def test_a_script_runs_as_its_subscriptions_own_user_and_nobody_else(php):
    said = php.run(
        "echo posix_getuid(),' ',posix_getgid(),' ',implode(',',posix_getgroups()),' ',"
        "getenv('HOME'),' ',ini_get('open_basedir'),' ',sys_get_temp_dir();"
    )
    home = php.node.homes / "s42"
    assert said == f"{UID} {UID} {UID} {home} {home}/ {home}/tmp"
    assert php.run("echo posix_getuid();", 43, "bert.example") == str(OTHER)


def test_index_php_comes_first_and_what_stands_behind_a_script_is_its_path(php):
    php.put(42, "httpdocs/index.php", "<?php echo 'index ', $_SERVER['PATH_INFO'] ?? '-';")
    assert php.node.get("anna.example", "/").body == "index "
    assert php.node.get("anna.example", "/index.php/a/b.php?c=/d").body == "index /a/b.php"
    assert php.node.status("anna.example", "/nothing.php") == 404
    assert php.node.status("anna.example", "/nothing.php/index.php") == 404
    # A picture is no script, whatever stands behind it.
    php.put(42, "httpdocs/a.jpg", "<?php echo 'ran';")
    assert php.node.status("anna.example", "/a.jpg/x.php") == 404
    assert "Welcome" not in php.node.get("anna.example", "/").body


def test_uploads_sessions_and_temporary_files_stay_in_the_home(php):
    php.put(
        42,
        "httpdocs/up.php",
        "<?php session_start(); $_SESSION['a'] = 1; echo strlen(file_get_contents('php://input')),"
        "' ', session_save_path(), ' ', dirname(tempnam(sys_get_temp_dir(), 'x'));",
    )
    answer = php.node.get("anna.example", "/up.php", "POST", b"x" * 3_000_000)
    home = php.node.homes / "s42"
    assert answer.body == f"3000000 {home}/tmp/sessions {home}/tmp"
    (session,) = (home / "tmp/sessions").iterdir()
    assert (session.stat().st_uid, session.stat().st_mode & 0o777) == (UID, 0o600)
    assert ((home / "tmp").stat().st_uid, (home / "tmp").stat().st_mode & 0o777) == (UID, 0o700)


def test_a_tenant_reads_nothing_of_its_neighbours_by_php(php):
    secret = php.put(43, "httpdocs/secret.txt", "the secret of bert")
    script = php.put(43, "httpdocs/secret.php", "<?php echo 'the secret of bert';")
    php.put(43, "tmp/sessions/sess_b", "the secret of bert")
    # Whatever mode it has, and even if Bert's own request has just put it into the shared memory.
    secret.chmod(0o666)
    assert "secret" in php.node.get("bert.example", "/secret.php").body
    assert php.node.get("bert.example", "/secret.txt").body == "the secret of bert"
    link = php.node.homes / "s42/httpdocs/link.txt"
    link.symlink_to(secret)
    os.chown(link, UID, UID, follow_symlinks=False)
    for path in (secret, script, link, secret.parent.parent / "tmp/sessions/sess_b"):
        said = php.run(
            f"@include '{path}'; echo @file_get_contents('{path}'), @readlink('{path}');"
        )
        assert "the secret" not in said, path
    assert php.node.status("anna.example", "/link.txt") in {403, 404}
    assert php.run("var_dump(@opcache_get_status());") == "bool(false)\n"


def test_a_tenant_that_starts_programs_meets_the_user_as_the_border(php):
    php.put(43, "httpdocs/secret.txt", "the secret of bert").chmod(0o666)
    thread, _answers, pid = php.begin(43, "bert.example", 3)
    php.have(programs=True)
    assert php.run("echo shell_exec('id -u');") == f"{UID}\n"
    top, homes = php.node.top, php.node.homes
    bert = php.node.homes / "s43"
    socket = next((top / "run/php/pools").glob("s43-*")) / "fpm.sock"
    for path in (
        bert / "httpdocs/secret.txt",
        bert / "tmp/sessions/sess_b",
        f"/proc/{pid}/environ",
        f"/proc/{pid}/cwd/secret.txt",
        f"/proc/{pid}/root{bert}/httpdocs/secret.txt",
        f"/proc/{pid}/mem",
        top / "node/agent.sqlite3",
        top / "node/php/" / "*" / "pools.conf",
        top / "logs/access.log",
        "/etc/shadow",
    ):
        said = php.run(f"echo shell_exec('cat {path} 2>&1; echo \"$?\"');")
        assert said.endswith("1\n"), (path, said)
        assert "the secret" not in said
    for place in (homes, bert, top / "run/php", top / "run/php/pools", top / "node/php"):
        said = php.run(f"echo shell_exec('ls {place} 2>&1; echo $?');")
        assert said.endswith("2\n"), (place, said)
    said = php.run(
        f"var_dump(@stream_socket_client('unix://{socket}', $code, $words)); echo $words;"
    )
    assert "bool(false)" in said
    assert "Permission denied" in said
    thread.join()
    php.have()
    assert php.run("var_dump(function_exists('shell_exec'));") == "bool(false)\n"


def test_settings_come_into_force_and_only_those_that_may_be_are_changed_by_scripts(php):
    php.have(memory_limit=77, display_errors=True, timezone="Europe/Vienna", max_execution_time=9)
    php.put(42, "httpdocs/.user.ini", "memory_limit = 999M\nupload_max_filesize = 999M\n")
    ask = "echo implode(' ', array_map('ini_get', ['memory_limit', 'upload_max_filesize']));"
    assert php.run(ask) == "77M 32M"
    assert php.run("var_dump(@ini_set('memory_limit', '999M'));") == "bool(false)\n"
    assert php.run("ini_set('display_errors', '0'); echo ini_get('display_errors');") == "0"
    # Nothing of it is left for the next request.
    assert php.run("echo ini_get('display_errors');") in {"1", "on"}
    assert php.run("echo date_default_timezone_get();") == "Europe/Vienna"
    assert php.run("echo ini_get('memory_limit');", 43, "bert.example") == "128M"
    php.have()


def test_without_php_scripts_are_refused_and_never_shown(php):
    php.put(42, "httpdocs/index.html", "<p>plain</p>")
    for name in ("code.php", "code.PHP", "code.phtml", "code.php5", "code.phar", "index.php"):
        php.put(42, f"httpdocs/{name}", "<?php /* the code */ echo 'ran';")
    assert php.node.get("anna.example", "/code.php").body == "ran"
    assert php.node.status("anna.example", "/code.PHP") == 403
    php.generation += 1
    wanted = subscription(42, php.generation, ANNA, php=False)
    assert php.node.applied(wanted, subscription(43, 1, BERT)).changed == 1
    for name in ("code.php", "code.php/x", "code.PHP", "code.phtml", "code.php5", "code.phar"):
        answer = php.node.get("anna.example", f"/{name}")
        assert (answer.status, "the code" in answer.body) == (403, False), name
    assert "plain" in php.node.get("anna.example", "/").body
    assert php.run("echo 'runs';", 43, "bert.example") == "runs"
    php.have()
    assert php.node.get("anna.example", "/").body == "ran"


def test_what_runs_ends_when_its_subscription_is_suspended_and_the_neighbours_goes_on(php):
    mine, my_answers, pid = php.begin(42, "anna.example", 60)
    other, other_answers, _pid = php.begin(43, "bert.example", 2)
    assert php.workers()[pid] == UID
    php.generation += 1
    php.node.client.switch([(42, php.generation, "shut")])
    # php-fpm begins another process at once, which has nothing to do and soon ends by itself.
    wait_until(lambda: pid not in php.workers(), "what ran has ended")
    mine.join()
    assert my_answers[0] != 200
    page = php.node.get("anna.example", "/run.php")
    assert (page.status, MARKER in page.body) == (503, True)
    other.join()
    assert other_answers == [200]
    # Limited, for overuse alone: PHP is shut as well.
    php.generation += 1
    php.node.client.switch([(42, php.generation, "limited")])
    assert php.node.status("anna.example", "/run.php") == 503
    php.have()
    assert php.run("echo 'again';") == "again"


def test_a_request_that_runs_ends_well_while_others_change(php):
    thread, answers, _pid = php.begin(43, "bert.example", 1)
    php.have(memory_limit=66)
    assert php.run("echo ini_get('memory_limit');") == "66M"
    thread.join()
    assert answers == [200]
    php.have()


def test_a_killed_master_comes_back_and_what_it_left_is_buried(php):
    thread, _answers, pid = php.begin(42, "anna.example", 60)
    old = php.master()
    os.kill(old, signal.SIGKILL)
    wait_until(
        lambda: php.master() != old and php.node.status("bert.example", "/run.php") == 200,
        "another master serves",
    )
    # It was busy, in another directory than where its master ran.
    wait_until(lambda: pid not in php.workers(), "what was left has ended")
    thread.join()
    assert php.run("echo 'again';") == "again"


def test_the_next_agent_adopts_the_masters_and_reloads_nothing(php):
    old = php.master()
    php.node.kill()
    assert php.run("echo 'without an agent';") == "without an agent"
    php.node.start()
    assert php.master() == old
    assert php.have().reloads == 0


def test_what_was_changed_by_hand_is_shown_and_overwritten(php):
    php.have(memory_limit=55)
    (conf,) = (php.node.directory / "php").glob("*/pools.conf")
    conf.write_text(conf.read_text().replace('"55M"', '"555M"'))
    wanted = subscription(42, php.generation, ANNA, memory_limit=55)
    plans = php.node.client.plan([wanted])
    (plan,) = [one for one in plans if one["service"] == "php"]
    assert any("555M" in line for one in plan["changes"] for line in one["before"])
    assert php.node.applied(wanted).changed == 0
    assert "555M" not in conf.read_text()
    assert php.run("echo ini_get('memory_limit');") == "55M"
    php.have()


def test_a_removed_subscription_leaves_nothing(php):
    third, run = site(9, "cora.example"), php.node.top / "run/php"
    php.node.applied(subscription(44, 1, third))
    assert php.run("echo posix_getuid();", 44, "cora.example") == "10000044"
    php.node.applied(subscription(44, 2, third, present=False))
    links = {path.name: str(path.readlink()) for path in run.iterdir() if path.is_symlink()}
    assert set(links) == {"s42-7", "s43-8"}
    assert {f"pools/{path.name}" for path in (run / "pools").iterdir()} == set(links.values())
    assert 10_000_044 not in php.workers().values()
    (conf,) = (php.node.directory / "php").glob("*/pools.conf")
    assert "s44-" not in conf.read_text()
    assert not (php.node.homes / "s44").exists()
    assert php.run("echo 'here';") == "here"
