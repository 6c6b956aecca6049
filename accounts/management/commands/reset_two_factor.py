"""Turn a login's second factor off, from the machine itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction


class Command(BaseCommand):
    help = "Turn two-factor authentication of a login off and end its sessions."
    # It has to work while something else is wrong.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts import messages, passkeys, required_second_factor, second_factor
        from accounts.models import User
        from accounts.operations_second_factor import OFF, ON, end_sessions
        from panel.core import log
        from panel.core.access import Actor, Role

        username = options["username"].strip().lower()
        user = User.objects.select_related("account").filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no login {username!r}.")
        with transaction.atomic():
            removed = passkeys.remove([user.pk])
            if not removed and not second_factor.is_on(user.pk):
                raise CommandError(f"{username} has no two-factor authentication.")
            second_factor.turn_off([user.pk])
            end_sessions([user.pk])
            messages.second_factor_gone(user, by_oneself=False)
            actor = Actor(Role.ADMINISTRATOR, user.account_id, "manage.py", door="cli")
            log.write(actor, [log.Entry("login.reset-two-factor", "login", user, ON, OFF)])
        self.stdout.write(f"{username} logs in by password alone; its sessions have ended.")
        if required_second_factor.is_required(user.account.role):
            self.stdout.write("The panel opens once two-factor authentication is set up again.")
