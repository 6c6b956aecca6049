"""Operations on second factors: of one's own login, and their reset by who is above."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import messages, passkeys, required_second_factor, second_factor
from accounts.forms_second_factor import NewCodesForm, PresentPasswordForm, SetUpForm
from accounts.models import User
from accounts.operations import AccountOperation, own_logins, register_for
from accounts.operations_logins import OwnLoginOperation
from accounts.operations_users import UserOperation
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import MORE, Consequence, Operation, Step, register

ON, OFF = {"two_factor": "on"}, {"two_factor": "off"}

reasons.declare(
    no_second_factor=_("There is no two-factor authentication to reset."),
)


def end_sessions(user_ids: Collection[int]) -> None:
    """What came in by other means than are asked for now has to come in again."""
    rows = User.objects.unscoped("second factor").filter(pk__in=user_ids)
    rows.update(epoch=models.F("epoch") + 1)


class OwnSecondFactor(OwnLoginOperation):
    """What one does to one's own second factor, on a page of one's own and by no other door: a
    program's token should not reach what protects the login. Hidden, as the page shows secrets."""

    hidden = True
    # Whether there has to be a second factor, or there must not be one yet.
    needs_one: ClassVar[bool] = True

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return second_factor.is_on(target.pk) == self.needs_one


@register
class SetUpSecondFactor(OwnSecondFactor):
    """From now on, a code is asked for after the password. Other sessions end."""

    verb = "set-up-two-factor"
    label = _("Set Up Two-Factor Authentication")
    form_class = SetUpForm
    needs_one = False

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [
            Consequence(
                _(
                    "From then on you need your phone to log in: an app on it shows a code that"
                    " changes every half minute. All other sessions end; API tokens go on working."
                )
            )
        ]

    def perform(self, step: Step) -> None:
        given = step.params
        for user in step.open:
            codes = given["codes"].split()
            second_factor.turn_on(user, given["secret"], given["counter"], codes)
            step.changed(user.pk, OFF, ON)
        end_sessions(step.open_ids)


@register
class TurnOffSecondFactor(OwnSecondFactor):
    """The password alone lets in again. Other sessions end, and an email says so. Not where the
    administrator requires it."""

    verb = "turn-off-two-factor"
    label = _("Turn Off Two-Factor Authentication")
    submit_label = _("Turn it off")
    form_class = PresentPasswordForm
    confirm = "always"
    destructive = True

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        text = _("Whoever knows your password can log in then. All other sessions end.")
        return [Consequence(text, "warn")]

    def check(self, step: Step) -> None:
        super().check(step)
        # One's own login, and nobody acts as somebody else here: the actor's role is the login's.
        role = step.actor.role
        if required_second_factor.is_required(role):
            for user in step.open:
                step.refuse(user.pk, required_second_factor.reason_code(role))

    def perform(self, step: Step) -> None:
        second_factor.turn_off(step.open_ids)
        end_sessions(step.open_ids)
        for user in step.open:
            messages.second_factor_gone(user, by_oneself=True)
            step.changed(user.pk, ON, OFF)


@register
class NewRecoveryCodes(OwnSecondFactor):
    """New recovery codes instead of those that are left."""

    verb = "new-recovery-codes"
    label = _("New Recovery Codes")
    form_class = NewCodesForm

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [Consequence(_("The recovery codes that you have stop working."), "warn")]

    def perform(self, step: Step) -> None:
        codes = step.params["codes"].split()
        for user in step.open:
            second_factor.give_recovery_codes(user, codes)
            step.changed(user.pk, {}, {"recovery_codes": len(codes)})


def _having(user_ids: Collection[int]) -> set[int]:
    """Those of these logins that have anything to reset."""
    return second_factor.having(user_ids) | passkeys.having(user_ids)


class ResetSecondFactor(Operation):
    """Somebody below lost phone and recovery codes: the password alone lets in again, passkeys on
    the phone do not. The person is told by email.

    SECURITY: not while logged in as somebody else, whose users they may be.
    """

    verb = "reset-two-factor"
    label = _("Reset Two-Factor Authentication")
    bulk = True
    bulk_group = MORE
    confirm = "always"
    destructive = True
    impersonated = False
    order = 21

    def logins(self, targets: Sequence[Any]) -> dict[int, User]:
        """The login that is meant, by the number of its target."""
        raise NotImplementedError

    def offered(self, target: Any, actor: Actor) -> bool:
        login = self.logins([target]).get(target.pk)
        return login is not None and super().offered(target, actor) and bool(_having([login.pk]))

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        text = _(
            "The password alone lets in then, until it is set up again. Passkeys are removed."
            " Sessions end, and an email says so. Be sure who asked you for it."
        )
        return [Consequence(text, "warn")]

    def check(self, step: Step) -> None:
        super().check(step)
        logins = self.logins(step.open)
        having = _having([login.pk for login in logins.values()])
        for target in step.open:
            if target.pk not in logins or logins[target.pk].pk not in having:
                step.leave(target.pk, "no_second_factor")

    def perform(self, step: Step) -> None:
        logins = self.logins(step.open)
        models.prefetch_related_objects(list(logins.values()), "account")
        user_ids = [login.pk for login in logins.values()]
        second_factor.turn_off(user_ids)
        passkeys.remove(user_ids)
        end_sessions(user_ids)
        for target in step.open:
            messages.second_factor_gone(logins[target.pk], by_oneself=False)
            step.changed(target.pk, ON, OFF)


@register_for("customer", "reseller")
class ResetOfAccount(ResetSecondFactor, AccountOperation):
    """Of the account's own login."""

    def logins(self, targets: Sequence[Any]) -> dict[int, User]:
        users = own_logins([target.pk for target in targets])
        return {user.account_id: user for user in users}


@register
class ResetOfUser(ResetSecondFactor, UserOperation):
    """Of additional users: by their account, and by providers."""

    def logins(self, targets: Sequence[Any]) -> dict[int, User]:
        return {user.pk: user for user in targets}
