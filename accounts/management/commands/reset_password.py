"""Set a new password for a login, from the machine itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction


class Command(BaseCommand):
    help = "Set a new password for a login and end its sessions."
    # It has to work while something else is wrong.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        from accounts import passwords_cli

        parser.add_argument("username")
        parser.add_argument(
            "--revoke-tokens",
            action="store_true",
            help="also revoke the API tokens and passkeys of the login",
        )
        passwords_cli.add_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts import credentials, passwords_cli
        from accounts.models import User
        from panel.core import log
        from panel.core.access import Actor, Role

        username = options["username"].strip().lower()
        user = User.objects.select_related("account").filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no login {username!r}.")
        password = passwords_cli.read(
            options["password_file"], username=username, name=user.name, email=user.email
        )
        with transaction.atomic():
            credentials.change(user, password=password)
            revoked = {"tokens_revoked": 0}
            if options["revoke_tokens"]:
                revoked = credentials.revoke_other_keys([user.pk])
            actor = Actor(Role.ADMINISTRATOR, user.account_id, "manage.py", door="cli")
            entry = log.Entry("login.reset-password", "login", user, {}, dict(revoked))
            log.write(actor, [entry])
        self.stdout.write(f"{username} has a new password; its sessions have ended.")
        if user.account.is_suspended or not user.is_active:
            self.stderr.write("It still cannot log in: it is suspended or not active.")
