"""Does an operation from the command line: `operate customer suspend 12 15 --as admin`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

EXAMPLES = """\
operate --list
operate customer suspend 12 15 --as admin --set kind=unpaid
operate customer suspend --all --filter status=active --as admin --dry-run
operate customer add --as admin --set contact_name="Anna Berg" --set email=anna@example.com \\
    --set username=anna --set-file password=/root/new-password
"""


class Command(BaseCommand):
    """The same operations as in the panel, with the same rules, on behalf of a user.

    Exit code: 0 if everything was done (or was so already), 1 if anything was refused, missing or
    failed, 2 if what was typed cannot be taken.
    """

    help = "Do an operation on objects, on behalf of a user (--as)."
    requires_system_checks = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        from argparse import RawDescriptionHelpFormatter

        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("noun", nargs="?", help="what it is done to: customer, domain, …")
        parser.add_argument("verb", nargs="?", help="what is done: suspend, add, …")
        parser.add_argument(
            "targets", nargs="*", help="numbers, usernames or external ids; parents for `add`"
        )
        parser.add_argument("--as", dest="user", metavar="USERNAME", help="on whose behalf")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter"
        )
        parser.add_argument(
            "--set-file",
            action="append",
            default=[],
            metavar="NAME=PATH",
            help="a parameter from a file; the way for passwords, which others see in arguments",
        )
        parser.add_argument(
            "--item", action="append", default=[], metavar="ID:NAME=VALUE", help="for one target"
        )
        parser.add_argument("--all", action="store_true", help="all that --filter matches")
        parser.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen")
        parser.add_argument("--json", action="store_true", help="the answer as the API gives it")
        parser.add_argument("--list", action="store_true", help="operations and their parameters")

    def handle(self, *args: Any, **options: Any) -> None:
        from django.core.exceptions import PermissionDenied

        from panel.core import full_disk
        from panel.core.door import BadInput

        try:
            if options["list"]:
                self.listed(options)
                return
            told = self.operated(options)
        except BadInput as error:
            lines = [f"{name}: {word}" for name, words in error.fields.items() for word in words]
            raise CommandError("\n".join(lines or [error.message]), returncode=2) from None
        except PermissionDenied:
            name = f"{options['noun']} {options['verb']}"
            raise CommandError(f"{options['user']} may not do this: {name}", returncode=1) from None
        except Exception as error:
            if not full_disk.is_cause(error):
                raise
            raise CommandError(str(full_disk.WORDS), returncode=1) from error
        if any(told[key] for key in ("refused", "missing", "failed")):
            sys.exit(1)

    def operated(self, options: dict[str, Any]) -> dict[str, Any]:
        """Find out who, what and on which; do it; say what came of it."""
        from django.core.exceptions import PermissionDenied

        from panel.core import door, door_cli, door_text

        operation = door_cli.operation_of(options["noun"], options["verb"])
        actor = door_cli.actor_named(options["user"])
        if not operation.may(actor):
            raise PermissionDenied
        selection = door_cli.select(
            operation,
            actor,
            options["targets"],
            door_text.pairs(options["filter"]),
            is_all=options["all"],
        )
        fields = door_text.fields_of(operation, actor, selection.shown)
        typed = door_text.pairs(options["set"])
        self.refuse_open_secrets(operation, typed)
        values = door_text.values_of(fields, {**self.from_files(options, typed), **typed})
        items = {
            pk: door_text.values_of(fields, one)
            for pk, one in door_text.items_of(options["item"]).items()
        }
        told = door_cli.made_before(operation, actor, selection, values)
        if told is None:
            given = door.read(operation, actor, selection.shown, values, items)
            is_dry = options["dry_run"]
            told = door_cli.carry_out(operation, actor, selection, given, is_dry=is_dry)
        self.tell(operation, told, as_json=options["json"])
        return told

    def refuse_open_secrets(self, operation: Any, typed: dict[str, str]) -> None:
        """A secret among the arguments is in the shell's history and in everybody's `ps`."""
        from panel.core.door import BadInput

        for name in getattr(operation.form_class, "secret_fields", ()):
            if name not in typed:
                continue
            if typed[name] != "-":
                words = f"use --set-file {name}=PATH, or --set {name}=- and standard input"
                raise BadInput({name: [words]})
            typed[name] = sys.stdin.readline().removesuffix("\n")

    def from_files(self, options: dict[str, Any], typed: dict[str, str]) -> dict[str, str]:
        from panel.core import door_text
        from panel.core.door import BadInput

        found = {}
        for name, path in door_text.pairs(options["set_file"]).items():
            if name in typed:
                raise BadInput({name: ["is given twice"]})
            try:
                found[name] = Path(path).read_text(encoding="utf-8").removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise BadInput({name: [str(error)]}) from None
        return found

    def tell(self, operation: Any, told: dict[str, Any], *, as_json: bool) -> None:
        """The outcome: as JSON, or counts, then what was not done and why, then notes."""
        if as_json:
            self.stdout.write(json.dumps(told, indent=1, ensure_ascii=False))
            return
        results = ("done", "unchanged", "refused", "missing", "failed")
        counts = ", ".join(f"{len(told[key])} {key}" for key in results if told[key])
        dry = " (dry run: nothing was changed)" if told.get("dry_run") else ""
        self.stdout.write(f"{operation.label}: {counts or 'nothing to do'}{dry}")
        for key in results[1:]:
            for one in told[key]:
                self.stdout.write(f"  {key:<9} {one['id']!s:>8}  {one['reason']}")
        if told.get("created"):
            self.stdout.write(f"  created   {told['created']:>8}")
        for consequence in told.get("consequences", ()):
            self.stdout.write(f"  {consequence['text']}")
        for note in told["notes"]:
            self.stdout.write(f"  {note['text']}")

    def listed(self, options: dict[str, Any]) -> None:
        """All operations, or those that the user may do, with their parameters."""
        from panel.core import door_cli

        actor = door_cli.actor_named(options["user"]) if options["user"] else None
        rows = door_cli.described(options["noun"], actor)
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=1, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['noun']} {row['verb']}: {row['label']}")
            for parameter in row["parameters"]:
                choices = "|".join(parameter["choices"])
                more = f"  {choices}" if choices else ""
                secret = "  (secret: --set-file)" if parameter["secret"] else ""
                mark = "*" if parameter["required"] else " "
                line = f"   {mark} {parameter['name']:<22} {parameter['label']}{more}{secret}"
                self.stdout.write(line.rstrip())
