"""Operations on additional users of an account."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from accounts import credentials, own_hosting, roles
from accounts.creation import add_user
from accounts.forms import LoginInfoForm
from accounts.forms_users import ALL, SOME, AddUserForm, EditUserForm, UserFields, subscription_ids
from accounts.models import User
from accounts.operations_logins import FIELDS, LABEL, change_login, refuse_names
from accounts.versions import edit, refuse_stale
from panel.core import reasons
from panel.core.access import Actor, OwnedQuerySet
from panel.core.operations import ANY_ROLE, Consequence, Operation, Step, nouns, register

STATUS = _("Change Status")
EDITED = ("name", "email", "user_role", "is_active")

reasons.declare(
    yourself=_("You cannot do this to yourself."),
    reaches_further=_("This user may more than you may yourself."),
)


def reaches_further(actor: Actor, user: User) -> bool:
    """Whether a user may something that the actor may not: then its login would be a way to it."""
    if actor.areas is not None and not roles.areas_of(user.user_role) <= actor.areas:
        return True
    if actor.subscriptions is None:
        return False
    return user.subscription_ids is None or not set(user.subscription_ids) <= actor.subscriptions


class UserOperation(Operation):
    """Something done to additional users."""

    noun = "user"
    roles = ANY_ROLE
    area = "users"

    def refuse_unfit(self, step: Step) -> None:
        """Nobody does it to oneself, nor to somebody who may more."""
        for user in step.open:
            if user.pk == step.actor.user_id:
                step.refuse(user.pk, "yourself")
            elif reaches_further(step.actor, user):
                step.refuse(user.pk, "reaches_further")

    def check(self, step: Step) -> None:
        self.refuse_unfit(step)

    def rows(self, ids: Iterable[int], actor: Actor) -> models.QuerySet[User]:
        return User.objects.visible_to(actor).filter(pk__in=list(ids))


class OwnUserOperation(UserOperation):
    """What only the account itself does; providers look at users and deactivate them."""

    bulk = False

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.account_id == actor.account_id


@register
class AddUser(Operation):
    """A new additional user of the actor's own account."""

    noun = "account"
    verb = "add-user"
    label = _("Add a User")
    creates = "user"
    roles = ANY_ROLE
    area = "users"
    bulk = False
    form_class = AddUserForm

    def visible(self, actor: Actor) -> OwnedQuerySet:
        return nouns["account"].visible_to(actor).filter(pk=actor.account_id)

    def check(self, step: Step) -> None:
        for account in step.open:
            username = step.params["username"]
            if credentials.is_taken(username):
                step.refuse(account.pk, "username_taken")
            elif credentials.is_contact_of_another(username, account.pk):
                step.refuse(account.pk, "email_of_another")

    def perform(self, step: Step) -> None:
        given = step.params
        for account in step.open:
            values = {name: given[name] for name in EDITED}
            values["subscription_ids"] = subscription_ids(given)
            try:
                # A savepoint: two people may take the same name at the same moment.
                with transaction.atomic():
                    user = add_user(account, given["username"], given["password"], **values)
            except IntegrityError:
                step.refuse(account.pk, "username_taken")
                continue
            step.created[account.pk] = user
            own_hosting.tell(step, account.pk, user.email)
            step.changed(account.pk, {}, {"username": user.username, **values, "version": 1})


@register
class EditUser(OwnUserOperation):
    """Name, email, role, subscriptions, and whether it is active."""

    verb = "edit"
    label = _("Edit")
    form_class = EditUserForm
    order = 10
    fields = {
        name: UserFields.base_fields[name].label
        for name in ("name", "email", "user_role", "subscriptions", "is_active")
    }

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        user = targets[0]
        ids = user.subscription_ids
        return {
            **{name: getattr(user, name) for name in EDITED},
            "access": ALL if ids is None else SOME,
            "subscriptions": [str(pk) for pk in ids or ()],
            "version": user.version,
        }

    def check(self, step: Step) -> None:
        refuse_stale(
            step, ("user", "login"), {**self.fields, "subscription_ids": _("Subscriptions")}
        )
        self.refuse_unfit(step)

    def perform(self, step: Step) -> None:
        for user in step.open:
            values = {name: step.params[name] for name in EDITED}
            values["subscription_ids"] = subscription_ids(step.params)
            old = edit(self.rows([user.pk], step.actor), user, values)
            if not old:
                step.leave(user.pk)
                continue
            new = {name: values[name] for name in old}
            if "email" in new:
                own_hosting.tell(step, user.account_id, new["email"])
            if not {"user_role", "subscription_ids", "is_active"}.isdisjoint(new):
                # What a session could rests on these.
                end_sessions(self.rows([user.pk], step.actor))
            step.changed(
                user.pk, {**old, "version": user.version}, {**new, "version": user.version + 1}
            )


def end_sessions(rows: models.QuerySet[User]) -> None:
    rows.update(epoch=models.F("epoch") + 1)


@register
class ChangeUserLogin(OwnUserOperation):
    """Username and password of an additional user."""

    verb = "change-login-info"
    label = LABEL
    form_class = LoginInfoForm
    # SECURITY: an additional user's login is a login of who is impersonated.
    impersonated = False
    order = 20

    def applies_to(self, target: Any, actor: Actor) -> bool:
        # One's own is on one's own page, where the present password is asked.
        return super().applies_to(target, actor) and target.pk != actor.user_id

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        return {"username": targets[0].username, "version": targets[0].version}

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [Consequence(_("All sessions of this login end."))]

    def check(self, step: Step) -> None:
        refuse_stale(step, ("user", "login"), FIELDS)
        self.refuse_unfit(step)
        for user in step.open:
            refuse_names(step, user.pk, user, step.params.get("username", ""))

    def perform(self, step: Step) -> None:
        for user in step.open:
            change_login(step, user, user)


class SwitchUser(UserOperation):
    """Sets "User is active". Also the provider's, for users of the accounts below."""

    group = STATUS
    is_active: bool

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_active != self.is_active

    def is_done(self, target: Any) -> bool:
        return target.is_active == self.is_active

    def perform(self, step: Step) -> None:
        rows = self.rows(step.open_ids, step.actor)
        if not self.is_active:
            end_sessions(rows)
        rows.update(is_active=self.is_active, version=models.F("version") + 1)
        for user in step.open:
            step.changed(
                user.pk,
                {"is_active": user.is_active, "version": user.version},
                {"is_active": self.is_active, "version": user.version + 1},
            )


@register
class DeactivateUser(SwitchUser):
    """It cannot log in any more; its sessions end, its API tokens are refused."""

    verb = "deactivate"
    label = _("Deactivate")
    is_active = False
    undo = "user.activate"
    order = 40


@register
class ActivateUser(SwitchUser):
    """It can log in again."""

    verb = "activate"
    label = _("Activate")
    is_active = True
    undo = "user.deactivate"
    order = 41


@register
class RemoveUser(OwnUserOperation):
    """Removes users at once and for good, with their API tokens. Their names are free again."""

    verb = "remove"
    label = _("Remove")
    bulk = True
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        tokens = rows.aggregate(count=models.Count("tokens"))["count"]
        found = [Consequence(_("They are logged out at once. This cannot be taken back."), "warn")]
        if tokens:
            text = _("API tokens that stop working: %(count)s") % {"count": tokens}
            found.append(Consequence(text, "warn"))
        return found

    def perform(self, step: Step) -> None:
        for user in step.open:
            step.changed(user.pk, {"username": user.username, "email": user.email}, {})
        credentials.revoke_other_keys(step.open_ids)
        self.rows(step.open_ids, step.actor).delete()
