"""`manage.py doctor`: says what is wrong with an installation and how to mend it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Looks for what should not be: owner columns, counts, the activity log, nodes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mend", action="store_true", help="recount what is only cached")

    def handle(self, *args: Any, **options: Any) -> None:
        from hosting import doctor

        if options["mend"]:
            doctor.mend()
        findings = doctor.examine()
        for finding in findings:
            self.stdout.write(f"- {finding.what}\n  {finding.cure}")
        if findings:
            raise SystemExit(1)
        self.stdout.write("Nothing is wrong.")
