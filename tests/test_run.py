"""The summary of `make test` can be trusted: what went wrong is counted, in whatever way it did."""

import re
import threading
from pathlib import Path

import pytest

from tests import machine, run
from tests.yardstick import REFERENCE, Yardstick


def a_part(work=lambda part: None) -> run.Part:
    return run.Part("unit", "for a test", 100, work)


def report(folder: Path, counts: str) -> Path:
    path = folder / "report.xml"
    path.write_text(f"<testsuites><testsuite name='pytest' {counts}/></testsuites>")
    return path


def test_errors_in_set_up_count_as_failures(tmp_path):
    part = a_part()
    run.count(part, report(tmp_path, "tests='10' failures='1' errors='2' skipped='3'"))
    assert (part.passed, part.failed, part.skipped) == (4, 3, 3)


def failing(folder: Path, *tests: str) -> Path:
    path = folder / "report.xml"
    said = "\n".join(f"line {number}" for number in range(100)) + "\nE  assert 1 == 2"
    cases = "".join(
        f"<testcase classname='tests.system.test_dns' name='{name}'>"
        f"<failure message='assert'>{said}</failure></testcase>"
        for name in tests
    )
    counts = f"name='pytest' tests='9' failures='{len(tests)}' errors='0' skipped='0'"
    path.write_text(
        f"<testsuites><testsuite {counts}><testcase classname='tests.x' name='test_good'/>"
        f"{cases}</testsuite></testsuites>"
    )
    return path


def test_the_end_names_each_failed_test_with_its_last_lines(tmp_path, capsys):
    part = a_part()
    run.count(part, failing(tmp_path, "test_signs", "test_serves[nginx]"))
    run.tell_failures([a_part(), part])
    said = capsys.readouterr().out.splitlines()
    assert "unit: tests/system/test_dns.py::test_signs" in said
    second = said.index("unit: tests/system/test_dns.py::test_serves[nginx]")
    assert "line 99" in said[second - 2]
    assert "assert 1 == 2" in said[second - 1]
    assert "assert 1 == 2" in said[-2]
    assert not any("test_good" in line for line in said)


def test_many_failures_share_the_end_of_the_log(tmp_path, capsys):
    part = a_part()
    run.count(part, failing(tmp_path, *(f"test_{number}" for number in range(10))))
    run.tell_failures([part])
    said = capsys.readouterr().out.splitlines()
    assert len(said) <= 80
    assert all(f"unit: tests/system/test_dns.py::test_{number}" in said for number in range(10))
    assert sum("assert 1 == 2" in line for line in said) == 10


def test_without_failures_nothing_is_told(capsys):
    run.tell_failures([a_part()])
    assert capsys.readouterr().out == ""


def test_a_failure_that_no_test_counts_is_told_as_well(capsys):
    def work(part: run.Part) -> None:
        raise machine.Missing("no initdb")

    part = a_part(work)
    run.run(part)
    capsys.readouterr()
    run.tell_failures([part])
    assert "no initdb" in capsys.readouterr().out


def test_a_part_that_cannot_run_counts_as_failed():
    def work(part: run.Part) -> None:
        raise machine.Missing("no initdb")

    part = a_part(work)
    run.run(part)
    assert part.failed == 1


def test_a_part_over_its_budget_says_so():
    part = a_part()
    part.seconds = 101.0
    assert "OVER BUDGET" in part.row()
    part.seconds = 99.0
    assert "OVER BUDGET" not in part.row()


def test_the_same_tests_are_over_on_an_ordinary_machine_and_not_on_a_slow_one(capsys):
    idle = lambda: (0, 0)  # noqa: E731
    slow, quick = Yardstick(lambda: 2 * REFERENCE, idle), Yardstick(lambda: REFERENCE / 2, idle)
    with slow, quick:
        pass
    assert (slow.slowness, quick.slowness) == (2.0, 1.0)
    assert not run.tell_time(run.TOTAL_BUDGET - 1, quick.slowness)
    assert run.tell_time(run.TOTAL_BUDGET + 1, quick.slowness)
    assert "OVER BUDGET" in capsys.readouterr().out
    assert not run.tell_time(run.TOTAL_BUDGET + 1, slow.slowness)
    assert run.tell_time(2 * run.TOTAL_BUDGET + 1, slow.slowness)


def test_what_a_machine_s_neighbours_took_is_not_counted_against_the_tests():
    counts = iter([(1000, 50), (1400, 150)])
    with Yardstick(lambda: REFERENCE, lambda: next(counts)) as yardstick:
        pass
    assert yardstick.slowness == 1.25


def test_in_ci_nothing_is_left_out(monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(machine, "is_debian_root", lambda: True)
    monkeypatch.setattr(machine, "why_no_chromium", lambda: "Chromium is not installed")
    chosen = run.parts()
    run.left_out(chosen)
    assert [part.name for part in chosen if part.left_out] == []


@pytest.mark.parametrize("part", ["postgres", "browser"])
def test_elsewhere_what_is_missing_is_left_out_with_the_reason(monkeypatch, part):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(machine, "why_no_chromium", lambda: "Chromium is not installed")
    monkeypatch.setattr(machine, "why_no_postgres", lambda: "PostgreSQL is not installed")
    chosen = run.parts()
    run.left_out(chosen)
    reasons = {each.name: each.left_out for each in chosen if each.left_out}
    assert set(reasons) == {"postgres", "browser"}
    assert "is not installed" in reasons[part]


def test_parts_beside_each_other_are_all_run_and_what_they_say_is_kept_apart(capsys):
    both = threading.Barrier(2, timeout=30)

    def meets(part: run.Part) -> None:
        print(f"{part.name} begins", file=part.output)
        both.wait()
        part.passed += 1

    first, second = a_part(meets), a_part(meets)
    first.name, second.name, second.beside = "first", "second", "first"
    run.run_all([first, second])
    assert (first.passed, second.passed) == (1, 1)
    said = capsys.readouterr().out
    assert said.index("first begins") < said.index("== second") < said.index("second begins")


def test_of_three_parts_two_follow_each_other_beside_the_third(capsys):
    ended, leave = [], threading.Event()

    def waits(part: run.Part) -> None:
        assert leave.wait(30)
        ended.append(part.name)

    def follows(part: run.Part) -> None:
        ended.append(part.name)
        leave.set()

    first = a_part(lambda part: ended.append(part.name))
    second, third = a_part(follows), a_part(waits)
    first.name, second.name, third.name = "first", "second", "third"
    second.beside, second.row_beside, third.beside = "first", 0, "first"
    run.run_all([first, second, third])
    assert ended == ["first", "second", "third"]
    said = capsys.readouterr().out
    assert said.index("== first") < said.index("== second") < said.index("== third")


def test_what_marks_a_test_for_a_part_stands_in_the_tests_own_file():
    """Other files are not read for that part."""
    mark = re.compile(r"mark\.(postgres|census|system|browser)\b")
    paths = (run.ROOT / "tests").rglob("*.py")
    marking = [path.name for path in paths if mark.search(path.read_text())]
    assert len(marking) > 10
    assert [name for name in marking if not name.startswith("test_")] == []


def test_what_stops_a_part_beside_another_counts_and_stops_nothing_else(capsys):
    def work(part: run.Part) -> None:
        raise machine.Missing("no initdb")

    first, second, third = a_part(), a_part(work), a_part(lambda part: setattr(part, "passed", 1))
    second.beside = first.name
    run.run_all([first, second, third])
    assert (first.failed, second.failed, third.passed) == (0, 1, 1)
    assert "no initdb" in capsys.readouterr().out
