"""`freehold run`: agent, panel, worker and front in the foreground, where there is no systemd."""

import fcntl
import grp
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from panel.install import files, manage, running
from panel.install.places import FRONT_USER, PANEL_USER, PYTHON, Places
from panel.install.work import CannotInstall, uid
from panel.supervisor import Child, StartFailed, Supervisor

_GUNICORN = (
    "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", "4",
    "--preload", "--timeout", "60", "--graceful-timeout", "4", "--no-control-socket",
    "--log-level", "warning", "panel.wsgi:application",
)  # fmt: skip


def _listen(places: Places) -> socket.socket:
    """The panel's socket, as freehold-panel.socket makes it: only the front may connect."""
    places.panel_run.mkdir(mode=0o755, exist_ok=True)
    places.panel_socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(places.panel_socket))
    finally:
        os.umask(mask)
    os.chown(places.panel_socket, 0, grp.getgrnam(FRONT_USER).gr_gid)
    places.panel_socket.chmod(0o660)
    listener.listen(512)
    return listener


def children(places: Places, handle: int) -> list[Child]:
    """The same four as systemd's units. Panel and worker wait while an upgrade is under way."""
    variables = manage.environment(places)
    python = str(places.current / ".venv/bin/python")
    wait = [PYTHON, "-I", "-S", str(Path(__file__).with_name("wait.py")), str(places.lock),
            str(places.current)]  # fmt: skip
    web = [*wait, python, _GUNICORN[0], _GUNICORN[1], "--bind", f"fd://{handle}", *_GUNICORN[2:]]
    worker = [*wait, python, "manage.py", "worker"]
    front = ["/usr/sbin/nginx", "-e", "stderr", "-c", str(places.front)]
    root = {"PATH": variables["PATH"], "LANG": "C.UTF-8"}
    return [
        Child("agent", running.agent_command(places), root),
        Child("panel", web, variables, keep_open=[handle], umask=0o077, user=PANEL_USER),
        Child("worker", worker, variables, umask=0o077, user=PANEL_USER),
        Child("front", front, root, umask=0o077, user=FRONT_USER),
    ]


@contextmanager
def _alone(places: Places) -> Iterator[IO[str]]:
    """Hold the lock by which others find this process."""
    with places.foreground_lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotInstall("It runs already.") from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock


def run(places: Places) -> int:
    """Start everything and stay until somebody ends it."""
    if os.geteuid() != 0:
        raise CannotInstall("This needs root: the agent changes owners and listens on port 80.")
    if not (places.current / "manage.py").exists():
        raise CannotInstall("Nothing is installed. In a clone: make install")
    with _alone(places):
        places.lock.touch(0o644)
        places.front_run.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(places.front_run, FRONT_USER, FRONT_USER)
        uid(PANEL_USER)
        places.logs.mkdir(mode=0o755, parents=True, exist_ok=True)
        with _listen(places) as listener:
            supervisor = Supervisor(places.logs / "foreground", _say)
            supervisor.install_signals()
            try:
                supervisor.start(children(places, listener.fileno()))
                _say("Freehold is starting ...")
                if supervisor.run(lambda: running.panel_answers(places) == 200):
                    _say(f"Freehold runs: {files.settings(places)['origin']}/")
                    supervisor.run()
            except StartFailed as error:
                raise CannotInstall(str(error)) from error
            finally:
                _say("Stopping ...")
                supervisor.stop()
    return 0


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
