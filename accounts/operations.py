"""Operations on an account's own texts: contact information, description, administrator's note."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import own_hosting
from accounts.forms import AdministratorNoteForm, ContactFields, ContactInfoForm, DescriptionForm
from accounts.models import Account, User, sort_key
from accounts.nouns import noun_of
from accounts.versions import edit, refuse_stale
from panel.core import reasons
from panel.core.access import Actor, OwnedQuerySet, Role
from panel.core.operations import (
    ADMINISTRATOR,
    ANY_ROLE,
    PROVIDERS,
    Operation,
    Step,
    nouns,
    register,
)

ACCOUNT_KINDS = ("customer", "reseller", "account")
# Who does to whom: nobody edits an account above or beside itself.
ROLES_FOR = {"customer": PROVIDERS, "reseller": ADMINISTRATOR, "account": ANY_ROLE}

# What else is found by an account's name and company: its rows by noun. Set by the app that has
# such rows.
found_by_name: Callable[[int], Mapping[str, Iterable[int]]] = lambda account_id: {}  # noqa: E731

reasons.declare(
    external_id_taken=_("Another account of the same provider has this external id."),
)


def own_logins(account_ids: Iterable[int]) -> models.QuerySet[User]:
    """The own logins of accounts that the actor was found to see."""
    rows = User.objects.unscoped("own logins of visible accounts")
    return rows.filter(account_id__in=account_ids, is_own=True)


def register_for(*names: str) -> Callable[[type["AccountOperation"]], type["AccountOperation"]]:
    """Class decorator: the same operation on each of these nouns."""

    def decorate(cls: type["AccountOperation"]) -> type["AccountOperation"]:
        for name in names:
            roles = cls.roles & ROLES_FOR[name]
            namespace = {"noun": name, "roles": roles, "__doc__": cls.__doc__, **cls.of(name)}
            register(type(f"{cls.__name__}Of{name.title()}", (cls,), namespace))
        return cls

    return decorate


class AccountOperation(Operation):
    """An edit of one account: of a customer or reseller below, or (noun "account") of one's own."""

    roles = ANY_ROLE
    bulk = False
    # Name -> label of what it edits, for the log and for edits that cross each other.
    fields: ClassVar[Mapping[str, Any]] = {}
    # The account that it is about does not see it; nor, if the administrator's, the reseller above.
    is_providers: ClassVar[bool] = False
    is_administrators: ClassVar[bool] = False

    @classmethod
    def of(cls, noun: str) -> dict[str, Any]:
        """What is different for one of the nouns."""
        return {}

    def visible(self, actor: Actor) -> OwnedQuerySet:
        """SECURITY: "account" is nobody's but one's own, also for those who see others'."""
        rows = nouns[self.noun].visible_to(actor)
        return rows.filter(pk=actor.account_id) if self.noun == "account" else rows

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.removing_at is None

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        return {name: getattr(targets[0], name) for name in (*self.fields, "version")}

    def check(self, step: Step) -> None:
        refuse_stale(step, ACCOUNT_KINDS, self.fields)

    def values(self, step: Step, target: Any) -> dict[str, Any]:
        """What the target's columns shall hold."""
        return {name: step.params[name] for name in self.fields if name in step.params}

    def perform(self, step: Step) -> None:
        for target in step.open:
            values = self.values(step, target)
            old = edit(Account.objects.visible_to(step.actor), target, values)
            if not old:
                step.leave(target.pk)
                continue
            new = {name: values[name] for name in old}
            step.changed(
                target.pk,
                {**old, "version": target.version},
                {**new, "version": target.version + 1},
            )
            self.after(step, target, new)
            self.hide(target)

    def hide(self, target: Any) -> None:
        """SECURITY: whoever does not see the text does not see the entry about it either. Its owner
        columns are those of the row in memory, which are emptied here; the stored row has its own.
        """
        if self.is_providers or self.is_administrators:
            target.account_id = None
        if self.is_administrators or (self.is_providers and target.role == Role.RESELLER):
            target.reseller_id = None

    def after(self, step: Step, target: Any, new: dict[str, Any]) -> None:
        """What follows from the change of one target, in the same transaction."""


@register_for("customer", "reseller", "account")
class EditContactInfo(AccountOperation):
    """Contact information, and with it the name and email of the account's own login."""

    verb = "edit-contact-info"
    label = _("Edit Contact Info")
    form_class = ContactInfoForm
    order = 10
    fields = {name: ContactFields.base_fields[name].label for name in ContactFields.CONTACT}

    @classmethod
    def of(cls, noun: str) -> dict[str, Any]:
        return {"area": "profile"} if noun == "account" else {}

    def check(self, step: Step) -> None:
        super().check(step)
        if external_id := step.params.get("external_id"):
            # Asked again after the lock: the form asked before it.
            for target in step.open:
                rows = Account.objects.unscoped("unique within the provider").filter(
                    provider_id=target.provider_id, external_id=external_id
                )
                if rows.exclude(pk=target.pk).exists():
                    step.refuse(target.pk, "external_id_taken")

    def after(self, step: Step, target: Any, new: dict[str, Any]) -> None:
        own: dict[str, Any] = {}
        if "contact_name" in new:
            own["name"] = new["contact_name"]
            _rename(step, target.pk, new["contact_name"])
        if "email" in new:
            own["email"] = new["email"]
            own_hosting.tell(step, target.pk, new["email"])
        if own:
            own_logins([target.pk]).update(**own)
        step.index(noun_of(target), [target.pk])
        if {"contact_name", "company"} & new.keys():
            for noun, ids in found_by_name(target.pk).items():
                step.index(noun, ids)


def _rename(step: Step, pk: int, name: str) -> None:
    Account.objects.visible_to(step.actor).filter(pk=pk).update(name_key=sort_key(name))


@register_for("customer", "reseller")
class Description(AccountOperation):
    """The provider's description, shown under the name. The subscriber never sees it."""

    verb = "description"
    label = _("Description")
    form_class = DescriptionForm
    is_providers = True
    order = 22
    fields = {"description": DescriptionForm.base_fields["description"].label}

    def button_label(self, target: Any) -> Any:
        return _("[edit]") if target.description else _("[add description]")

    def button_about(self, target: Any) -> Any:
        return _("Description") if target.description else ""


@register_for("customer", "reseller")
class AdministratorNote(AccountOperation):
    """The administrator's note. No reseller sees it, not even in the log."""

    verb = "administrators-note"
    label = _("Administrator's note")
    roles = ADMINISTRATOR
    form_class = AdministratorNoteForm
    is_administrators = True
    order = 23
    fields = {"admin_note": AdministratorNoteForm.base_fields["admin_note"].label}

    def button_label(self, target: Any) -> Any:
        return _("[edit note]") if target.admin_note else _("[add note]")
