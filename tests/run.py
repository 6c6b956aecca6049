"""What `make test` runs: every part this machine allows, timed against budgets, then a summary.

    python -m tests.run [PART ...]

The parts are lint, unit, census, system, postgres and browser; without names, all of them. Nothing
stops early: a person wants to see all that is wrong. As root on Debian, missing programs are
installed first; elsewhere a part that lacks them is left out, with the reason.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from tests import machine
from tests.yardstick import Yardstick

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Seconds of an ordinary machine (tests/yardstick.py); a slower one has as many times more.
TOTAL_BUDGET = 15 * 60
# What is kept of a long log is its end: there each failed test gets its last lines, if few failed.
LINES_OF_A_FAILURE = 25
LINES_OF_FAILURES = 75


@dataclass
class Part:
    """One part and what came of it."""

    name: str
    what: str
    budget: int
    run: Callable[["Part"], None]
    # The part that begins at the same time, and in which of the two rows this one runs: parts of
    # one row follow each other; 0 is the row of the part that they begin with.
    beside: str = ""
    row_beside: int = 1
    output: IO[str] | None = None
    left_out: str = ""
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # What failed, and what was said about it.
    failures: list[tuple[str, str]] = field(default_factory=list)

    def fails(self, what: str, why: str) -> None:
        """Count one failure that no report counts."""
        self.failed += 1
        self.failures.append((what, why))

    @property
    def is_over(self) -> bool:
        return self.seconds > self.budget

    def row(self) -> str:
        """Its line in the summary."""
        if self.left_out:
            return f"  {self.name:<9} left out: {self.left_out}"
        time_spent = f"  {self.name:<9} {self.seconds:>6.1f} s of {self.budget:>3}"
        counts = f"{self.passed:>5} passed {self.failed:>4} failed {self.skipped:>4} skipped"
        if not (self.passed or self.failed or self.skipped):
            counts = "    -"
        return f"{time_spent}   {counts}{'  OVER BUDGET' if self.is_over else ''}"


def lint(part: Part) -> None:
    """Ruff's rules and its formatting; each counts as one test."""
    for arguments in (["check", "--output-format=concise", "."], ["format", "--check", "."]):
        command = [BIN / "ruff", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        print(done.stdout + done.stderr, end="", flush=True)
        if done.returncode:
            part.fails(f"ruff {arguments[0]}", done.stdout + done.stderr)
        else:
            part.passed += 1


def pytest(part: Part, *options: str, database: str = "") -> None:
    """Run the tests of a part, and count them from pytest's own report."""
    with tempfile.TemporaryDirectory(prefix="freehold-report-") as folder:
        report = Path(folder) / "report.xml"
        environment = os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": folder}
        environment.pop("PANEL_DATABASE_URL", None)
        if database:
            environment["PANEL_DATABASE_URL"] = database
        command = [
            sys.executable, "-m", "pytest", f"--part={part.name}", f"--junitxml={report}",
            "--durations=5", "--durations-min=5", "-rs", *options,
        ]  # fmt: skip
        written = {"stdout": part.output, "stderr": part.output}
        code = subprocess.run(command, cwd=ROOT, env=environment, **written).returncode
        count(part, report)
    # 5: nothing belongs to this part. Anything else that is not a failed test is a failure as well.
    if code not in {0, 5} and not part.failed:
        part.fails("pytest", f"ended with {code} and no failed test; see its output above")


def side_by_side(part: Part) -> None:
    """The same on two processors, whole files at a time: their fixtures are made once. What
    takes longest begins first (tests/conftest.py), so that nobody waits for it in the end."""
    several = (os.cpu_count() or 1) > 1
    options = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    pytest(part, *(options if several else []))


def count(part: Part, report: Path) -> None:
    """Add up the report. An error in set-up or collection counts as a failure."""
    if not report.exists():
        return
    for suite in ET.parse(report).iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        part.failed += failed
        part.skipped += skipped
        part.passed += max(0, int(suite.get("tests", 0)) - failed - skipped)
        part.failures += failures(suite)


def failures(suite: ET.Element) -> Iterator[tuple[str, str]]:
    """The failed tests of a report by their ids, and what pytest said about each."""
    for case in suite.iter("testcase"):
        module, name = case.get("classname", ""), case.get("name", "")
        for kind in ("failure", "error"):
            for found in case.iter(kind):
                test = f"{module.replace('.', '/')}.py::{name}" if module else name
                yield test, found.text or found.get("message") or ""


def postgres(part: Part) -> None:
    """The tests that matter there, on a cluster that lives only as long."""
    with machine.postgres_cluster() as url:
        pytest(part, database=url)


def parts() -> list[Part]:
    """All parts in the order of running: what fails most often and soonest comes first.

    The daemons' tests wait most of the time, so they run beside all that computes. Only the
    browser's have the machine to themselves: they wait for what people would wait for.
    """
    return [
        Part("lint", "ruff: rules and formatting", 20, lint),
        Part("unit", "everything that needs no daemon, on SQLite", 330, side_by_side),
        Part("census", "every route as every role", 230, side_by_side, "unit", 0),
        Part("system", "real daemons: nginx, the agent, make run", 500, pytest, "unit"),
        Part("postgres", "what databases do differently, on PostgreSQL", 120, postgres, "unit"),
        Part("browser", "Chromium, as each role", 290, side_by_side),
    ]


def left_out(parts: Sequence[Part]) -> None:
    """Mark what cannot run here. Where it should be possible, leave it in and let it fail."""
    if machine.must_run_everything():
        return
    reasons = {"postgres": machine.why_no_postgres(), "browser": machine.why_no_chromium()}
    for part in parts:
        part.left_out = reasons.get(part.name, "")


def install() -> Part:
    """Time what the Makefile installed before this, and install the programs that are missing."""
    part = Part("install", "locks and programs", 120, lambda _: None)
    began = float(os.environ.get("TESTS_SINCE") or time.time())
    # A clock without a fraction, or one that was set meanwhile, must not count against us.
    part.seconds = max(0.0, time.time() - began)
    with timed(part):
        machine.install_programs()
    return part


@contextlib.contextmanager
def timed(part: Part) -> Iterator[None]:
    """Add the seconds spent inside to a part."""
    began = time.monotonic()
    try:
        yield
    finally:
        part.seconds += time.monotonic() - began


def together(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The parts that run at the same time, in order."""
    group: list[Part] = []
    for part in parts:
        if group and not (part.beside == group[0].name and (os.cpu_count() or 1) > 1):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def run_all(parts: Sequence[Part]) -> None:
    """Run the parts; those that run beside others write their lines when all of these are done."""
    for group in together([part for part in parts if not part.left_out]):
        first = [part for part in group if part is group[0] or not part.row_beside]
        second = [part for part in group if part not in first]
        with contextlib.ExitStack() as stack:
            for part in second:
                part.output = stack.enter_context(tempfile.TemporaryFile("w+"))
            thread = threading.Thread(target=in_turn, args=(second,))
            thread.start()
            in_turn(first)
            thread.join()
            for part in second:
                assert part.output is not None
                part.output.seek(0)
                shutil.copyfileobj(part.output, sys.stdout)


def in_turn(parts: Sequence[Part]) -> None:
    """Run one after the other."""
    for part in parts:
        run(part)


def run(part: Part) -> None:
    """Run one part; what stops it counts as a failure of it, and the next part runs."""
    print(f"\n== {part.name}: {part.what}", flush=True, file=part.output)
    with timed(part):
        try:
            part.run(part)
        except (OSError, subprocess.SubprocessError, machine.Missing) as error:
            print(f"{part.name} could not run: {error}", flush=True, file=part.output)
            part.fails("could not run", str(error))


def tell_failures(parts: Sequence[Part]) -> None:
    """Each failure again, by its last lines: of a long log only the end may be kept."""
    found = [(part.name, *failure) for part in parts for failure in part.failures]
    if not found:
        return
    each = min(LINES_OF_A_FAILURE, max(1, LINES_OF_FAILURES // len(found) - 1))
    print("== failures")
    for name, what, why in found:
        print(f"{name}: {what}")
        for line in why.rstrip().splitlines()[-each:]:
            print(f"    {line}")
    print()


def tell_time(seconds: float, slowness: float) -> bool:
    """Print what all of it took against the budget, and whether that was too long."""
    allowed = TOTAL_BUDGET * slowness
    over = seconds > allowed
    if slowness >= 1.05:
        print(f"  this machine was {slowness:.1f} times slower than the budgets are for")
    print(f"  total     {seconds:>6.1f} s of {allowed:.0f}{'  OVER BUDGET' if over else ''}\n")
    return over


def main() -> int:
    """Choose, run, summarise."""
    chosen = [part for part in parts() if not sys.argv[1:] or part.name in sys.argv[1:]]
    unknown = set(sys.argv[1:]) - {part.name for part in parts()}
    if unknown:
        print(f"unknown part: {', '.join(sorted(unknown))}\n{__doc__}", file=sys.stderr)
        return 2
    installing = install()
    left_out(chosen)
    for part in chosen:
        state = f"left out: {part.left_out}" if part.left_out else part.what
        print(f"  {part.name:<9} {state}", flush=True)
    began = time.monotonic()
    with Yardstick() as yardstick:
        run_all(chosen)
    done = [installing, *chosen]
    # Not the sum: some ran at the same time.
    seconds = installing.seconds + time.monotonic() - began
    failed = sum(part.failed for part in done)
    print("\n== summary")
    for part in done:
        print(part.row())
    over = tell_time(seconds, yardstick.slowness)
    tell_failures(done)
    passed, skipped = (sum(getattr(part, kind) for part in done) for kind in ("passed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or over else 0


if __name__ == "__main__":
    sys.exit(main())
