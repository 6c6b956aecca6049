"""Asks the panel for pages as a web server would, without a socket between."""

import io
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client

from accounts.models import User

_handler: WSGIHandler | None = None


def log_in(username: str) -> str:
    """A session of this login, as a Cookie header."""
    client = Client()
    user = User.objects.select_related("account").get(username=username)
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def get(url: str, cookie: str) -> tuple[int, bytes]:
    """Status and body of a page."""
    global _handler
    if _handler is None:
        _handler = WSGIHandler()
    parts = urlsplit(url)
    status: list[str] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "HTTP_COOKIE": cookie,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    response = _handler(environ, lambda line, headers: status.append(line))
    body = b"".join(response)
    response.close()
    return int(status[0].split()[0]), body


def interleaved(
    tasks: dict[str, Callable[[], object]], rounds: int, seconds: float = 20.0
) -> dict[str, tuple[float, float]]:
    """The least CPU and wall time of each task, in milliseconds.

    They take turns, so that what else the machine does meets all of them; the minimum of many
    is what remains when it did nothing else.
    """
    best = {name: (float("inf"), float("inf")) for name in tasks}
    for task in tasks.values():
        task()
        task()
    until = time.monotonic() + seconds
    for turn in range(rounds):
        for name, task in tasks.items():
            cpu, wall = time.process_time(), time.perf_counter()
            task()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            best[name] = (min(best[name][0], cpu * 1000), min(best[name][1], wall * 1000))
        if turn >= 5 and time.monotonic() > until:
            break
    return best


def checked(urls: Iterable[str], cookie: str) -> dict[str, Callable[[], object]]:
    """Tasks that ask for pages, and see that they are pages."""

    def task(url: str) -> Callable[[], object]:
        def ask() -> None:
            status, body = get(url, cookie)
            if status != 200:
                raise AssertionError(f"{url} answered {status}: {body[:500]!r}")

        return ask

    return {url: task(url) for url in urls}
