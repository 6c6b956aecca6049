"""Readies a release to run: static files, and byte code of what serves, which nobody can write
there later. Run by an installation, once for each release.
"""

from importlib import import_module
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

# What panel and worker load. Importing a module writes its byte code beside it.
_SERVING = (
    "panel.wsgi",
    "panel.urls",
    "hosting.worker",
    "gunicorn.app.wsgiapp",
    "gunicorn.arbiter",
    "gunicorn.workers.gthread",
    "django.db.backends.sqlite3.base",
)


class Command(BaseCommand):
    """Changes files below STATIC_ROOT, and caches of Python."""

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("check")
        for name in _SERVING:
            import_module(name)
