"""Writes docs/openapi.json from the operations; refuses where something promised is gone."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """`manage.py openapi` writes, `--check` only compares. /api/v1 only grows."""

    help = "Write docs/openapi.json, the API's OpenAPI document."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        path = settings.BASE_DIR / "docs" / "openapi.json"
        parser.add_argument("--file", type=Path, default=path, help="another file")
        parser.add_argument("--check", action="store_true", help="compare; write nothing")
        parser.add_argument(
            "--narrow", action="store_true", help="write although something promised is gone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from panel.core.api_document import document, narrowed, written

        path: Path = options["file"]
        old = path.read_text() if path.exists() else ""
        new = document()
        gone = narrowed(json.loads(old), new) if old else []
        if gone and not options["narrow"]:
            raise CommandError("\n".join(["The API would promise less than before:", *gone]))
        if options["check"]:
            if written(new) != old:
                raise CommandError(f"{path} is not current: run manage.py openapi")
            return
        path.write_text(written(new))
        self.stdout.write(f"{path}: {len(new['paths'])} addresses")
