"""Writes this machine down as a node, and prints what is there as JSON. Twice changes nothing."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Run by `make install`, which wants to know besides whether somebody can log in."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--address", help="the IPv4 address at which its sites are reached")

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts.creation import has_administrator
        from hosting import nodes
        from hosting.models.nodes import Node

        is_new = not Node.objects.exists()
        node = nodes.choose(options["address"])
        found = {"node": node.name if is_new else "", "administrator": has_administrator()}
        self.stdout.write(json.dumps(found))
