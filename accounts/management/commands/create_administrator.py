"""Create the administrator, or one more login of the administrator's account."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction


class Command(BaseCommand):
    help = (
        "Create the administrator of this installation. Where there is one already, give its"
        " account an additional user with the role Owner."
    )
    # It has to work while something else is wrong.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        from accounts import passwords_cli

        parser.add_argument("--username", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", help="contact name; the username if left out")
        passwords_cli.add_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts import credentials, passwords_cli
        from accounts.models import Account
        from accounts.validators import clean_email
        from panel.core.access import Role

        there = Account.objects.filter(role=Role.ADMINISTRATOR).first()
        try:
            username = credentials.clean_new_username(
                options["username"],
                account_id=there.pk if there else None,
                of_administrator=True,
            )
            email = clean_email(options["email"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        name = (options["name"] or username)[:100]
        password = passwords_cli.read(
            options["password_file"], username=username, name=name, email=email
        )
        try:
            self.create(there, username, password, name, email)
        except IntegrityError as error:
            raise CommandError("Somebody else was quicker. Run the command again.") from error

    def create(self, there: Any, username: str, password: str, name: str, email: str) -> None:
        from accounts.creation import add_account, add_user
        from panel.core import log
        from panel.core.access import Actor, Role

        with transaction.atomic():
            if there is None:
                account = add_account(
                    Role.ADMINISTRATOR,
                    None,
                    username=username,
                    password=password,
                    contact_name=name,
                    email=email,
                )
                entry = log.Entry("account.first-run", "account", account)
            else:
                account = there
                user = add_user(account, username, password, name=name, email=email)
                entry = log.Entry("account.add-user", "user", user, {}, {"username": username})
            actor = Actor(Role.ADMINISTRATOR, account.pk, "manage.py", door="cli")
            log.write(actor, [entry])
        what = "an additional user of the administrator" if there else "the administrator"
        self.stdout.write(f"{username} is {what} now.")
