"""Operations on passkeys: one makes one's own, and removes them."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts import messages, passkeys
from accounts.forms_passkeys import AddPasskeyForm, RemovePasskeyForm
from accounts.operations_logins import OwnLoginOperation
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Consequence, Step, register

reasons.declare(
    too_many_passkeys=_("%(limit)s passkeys are the most. Remove one first."),
    no_passkeys_here=_(
        "Passkeys need the panel to be opened by a host name over HTTPS, and this one is not."
    ),
)


class OwnPasskeys(OwnLoginOperation):
    """By no other door than one's own page: a program's token should not reach what lets in."""

    hidden = True


@register
class AddPasskey(OwnPasskeys):
    """A new passkey of one's own login. An email says so."""

    verb = "add-passkey"
    label = _("Add a Passkey")
    form_class = AddPasskeyForm

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [
            Consequence(
                _(
                    "A passkey lets you in by your fingerprint, your face or the code of your"
                    " device, without password and without two-factor code. It cannot be typed,"
                    " so nobody can get it out of you. Your password goes on working."
                )
            )
        ]

    def check(self, step: Step) -> None:
        super().check(step)
        for user in step.open:
            if not passkeys.are_offered():
                step.refuse(user.pk, "no_passkeys_here")
            elif passkeys.of(user.pk).count() >= passkeys.MOST:
                step.refuse(user.pk, "too_many_passkeys", limit=passkeys.MOST)

    def perform(self, step: Step) -> None:
        name = step.params["name"]
        for user in step.open:
            passkeys.add(user, name, step.params["kept"])
            messages.passkey_added(user, name)
            step.changed(user.pk, {}, {"passkey": name})


@register
class RemovePasskey(OwnPasskeys):
    """Ends one of one's own passkeys for good."""

    verb = "remove-passkey"
    label = _("Remove a Passkey")
    submit_label = _("Remove")
    form_class = RemovePasskeyForm
    confirm = "always"
    destructive = True

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.pk in passkeys.having([target.pk])

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        text = _("It lets nobody in any more. Remove it from your device as well.")
        return [Consequence(text)]

    def perform(self, step: Step) -> None:
        pk = int(step.params["passkey"])
        for user in step.open:
            found = passkeys.of(user.pk).filter(pk=pk).first()
            if found is None or not passkeys.remove([user.pk], pk):
                step.leave(user.pk)
                continue
            step.changed(user.pk, {"passkey": found.data["name"]}, {})
