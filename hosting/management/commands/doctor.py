"""`manage.py doctor`: says what is wrong with an installation and how to mend it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Exit code 0: nothing is wrong, though there may be advice. 1: something is."""

    help = (
        "Looks for what should not be: in an installation users, modes, services, agent, clock,"
        " certificate and disk; everywhere the database, owner columns, counts, the activity log,"
        " nodes and mail."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mend", action="store_true", help="recount what is only cached")

    def handle(self, *args: Any, **options: Any) -> None:
        from django.conf import settings

        from hosting import doctor
        from panel.install import examine
        from panel.install.places import Places

        if options["mend"]:
            doctor.mend()
        findings = doctor.examine()
        if settings.NODE_PLATFORM == "debian":
            of_machine = examine.examine(Places())
            findings = [*(doctor.Finding(*each) for each in of_machine), *findings]
        for finding in findings:
            mark = "advice: " if finding.is_advice else ""
            self.stdout.write(f"- {mark}{finding.what}\n  {finding.cure}")
        if not all(finding.is_advice for finding in findings):
            raise SystemExit(1)
        self.stdout.write("Nothing is wrong.")
