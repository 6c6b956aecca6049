"""What runs: under systemd, or in the foreground (`freehold run`) where there is none."""

import fcntl
import http.client
import os
import shlex
import signal
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from panel.install import files
from panel.install.places import PYTHON, UNITS, Places
from panel.install.work import CannotInstall, Work, has_systemd, ran

_PANEL = ("freehold-panel.service", "freehold-worker.service")
_PATIENCE = 60.0


def foreground_pid(places: Places) -> int | None:
    """The process id of `freehold run`, if it runs."""
    try:
        with places.foreground_lock.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def is_running(places: Places) -> bool:
    """Whether the panel is kept up, though it may be starting just now."""
    if has_systemd():
        return (places.units / UNITS[2]).exists()
    return foreground_pid(places) is not None


def pause(work: Work) -> None:
    """Let nothing write the database; requests wait, websites are served."""
    if has_systemd():
        work.run(["systemctl", "stop", *_PANEL])
    elif pid := foreground_pid(work.places):
        # They wait for the lock of this installation before they start again.
        _end(_children(pid, "gunicorn", "manage.py worker"))


def start(work: Work, changed: list[str], *, is_new: bool, front_changed: bool) -> None:
    """Have everything run as it is now. `is_new`: another release than before."""
    if has_systemd():
        _start_units(work, changed, is_new=is_new, front_changed=front_changed)
    elif pid := foreground_pid(work.places):
        if is_new:
            _end(_children(pid, "agent.pyz", "gunicorn", "manage.py worker"))
            work.changed("started agent, panel and worker anew")
        if front_changed:
            for child in _children(pid, "nginx"):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGHUP)


def _start_units(work: Work, changed: list[str], *, is_new: bool, front_changed: bool) -> None:
    disabled = [unit for unit in UNITS if ran(["systemctl", "is-enabled", "-q", unit]).returncode]
    if disabled:
        work.run(["systemctl", "enable", *disabled])
        work.changed(f"enabled {', '.join(disabled)}")
    for unit in UNITS:
        is_active = ran(["systemctl", "is-active", "-q", unit]).returncode == 0
        is_code = unit not in {"freehold-panel.socket", "freehold-front.service"}
        if not is_active:
            # Panel and worker wait for the end of this installation; it may not wait for them.
            work.run(["systemctl", "--no-block", "start", unit])
            work.changed(f"started {unit}")
        elif unit in changed or (is_new and is_code):
            work.run(["systemctl", "--no-block", "restart", unit])
            work.changed(f"restarted {unit}")
        elif front_changed and unit == "freehold-front.service":
            work.run(["systemctl", "reload", unit])
            work.changed(f"reloaded {unit}")


def stop(work: Work) -> None:
    """End everything, the daemons that serve included."""
    if has_systemd():
        known = [unit for unit in UNITS if (work.places.units / unit).exists()]
        if known:
            work.run(["systemctl", "disable", "--now", *known])
            work.changed(f"stopped {', '.join(known)}")
    elif pid := foreground_pid(work.places):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while foreground_pid(work.places) and time.monotonic() < deadline:
            time.sleep(0.1)
        work.changed("ended `freehold run`")
    _end_daemons(work)


def _end_daemons(work: Work) -> None:
    """An agent that is not told to keep serving takes its daemons along when it ends."""
    archive = work.places.current / "agent.pyz"
    if not archive.exists() or not work.places.agent_run.exists():
        return
    words = [word for word in agent_command(work.places) if word != "--keep-serving"]
    agent = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/"
    )
    said = agent.stderr.readline() if agent.stderr else ""
    agent.terminate()
    try:
        agent.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        agent.kill()
        agent.wait()
    if "listens" in said:
        work.changed("stopped what served the websites")
    else:
        work.say(f"  The agent did not start, so what it had started may still run: {said.strip()}")


def agent_command(places: Places) -> list[str]:
    """As in freehold-agent.service, with what the operator added."""
    options: list[str] = []
    if places.agent_options.exists():
        for line in places.agent_options.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "AGENT_OPTIONS":
                options = shlex.split(" ".join(shlex.split(value)))
    return [
        PYTHON, "-I", "-S", str(places.current / "agent.pyz"), "--platform", "debian",
        "--panel-uid", "freehold", "--keep-serving", *options,
    ]  # fmt: skip


def _children(parent: int, *words: str) -> list[int]:
    """The children of a process whose command line holds one of the words."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if int(stat[1]) == parent and any(word in line for word in words):
                found.append(int(path.name))
    return found


def _end(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 30.0
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


def panel_answers(places: Places) -> int:
    """The status of the login page, over TLS; 0: nobody answers."""
    context = ssl.create_default_context()
    # Whether the certificate is a good one is not the question here.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = files.front_port(places)
    host = str(files.settings(places)["hosts"][0])
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request("GET", "/login/", headers={"Host": f"{host}:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def await_panel(work: Work) -> None:
    """CannotInstall unless the login page answers after a while."""
    deadline = time.monotonic() + _PATIENCE
    while (status := panel_answers(work.places)) != 200:
        if time.monotonic() > deadline:
            logs = (
                "journalctl -u freehold-panel -u freehold-front"
                if has_systemd()
                else f"the logs in {work.places.logs / 'foreground'}"
            )
            raise CannotInstall(
                f"The login page does not answer ({status or 'nobody'}); see {logs}."
            )
        time.sleep(0.2)
