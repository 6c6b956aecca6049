"""`manage.py seed`: fills an empty or demo panel with as many rows as wanted."""

import secrets
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Fills an empty or demo panel with customers, subscriptions and domains, to see how it"
        " feels at size. The rows are what operations would have left; nothing is sent to anybody."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=10_000)
        parser.add_argument("--subscriptions", type=int, help="twice the customers unless given")
        parser.add_argument("--domains", type=int, help="three times the customers unless given")
        parser.add_argument("--resellers", type=int, default=200)

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts.creation import has_administrator
        from hosting.seed import NotEmpty, Seed
        from hosting.seed_accounts import Sizes

        customers = options["customers"]
        subscriptions = options["subscriptions"]
        domains = options["domains"]
        if subscriptions is None:
            subscriptions = min(2 * customers, domains if domains is not None else 2 * customers)
        if domains is None:
            domains = max(3 * customers, subscriptions)
        sizes = Sizes(customers, subscriptions, domains, options["resellers"])
        if problem := sizes.problem():
            raise CommandError(problem)
        password = "" if has_administrator() else secrets.token_urlsafe(12)
        begun = time.monotonic()
        try:
            Seed(sizes, self.stdout.write).fill(password)
        except NotEmpty as error:
            raise CommandError("Only an empty panel or one with the demo can be seeded.") from error
        self.stdout.write(
            f"{customers:,} customers, {subscriptions:,} subscriptions, {domains:,} domains in"
            f" {time.monotonic() - begun:.0f} s."
        )
        if password:
            self.stdout.write(f"Log in as admin with the password {password}")
