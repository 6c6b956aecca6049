"""Runs one scheduled task: a program of its own, started by the agent, that never runs the task.

It reads what to run, forks a child that gives up every right before it does anything else, keeps
the end of its output, ends what overstays, and ends whatever the task left behind: it adopts what
its children leave ("subreaper"), so that neither a new session nor a double fork leads out. How it
ended is renamed into place, for the agent to read. It imports nothing of ours, and everything
before rights are given up: a tenant's user may not be let to where Python is.

SIGTERM ends the task.
"""

import codecs
import ctypes
import json
import os
import resource
import select
import signal
import stat
import sys
import time
import traceback
import urllib.request

KEPT = 64 * 1024
_ANSWER = 8 * 1024 * 1024
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_LIBC = ctypes.CDLL(None, use_errno=True)
_PATH = "/usr/local/bin:/usr/bin:/bin"
# The kind of what makes names of hosts: looked up now, not when rights are gone.
codecs.lookup("idna")


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _limit(job: dict) -> None:
    """Bound what the task may take. Hard limits: it cannot raise them again."""
    bounds = [
        (resource.RLIMIT_CPU, job["seconds"]),
        (resource.RLIMIT_AS, job["memory"]),
        (resource.RLIMIT_FSIZE, job["file_size"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
    ]
    if job["uid"] is not None:
        # Counted over all processes of the user: it says something where that is one tenant.
        bounds.append((resource.RLIMIT_NPROC, job["processes"]))
    for what, bound in bounds:
        _soft, hard = resource.getrlimit(what)
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (most, most))


def _give_up_rights(uid: int | None) -> None:
    """Become the tenant, for good."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        if os.getresuid() != (uid, uid, uid) or os.getresgid() != (uid, uid, uid) or not uid:
            raise PermissionError("the user could not be changed")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


class _Bounded(urllib.request.HTTPRedirectHandler):
    """Follows few redirects, to nothing but http and https."""

    max_redirections = 5

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if not newurl.lower().startswith(("http://", "https://")):
            raise OSError(f"redirected to something that is no http: {newurl[:200]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(url: str, seconds: int) -> int:
    """Ask for an address, as the tenant; 0 if it was answered well."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Bounded(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, headers={"User-Agent": "Freehold scheduled task"})  # noqa: S310
    try:
        with opener.open(request, timeout=seconds) as answer:
            os.write(1, f"{answer.status} {answer.reason}\n".encode("utf-8", "replace"))
            left = _ANSWER
            while left > 0 and (part := answer.read(min(65536, left))):
                left -= len(part)
                os.write(1, part)
    except Exception as error:
        os.write(1, f"{error}\n".encode("utf-8", "replace"))
        return 1
    return 0


def _child(job: dict, home: int, output: int) -> None:
    """Become the task. Never returns."""
    try:
        os.setsid()
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP) and not 32 <= number <= 33:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.closerange(3, home)
        os.closerange(home + 1, 65536)
        os.umask(0o027)
        os.nice(10)
        _limit(job)
        _give_up_rights(job["uid"])
        # Cleared when rights change, so only now: without the keeper there is no task.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != job["keeper"]:
            os._exit(127)
        os.fchdir(home)
        environment = {"PATH": _PATH, "SHELL": "/bin/sh", "LANG": "C.UTF-8", **job["environment"]}
        if job["kind"] == "url":
            os.environ.clear()
            os.environ.update(environment)
            os.close(home)
            os._exit(_fetch(job["what"], job["seconds"]))
        os.execve(job["command"][0], job["command"], environment)  # noqa: S606
    except BaseException as error:
        os.write(2, f"not run: {error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(126)


def _parents() -> dict[int, int]:
    """Return every process with its parent."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    words = stream.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if words[0] not in (b"Z", b"X"):
                found[int(name)] = int(words[1])
    return found


def _below(parents: dict[int, int]) -> list[int]:
    """Return all processes below this one, those above first."""
    found = [os.getpid()]
    for above in found:
        found += [pid for pid, parent in parents.items() if parent == above]
    return found[1:]


def _send(pid: int, parent: int, number: signal.Signals) -> None:
    """Send a signal to a process that still is whose it was: its number may be given again."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if _parents().get(pid) in (parent, os.getpid()):
            signal.pidfd_send_signal(descriptor, number)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_all() -> None:
    """End everything below: stopped first, so that none brings up another meanwhile."""
    while True:
        stopped: set[int] = set()
        while True:
            parents = _parents()
            fresh = [pid for pid in _below(parents) if pid not in stopped]
            for pid in fresh:
                _send(pid, parents[pid], signal.SIGSTOP)
            if not fresh:
                break
            stopped.update(fresh)
        for pid in _below(parents):
            _send(pid, parents[pid], signal.SIGKILL)
        _reap()
        if not _below(_parents()):
            return
        time.sleep(0.01)


class Kept:
    """The end of what was said."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._data = bytearray()
        self.is_cut = False

    def add(self, part: bytes) -> None:
        """Add what was said, and forget what is too long ago."""
        self._data += part
        if len(self._data) > self._most:
            del self._data[: len(self._data) - self._most]
            self.is_cut = True

    def text(self) -> str:
        """Return it as text that can be shown: a NUL is none."""
        return self._data.decode("utf-8", "replace").replace("\0", "\ufffd")


def _follow(child: int, output: int, asked: int, deadline: float, kept: Kept) -> str:
    """Read until the child has ended, the time is over, or the agent says so; return which."""
    process = os.pidfd_open(child)
    poller = select.poll()
    for descriptor in (process, output, asked):
        poller.register(descriptor, select.POLLIN)
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return "time"
            ready = {descriptor for descriptor, _event in poller.poll(min(left, 60) * 1000)}
            if asked in ready:
                return "stopped"
            # What it said last is still in the pipe; what it left behind may go on for ever.
            if process in ready:
                return ""
            if output in ready:
                part = os.read(output, 65536)
                kept.add(part)
                if not part:
                    poller.unregister(output)
    finally:
        os.close(process)


def keep(job: dict) -> dict:
    """Run a task to its end, and say how that was."""
    if stat.S_ISDIR(os.stat(job["home"], follow_symlinks=False).st_mode):
        home = os.open(job["home"], os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    else:
        raise NotADirectoryError(job["home"])
    asked, asking = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(asking, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    output, said = os.pipe2(os.O_CLOEXEC)
    job["keeper"] = os.getpid()
    kept = Kept()
    deadline = time.monotonic() + job["seconds"]
    child = os.fork()
    if child == 0:
        _child(job, home, said)
    os.close(said)
    cause = _follow(child, output, asked, deadline, kept)
    # How it ended is taken before the rest is buried with it.
    status = None if cause else os.waitpid(child, 0)[1]
    end_all()
    os.set_blocking(output, False)
    try:
        while part := os.read(output, 65536):
            kept.add(part)
    except BlockingIOError:
        pass
    code = None if status is None else os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and not cause):
        cause = "cpu" if _used() >= job["seconds"] - 1 else cause
    return {"code": code, "cause": cause, "output": kept.text(), "is_cut": kept.is_cut}


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the task whose file is named, and leave a file that says how it ended."""
    path, done = sys.argv[1], sys.argv[2]
    try:
        with open(path, encoding="utf-8") as stream:
            job = json.load(stream)
        found = keep(job)
    except Exception as error:
        end_all()
        words = f"{error}\n{traceback.format_exc(limit=3)}"
        found = {"code": None, "cause": "failed", "output": words[-KEPT:], "is_cut": False}
    found["ended"] = time.time()
    with open(f"{done}.new", "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        json.dump(found, stream)
    os.replace(f"{done}.new", done)


if __name__ == "__main__":
    main()
