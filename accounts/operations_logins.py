"""Operations on logins: username and password, of oneself and of those below; ending sessions."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from accounts import credentials, messages
from accounts.forms import LoginInfoForm
from accounts.models import Account, User
from accounts.nouns import noun_of
from accounts.operations import ACCOUNT_KINDS, AccountOperation, own_logins, register_for
from accounts.versions import refuse_stale
from panel.core import reasons
from panel.core.access import Actor, OwnedQuerySet
from panel.core.operations import ANY_ROLE, Consequence, Operation, Step, nouns, register

FIELDS = {
    "username": LoginInfoForm.base_fields["username"].label,
    "password": LoginInfoForm.base_fields["password"].label,
}
LABEL = _("Change Login Info")

reasons.declare(
    username_taken=_("This username is taken."),
    email_of_another=_("The username is the email address of another account."),
)


def about_login(email: str, *, is_oneself: bool) -> list[Consequence]:
    """What a person should know before changing how somebody logs in."""
    if is_oneself:
        text = _(
            "To get a forgotten password back, you need your username and the email address"
            " %(email)s."
        )
        return [Consequence(text % {"email": email}), Consequence(_("All other sessions end."))]
    return [
        Consequence(
            _(
                "To get a forgotten password back, the customer needs the username and the email"
                " address %(email)s."
            )
            % {"email": email}
        ),
        Consequence(_("All sessions of this login end.")),
    ]


def refuse_names(step: Step, target_id: int, user: User, username: str) -> None:
    """Whether the new name is free, asked again after the locks: the form asked before them."""
    if not username:
        return
    if credentials.is_taken(username, user.pk):
        step.refuse(target_id, "username_taken")
    elif credentials.is_contact_of_another(username, user.account_id):
        step.refuse(target_id, "email_of_another")


def change_login(step: Step, target: Any, user: User) -> bool:
    """Change one login as the form says; False if there is nothing to change or it was refused."""
    username, password = step.params.get("username", ""), step.params.get("password", "")
    if not username and not password:
        step.leave(target.pk)
        return False
    try:
        # A savepoint: two people may take the same name at the same moment.
        with transaction.atomic():
            credentials.change(user, username=username, password=password)
    except IntegrityError:
        step.refuse(target.pk, "username_taken")
        return False
    old: dict[str, Any] = {"version": target.version}
    new: dict[str, Any] = {"version": target.version + 1}
    if username:
        old["username"], new["username"] = user.username, username
    if password:
        new["password"] = "changed"  # noqa: S105  the fact, never the password
        if step.params.get("revoke_tokens"):
            new |= credentials.revoke_other_keys([user.pk])
    step.changed(target.pk, old, new)
    if step.params.get("email_customer"):
        messages.login_changed(
            user, username=username or user.username, has_new_password=bool(password)
        )
    return True


@register_for("customer", "reseller", "account")
class ChangeLoginInfo(AccountOperation):
    """Username and password of the account's own login. Nobody is told, unless a box is ticked."""

    verb = "change-login-info"
    label = LABEL
    form_class = LoginInfoForm
    order = 20
    fields = FIELDS

    @classmethod
    def of(cls, noun: str) -> dict[str, Any]:
        # SECURITY: who logged in as somebody else cannot take over how that one logs in.
        return {"area": "users", "impersonated": False} if noun == "account" else {}

    def may(self, actor: Actor) -> bool:
        if self.noun == "account" and actor.areas is not None:
            # Additional users have a login of their own to change; the account's is not theirs.
            return False
        return super().may(actor)

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        return {"username": targets[0].username, "version": targets[0].version}

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        emails = ", ".join(rows.values_list("email", flat=True)[:3])
        return about_login(emails, is_oneself=self.noun == "account")

    def check(self, step: Step) -> None:
        refuse_stale(step, ACCOUNT_KINDS, self.fields)
        users = _by_account(step.open_ids)
        for target in step.open:
            refuse_names(step, target.pk, users[target.pk], step.params.get("username", ""))

    def perform(self, step: Step) -> None:
        users = _by_account(step.open_ids)
        for target in step.open:
            if change_login(step, target, users[target.pk]):
                rows = Account.objects.visible_to(step.actor).filter(pk=target.pk)
                rows.update(version=models.F("version") + 1)
                step.index(noun_of(target), [target.pk])


def _by_account(ids: Sequence[int]) -> dict[int, User]:
    return {user.account_id: user for user in own_logins(ids).select_related("account")}


class OwnLoginOperation(Operation):
    """What everybody may do to the login one came in with, whatever one's role reaches."""

    noun = "login"
    roles = ANY_ROLE
    bulk = False
    impersonated = False

    def visible(self, actor: Actor) -> OwnedQuerySet:
        return nouns["login"].visible_to(actor)

    def may(self, actor: Actor) -> bool:
        """No area is asked of the role, but an API token has to reach the whole login."""
        in_scope = actor.scopes is None or bool({"write", "profile"} & actor.scopes)
        return actor.user_id is not None and actor.real is None and in_scope


@register
class ChangeOwnLogin(OwnLoginOperation):
    """Username and password of an additional user, by itself."""

    verb = "change-login-info"
    label = LABEL
    form_class = LoginInfoForm

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return not target.is_own

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"username": targets[0].username, "version": targets[0].version} if targets else {}

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        emails = ", ".join(rows.values_list("email", flat=True)[:1])
        return about_login(emails, is_oneself=True)

    def check(self, step: Step) -> None:
        refuse_stale(step, ("user", "login"), FIELDS)
        for target in step.open:
            refuse_names(step, target.pk, target, step.params.get("username", ""))

    def perform(self, step: Step) -> None:
        for target in step.open:
            change_login(step, target, target)


@register
class EndSessions(OwnLoginOperation):
    """Ends every session of one's own login; the page that asked keeps its own."""

    verb = "end-sessions"
    label = _("Log out everywhere else")

    def perform(self, step: Step) -> None:
        rows = User.objects.unscoped("one's own login").filter(pk__in=step.open_ids)
        rows.update(epoch=models.F("epoch") + 1)
