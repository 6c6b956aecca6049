"""Operations on mailboxes."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from hosting import conditions, counters, creating, locks, permissions, provisioning, suspension
from hosting.hashes import hashed
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL
from hosting.operations.domains import OnDomains, refuse_without
from hosting.services.mail import sizes
from hosting.services.mail.forms import (
    MEGABYTE,
    AddMailboxForm,
    EditMailboxForm,
    MailboxPasswordForm,
)
from hosting.services.mail.models import Mailbox
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Operation, Refused, Step, register

_WHY = "rows of the targets, which the actor sees"
PERMISSION = "manage_mail"

reasons.declare(
    address_taken=_("%(address)s is an address of %(holder)s already."),
    catch_all_taken=_("%(holder)s is the catch-all of this domain. There is one at most."),
    mailbox_off_above=_("Somebody above you switched this mailbox off; only they can change that."),
    mailbox_edited=_("This mailbox was changed meanwhile. Look at it again."),
)
_TOLD = ("keeps", "is_catch_all", "aliases", "forwards", "reply_subject", "reply_text", "size")


def told(row: Mailbox) -> dict[str, Any]:
    """A mailbox, for the log."""
    return {name: getattr(row, name) for name in _TOLD}


def _given(params: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as columns."""
    size = params.get("size")
    return {name: params[name] for name in _TOLD if name != "size"} | {
        "size": size * MEGABYTE if size else None
    }


def may_manage(subscription: Subscription, actor: Actor) -> bool:
    """Whether the buttons show."""
    return not permissions.lacking([subscription], actor, PERMISSION)


def refuse_taken(
    domain_id: int, locals_: Iterable[str], is_catch_all: bool, own: int | None = None
) -> None:
    """Raise Refused if another mailbox of the domain has one of these addresses."""
    wanted = set(locals_)
    rows = Mailbox.objects.unscoped(_WHY).filter(domain_id=domain_id).exclude(pk=own)
    for row in rows:
        for local in sorted(wanted & {row.local, *row.aliases}):
            address = f"{local}@{row.address.partition('@')[2]}"
            raise Refused("address_taken", address=address, holder=row.address)
        if is_catch_all and row.is_catch_all:
            raise Refused("catch_all_taken", holder=row.address)


def _touch(step: Step) -> None:
    provisioning.touch({row.subscription_id for row in step.open})


def _came_or_went(step: Step) -> None:
    """Usage is another now: of the subscriptions, and of the resellers above."""
    counters.recount_accounts(row.reseller_id for row in step.open)
    conditions.judge({row.subscription_id for row in step.open})
    _touch(step)


@register
class AddMailbox(OnDomains):
    """A mailbox in a domain."""

    verb = "add-mailbox"
    creates = "mailbox"
    label = _("Add Mailbox")
    form_class = AddMailboxForm
    bulk = False
    sidebar = False
    permission = PERMISSION

    def perform(self, step: Step) -> None:
        params = step.params
        local, given = params["local"], _given(params)
        given["aliases"] = [name for name in given["aliases"] if name != local]
        for row in step.open:
            try:
                refuse_taken(row.pk, {local, *given["aliases"]}, given["is_catch_all"])
                sizes.refuse(row.subscription, given["size"], step.actor)
                creating.refuse_full(step, row.subscription, "mailboxes")
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            made = Mailbox.objects.create(
                account_id=row.account_id,
                reseller_id=row.reseller_id,
                subscription_id=row.subscription_id,
                domain=row,
                local=local,
                address=f"{local}@{row.ascii}",
                password_hash=hashed(params["password"]),
                **given,
            )
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"mailbox": made.address})
        _came_or_went(step)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/mail/"


class _OnMailboxes(Operation):
    noun = "mailbox"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = Mailbox.objects.unscoped(_WHY).filter(pk__in=ids)
        locks.domains(list(rows.values_list("domain_id", flat=True)))
        super().lock(actor, ids)

    def check(self, step: Step) -> None:
        ids = {row.subscription_id for row in step.open}
        found = Subscription.objects.unscoped(_WHY).in_bulk(ids)
        refuse_without(step, PERMISSION, {row.pk: found[row.subscription_id] for row in step.open})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/mailboxes/{target_id}/"


@register
class EditMailbox(_OnMailboxes):
    """All but its name and its password."""

    verb = "edit"
    label = _("Edit")
    form_class = EditMailboxForm
    bulk = False
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if not targets:
            return {}
        row = targets[0]
        size = row.size // MEGABYTE if row.size else None
        return told(row) | {"size": size, "version": row.version}

    def check(self, step: Step) -> None:
        super().check(step)
        given = _given(step.params)
        ids = {row.subscription_id for row in step.open}
        above = Subscription.objects.unscoped(_WHY).in_bulk(ids)
        for row in step.open:
            if step.params.get("version") and row.version > step.params["version"]:
                step.refuse(row.pk, "mailbox_edited")
            elif told(row) == given:
                step.leave(row.pk)
            else:
                names = {row.local, *given["aliases"]}
                try:
                    refuse_taken(row.domain_id, names, given["is_catch_all"], row.pk)
                    if given["size"] != row.size:
                        sizes.refuse(above[row.subscription_id], given["size"], step.actor)
                except Refused as refused:
                    step.refuse(row.pk, refused.code, **refused.params)

    def perform(self, step: Step) -> None:
        given = _given(step.params)
        for row in step.open:
            aliases = [name for name in given["aliases"] if name != row.local]
            old = told(row)
            for name, value in (given | {"aliases": aliases}).items():
                setattr(row, name, value)
            row.version += 1
            row.save()
            new = told(row)
            changed = [name for name in old if old[name] != new[name]]
            step.changed(row.pk, {n: old[n] for n in changed}, {n: new[n] for n in changed})
        _touch(step)


@register
class MailboxPassword(_OnMailboxes):
    """What it is opened with. Only its hash is kept."""

    verb = "password"
    label = _("Change Password")
    form_class = MailboxPasswordForm
    bulk = False
    order = 20

    def perform(self, step: Step) -> None:
        made = hashed(step.params["password"])
        Mailbox.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            password_hash=made, version=F("version") + 1
        )
        for row in step.open:
            step.changed(row.pk, {}, {"password": "changed"})
        _touch(step)


class _SetOff(_OnMailboxes):
    group = _("Change Status")
    is_off: ClassVar[bool]

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return bool(target.off_level) != self.is_off

    def is_done(self, target: Any) -> bool:
        return bool(target.off_level) == self.is_off

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            own = PERSONAL.index(suspension.level_of(step.actor, row))
            if row.off_level and PERSONAL.index(row.off_level) < own:
                step.refuse(row.pk, "mailbox_off_above")

    def perform(self, step: Step) -> None:
        for row in step.open:
            old = row.off_level
            row.off_level = str(suspension.level_of(step.actor, row)) if self.is_off else ""
            row.version += 1
            step.changed(row.pk, {"off_level": old}, {"off_level": row.off_level})
        Mailbox.objects.unscoped(_WHY).bulk_update(step.open, ["off_level", "version"])
        _touch(step)


@register
class SwitchMailboxOff(_SetOff):
    """Nobody logs in; what comes in is kept."""

    verb = "suspend"
    label = _("Suspend")
    is_off = True
    order = 30


@register
class SwitchMailboxOn(_SetOff):
    """The same password opens it again."""

    verb = "activate"
    label = _("Activate")
    is_off = False
    order = 31


@register
class RemoveMailbox(_OnMailboxes):
    """A mailbox with all its letters."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, {"mailbox": row.address}, {})
        Mailbox.objects.unscoped(_WHY).filter(pk__in=step.open_ids).delete()
        _came_or_went(step)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        # What is gone has no page, and where its siblings are is not known any more.
        return ""
