"""Check a CSV file of customers and subscriptions, and import it if told to."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = (
        "Check a CSV file of customers and subscriptions: what would become of each row. With "
        "--import it is imported: 'good' takes the rows that nothing stands against, 'all' takes "
        "all of them or none. See docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file; - for standard input")
        parser.add_argument("--as", dest="user", required=True, metavar="USERNAME")
        parser.add_argument("--import", dest="mode", choices=["good", "all"], help="do it, too")
        parser.add_argument("--encoding", choices=["utf-8", "windows-1252"], default="utf-8")

    def handle(self, *args: Any, **options: Any) -> None:
        from django.core.exceptions import PermissionDenied, ValidationError

        from panel.core.door import BadInput

        try:
            self.work(options)
        except (BadInput, ValidationError) as error:
            found = getattr(error, "fields", None) or {"file": getattr(error, "messages", [])}
            lines = [word for words in found.values() for word in words]
            raise CommandError("\n".join(lines), returncode=2) from None
        except PermissionDenied:
            raise CommandError(f"{options['user']} may not import.", returncode=1) from None

    def work(self, options: dict[str, Any]) -> None:
        """Upload, check, and import if that is wanted and nothing stands against it."""
        from hosting.importing import carry_out_here
        from panel.core import door_cli
        from panel.core.csv_files import decoded

        path = options["file"]
        try:
            data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        except OSError as error:
            raise CommandError(str(error), returncode=2) from None
        actor = door_cli.actor_named(options["user"])
        text = decoded(data, options["encoding"])
        made = self.done("account.add-import", actor, actor.account_id, {"file": text})
        source = carry_out_here(made)
        self.tell(source)
        if options["mode"] is None:
            self.stdout.write(f"Nothing is imported yet. Import {source.pk} waits in the panel.")
        else:
            self.done("import.carry-out", actor, source.pk, {"mode": options["mode"]})
            source = carry_out_here(source.pk)
            self.tell(source)
        if source.count("refused") or source.count("failed"):
            sys.exit(1)

    def done(self, name: str, actor: Any, pk: int, values: dict[str, Any]) -> int:
        """Perform an operation; the row that it made, or `pk`. A refusal ends the command."""
        from django.core.exceptions import PermissionDenied

        from panel.core import door, reasons, runs
        from panel.core.operations import Result, operations

        operation = operations[name]
        if not operation.may(actor):
            raise PermissionDenied
        rows = list(operation.visible(actor).filter(pk=pk))
        given = door.read(operation, actor, rows, values)
        outcome = runs.perform(operation, actor, [pk], params=given.params, secrets=given.secrets)
        finding = outcome.findings[0]
        if finding.result != Result.DONE:
            raise CommandError(reasons.render(finding.code, finding.params), returncode=1)
        return finding.created_id or pk

    def tell(self, source: Any) -> None:
        """Counts, then each row that is not done, with its line and why."""
        from hosting.models.imports import ImportRow

        verb = "imported" if source.phase == "import" else "good"
        names = {"done": verb, "unchanged": "unchanged", "refused": "refused", "failed": "failed"}
        counts = [f"{source.count(key)} {word}" for key, word in names.items() if source.count(key)]
        self.stdout.write(f"{source.name}: {source.total} rows: {', '.join(counts)}")
        rows = ImportRow.objects.unscoped("of one's own import").filter(source=source)
        for row in rows.exclude(result="done").order_by("pk"):
            self.stdout.write(f"  line {row.line:>5}  {row.result:<9}  {row.label}: {row.reason}")
