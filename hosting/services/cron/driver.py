"""Scheduled tasks on a node: begins what is due, each run kept by a process of its own.

The agent never runs a task: it starts a keeper (see `driver_keeper`), which gives up every right
before the task begins. A keeper outlives an agent that is killed; the next one finds it by the
directory that it runs in, or what it left. What was due while no agent ran is left out, as cron
does it. Never do two runs of the same task go on at once.
"""

import json
import pkgutil
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hosting.agent.driver import Change, Driver, Result
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, told
from hosting.services.cron import driver_desired, driver_jobs
from hosting.services.cron import driver_schedule as schedule
from hosting.services.cron.driver_desired import Task, Tasks
from hosting.services.cron.driver_runs import Open, Runs

# So many run at once: of all, and of one subscription.
_AT_ONCE, _OF_ONE = 32, 4
# Minutes that a run may wait for its place before it is left out.
_PATIENCE = 15
# Seconds that Run now may be on its way: what comes later (a restored node) is not run.
_FRESH = 15 * 60
# Minutes that the clock may go back: until it has caught up nothing is run twice.
_BACK = 180
_NEWS = 20
_NEWS_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Due:
    """A run that waits for its place."""

    subscription: int
    task: int
    minute: int
    asked: int


class CronDriver(Driver[Tasks]):
    """The scheduled tasks of one node."""

    service = "cron"

    def __init__(self, host: Host, clock: Callable[[], float] = time.time):
        self._host, self._clock = host, clock
        self._directory = host.platform.node / "cron"
        self._wanted: dict[int, Tasks] = {}
        self._shut: set[int] = set()
        # When each task is due next, by number: (line, zone, minute).
        self._next: dict[int, tuple[str, str, int | None]] = {}
        self._last: dict[int, tuple[int, int]] = {}
        self._running: dict[Open, int] = {}
        # Written down, and then there was no room to begin them.
        self._unbegun: set[Open] = set()
        self._waiting: deque[Due] = deque()
        self._lock = threading.RLock()
        self._bell = threading.Condition(self._lock)
        self._leaving = False
        self._words = ""
        self._minute: int | None = None
        self._runs: Runs | None = None

    def offers(self) -> dict[str, object]:
        """Return the versions of PHP that scripts can be run by."""
        return {"php": sorted(driver_jobs.interpreters(self._host.platform))}

    def parse(self, value: object) -> Tasks:
        """Return the tasks of a subscription."""
        return driver_desired.parse(value)

    def settle(self, applied: Mapping[int, Tasks], shut: Collection[int]) -> None:
        """Go on as recorded: adopt what runs, note what ended, end what may not run."""
        for directory in (self._directory, *map(self._directory.joinpath, ("jobs", "done"))):
            if not directory.is_dir():
                self._host.make(directory, 0o700)
        program = pkgutil.get_data("hosting.services.cron", "driver_keeper.py") or b""
        path = self._directory / "keeper.py"
        if not path.is_file() or path.read_bytes() != program:
            self._host.replace(path, program, 0o600)
        with self._lock:
            self._runs = Runs(self._host, self._directory / "runs.sqlite3")
            self._wanted, self._shut = dict(applied), set(shut)
            self._last = self._runs.last()
            self._adopt()
            self._forget()
            self._stop(self._shut)
            self._plan_all()

    def _adopt(self) -> None:
        """Find the keepers of runs whose end is not known. Where there is none, it is lost."""
        keepers = {}
        for pid, line in self._host.runner.processes(self._directory).items():
            words = line.split()
            if words and words[-1].startswith("done/"):
                keepers[words[-1].removeprefix("done/")] = pid
        for run in self._store.open():
            pid = keepers.get(str(run.id))
            if pid is not None:
                self._running[run] = pid
            else:
                self._collect(run)
        known = {str(run.id) for run in self._running}
        for room in ("jobs", "done"):
            for path in list((self._directory / room).iterdir()):
                if path.name.removesuffix(".new") not in known:
                    self._host.unlink(path)

    @property
    def _store(self) -> Runs:
        if self._runs is None:
            raise AgentError("io", "scheduled tasks have not been settled")
        return self._runs

    def _forget(self) -> None:
        there = {task.id for tasks in self._wanted.values() for task in tasks.tasks}
        self._store.forget(self._store.tasks().keys() - there)

    # Following what is wanted.

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Begin nothing of what is shut, and end what runs of it."""
        with self._lock:
            news = set(shut) - self._shut
            self._shut = (self._shut | set(shut)) - set(opened)
            self._waiting = deque(due for due in self._waiting if due.subscription not in news)
            self._stop(news)
            self._bell.notify()

    def _stop(self, subscriptions: Collection[int], tasks: Collection[int] = ()) -> None:
        for run, pid in self._running.items():
            if run.subscription in subscriptions or run.task in tasks:
                self._host.signal(pid, signal.SIGTERM)

    def plan(self, wanted: Mapping[int, Tasks | None]) -> dict[int, list[Change]]:
        """Return what differs from what is scheduled."""
        found = {}
        with self._lock:
            for number, tasks in wanted.items():
                before, after = _told(self._wanted.get(number)), _told(tasks)
                if before != after:
                    found[number] = [Change("scheduled tasks", before, after)]
        return found

    def apply(self, wanted: Mapping[int, Tasks | None]) -> Result:
        """Schedule these from now on; of tasks that are gone, what runs is ended."""
        result = Result()
        with self._lock:
            for number, tasks in wanted.items():
                before = self._wanted.get(number)
                if before == tasks:
                    continue
                try:
                    self._check(tasks)
                    self._follow(number, before, tasks)
                except (AgentError, OSError, sqlite3.Error) as error:
                    result.failures[number] = told(error)
                    continue
                result.changed.add(number)
            self._bell.notify()
        return result

    def _check(self, tasks: Tasks | None) -> None:
        for task in tasks.tasks if tasks else ():
            if (
                task.kind == "php"
                and task.is_active
                and driver_jobs.interpreter(self._host.platform, task.php) is None
            ):
                raise AgentError("refused", f"this node has no PHP {task.php} for scheduled tasks")

    def _follow(self, number: int, before: Tasks | None, tasks: Tasks | None) -> None:
        old = {task.id: task for task in before.tasks} if before else {}
        new = {task.id: task for task in tasks.tasks} if tasks else {}
        gone = old.keys() - new.keys()
        off = {pk for pk, task in new.items() if not task.is_active and pk in old}
        self._stop((), gone | {pk for pk in off if old[pk].is_active})
        self._waiting = deque(
            due
            for due in self._waiting
            if due.task not in gone and (due.asked or due.task not in off)
        )
        self._store.forget(gone)
        for pk in gone:
            self._next.pop(pk, None)
            self._last.pop(pk, None)
        if tasks is None:
            self._wanted.pop(number, None)
        else:
            self._wanted[number] = tasks
            for task in tasks.tasks:
                self._plan_one(task, schedule.minute_of(self._clock()))
                self._ask_for(number, task)

    def _ask_for(self, number: int, task: Task) -> None:
        """Queue what somebody asked for with Run now, once for each time."""
        handled = self._last.get(task.id, (0, 0))[1]
        is_fresh = abs(self._clock() - task.asked) < _FRESH
        is_waiting = any(due.task == task.id and due.asked for due in self._waiting)
        if task.asked > handled and is_fresh and not is_waiting and number not in self._shut:
            self._waiting.append(Due(number, task.id, 0, task.asked))

    # The clock.

    def _plan_all(self) -> None:
        # The minute that is going on is not over: a restart leaves nothing of it out.
        now = schedule.minute_of(self._clock()) - 1
        for number, tasks in self._wanted.items():
            for task in tasks.tasks:
                self._plan_one(task, now)
                self._ask_for(number, task)

    def _plan_one(self, task: Task, after: int) -> None:
        known = self._next.get(task.id)
        is_same = known is not None and known[:2] == (task.line, task.zone)
        if is_same and known is not None and known[2] is not None and known[2] > after:
            return
        zone = driver_desired.find_zone(task.zone)
        due = schedule.next_minute(schedule.parse(task.line), zone, after)
        self._next[task.id] = (task.line, task.zone, due)

    def tick(self, now: float) -> float:
        """Begin what is due, note what has ended; return the seconds until the next look."""
        with self._lock:
            minute = schedule.minute_of(now)
            self._look_at_all(minute)
            self._collect_ended()
            self._begin_waiting(minute)
            if self._running or self._waiting:
                return 0.2
            return min(60.0 - now % 60.0 + 0.01, 60.0)

    def _collect_ended(self) -> None:
        """Note what has ended, also what could not be written down the last time."""
        for run in self._store.open():
            pid = self._running.get(run)
            if run in self._unbegun:
                self._store.withdraw(run)
                self._unbegun.remove(run)
            elif pid is None or not self._host.runner.alive(pid):
                self._running.pop(run, None)
                self._collect(run)

    def _look_at_all(self, minute: int) -> None:
        """Once a minute, see what is due."""
        if minute == self._minute:
            return
        if self._minute is not None and minute < self._minute:
            # The clock went back: what is planned may lie too far ahead.
            self._next.clear()
            for tasks in self._wanted.values():
                for task in tasks.tasks:
                    self._plan_one(task, minute - 1)
        self._minute = minute
        for number, tasks in self._wanted.items():
            for task in tasks.tasks:
                self._look(number, task, minute)

    def _look(self, number: int, task: Task, minute: int) -> None:
        due = self._next[task.id][2]
        if due is None or due > minute:
            return
        self._plan_one(task, minute)
        last = self._last.get(task.id, (0, 0))[0]
        was_done = last >= minute and last - minute < _BACK
        is_missed = due < minute - 1
        is_busy = any(run.task == task.id for run in self._running)
        is_waiting = any(each.task == task.id for each in self._waiting)
        if number in self._shut or not task.is_active:
            return
        if not (was_done or is_missed or is_busy or is_waiting):
            self._waiting.append(Due(number, task.id, minute, 0))

    def _begin_waiting(self, minute: int) -> None:
        of_one = Counter(run.subscription for run in self._running)
        busy = {run.task for run in self._running}
        later: deque[Due] = deque()
        try:
            while self._waiting:
                due = self._waiting[0]
                is_full = len(self._running) >= _AT_ONCE or of_one[due.subscription] >= _OF_ONE
                if due.minute and minute - due.minute > _PATIENCE:
                    pass
                elif is_full or due.task in busy:
                    later.append(due)
                else:
                    self._begin(due)
                    of_one[due.subscription] += 1
                    busy.add(due.task)
                self._waiting.popleft()
        finally:
            # One that cannot be begun, as on a full disk, waits on, and so do those behind it.
            self._waiting.extendleft(reversed(later))

    def _begin(self, due: Due) -> None:
        tasks = self._wanted.get(due.subscription)
        task = next((each for each in tasks.tasks if each.id == due.task), None) if tasks else None
        if tasks is None or task is None or due.subscription in self._shut:
            return
        number = self._store.begin(due.subscription, task.id, due.minute, due.asked)
        run = Open(number, due.subscription, task.id)
        last = self._last.get(task.id, (0, 0))
        self._last[task.id] = (max(last[0], due.minute), max(last[1], due.asked))
        job = driver_jobs.job(self._host.platform, tasks.user, due.subscription, task)
        path = self._directory / "jobs" / str(number)
        try:
            self._host.write(path, job, 0o600)
            command = [sys.executable, "-I", "-S", "keeper.py", f"jobs/{number}", f"done/{number}"]
            self._running[run] = self._host.spawn(command, self._directory)
        except OSError:
            # It is begun another time, as another run; of this one nobody hears.
            self._last[task.id] = last
            self._unbegun.add(run)
            self._host.unlink(path)
            raise

    def _collect(self, run: Open) -> None:
        """Write down how a run ended, by what its keeper left."""
        done = self._directory / "done" / str(run.id)
        found: dict[str, Any] = {"cause": "lost"}
        with suppress(OSError, ValueError):
            found = json.loads(done.read_bytes())
        self._store.end(run, found)
        self._host.unlink(self._directory / "jobs" / str(run.id))
        self._host.unlink(done)

    # Telling.

    def news(self, after: int) -> list[dict[str, Any]]:
        """Return runs that have ended since; at most a frame of them."""
        found, size = [], 0
        for each in self._store.since(after, _NEWS):
            size += len(json.dumps(each["output"]))
            if found and size > _NEWS_BYTES:
                break
            found.append(each)
        return found

    def ask(self, what: str, subscription: int, parameters: object) -> dict[str, object]:
        """Say which tasks of a subscription run, or wait for their place."""
        if what != "running" or parameters != {}:
            return super().ask(what, subscription, parameters)
        with self._lock:
            running = {run.task for run in self._running if run.subscription == subscription}
            waiting = {due.task for due in self._waiting if due.subscription == subscription}
            return {"running": sorted(running), "waiting": sorted(waiting)}

    def problem(self) -> str | None:
        """Return what keeps tasks from being run."""
        return self._words or None

    def watch(self) -> None:
        """Begin to look at the clock."""
        threading.Thread(target=self._keep_time, name="scheduled tasks", daemon=True).start()

    def _keep_time(self) -> None:
        with self._lock:
            while not self._leaving:
                self._bell.wait(self.look(self._clock()))

    def look(self, now: float) -> float:
        """Do what `tick` does; what keeps it from that is this node's problem until it works."""
        try:
            pause = self.tick(now)
            self._words = ""
        except (AgentError, OSError, ValueError, sqlite3.Error) as error:
            self._words, pause = f"scheduled tasks cannot be run: {error}", 5.0
        return pause

    def stop(self) -> None:
        """Look at the clock no more; end what runs where the platform says so."""
        with self._lock:
            self._leaving = True
            self._bell.notify()
            if self._host.platform.stops_daemons:
                for pid in self._running.values():
                    self._host.signal(pid, signal.SIGTERM)
        if self._host.platform.stops_daemons:
            for pid in list(self._running.values()):
                self._host.runner.wait(pid, 5.0)


def _told(tasks: Tasks | None) -> list[str]:
    return [str(task) for task in tasks.tasks] if tasks else []
