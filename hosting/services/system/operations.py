"""Operations on system users and their SSH keys."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import locks, provisioning
from hosting.hashes import hashed
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from hosting.operations.domains import refuse_without
from hosting.services.system import access
from hosting.services.system.forms import SshKeyForm, SystemPasswordForm
from hosting.services.system.models import SshKey
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Operation, Step, register

_WHY = "rows of the targets, which the actor sees"
# So many keys one system user has at most.
MOST_KEYS = 50

reasons.declare(
    no_ssh_access=_(
        "%(name)s has no access to the server over SSH; a plan, or Hosting Parameters, can give it."
    ),
    ssh_key_there=_("The system user of %(name)s has this key already: %(label)s."),
    ssh_keys_many=_("%(name)s has %(n)s SSH keys, and that is the most. Remove one first."),
)


class _OnSystemUsers(OnSubscriptions):
    """Of subscriptions that are reached over SSH at all; the subscriber's own affair, too."""

    roles = ANY_ROLE
    bulk = False
    # They stand on the tab of their own.
    sidebar = False

    def offered(self, target: Any, actor: Actor) -> bool:
        return access.of(target.settings) != access.NONE

    def check(self, step: Step) -> None:
        refuse_without(step, "", {row.pk: row for row in step.open})
        for row in step.open:
            if access.of(row.settings) == access.NONE:
                step.refuse(row.pk, "no_ssh_access", name=str(row))


@register
class SystemUserPassword(_OnSystemUsers):
    """What the system user logs in with, over SFTP and SSH. Only its hash is kept."""

    verb = "system-user-password"
    label = _("System User Password")
    form_class = SystemPasswordForm
    order = 26

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if step.params["no_password"] and not row.system_user_hash:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        password = step.params["password"]
        made = hashed(password) if password else ""
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=step.open_ids)
        rows.update(system_user_hash=made)
        for row in step.open:
            # Whether there is one, never what it is.
            old, new = bool(row.system_user_hash), bool(made)
            step.changed(row.pk, {"has_password": old}, {"has_password": new})
        provisioning.touch(step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/subscriptions/{target_id}/ssh/"


def told(row: SshKey) -> dict[str, Any]:
    """A key, for the log: which one, and not the key itself."""
    return {"label": row.label, "type": row.type, "fingerprint": row.fingerprint}


@register
class AddSshKey(_OnSystemUsers):
    """Whoever holds the private half of it gets in as the system user."""

    verb = "add-ssh-key"
    creates = "ssh-key"
    label = _("Add SSH Key")
    form_class = SshKeyForm
    order = 27

    def check(self, step: Step) -> None:
        super().check(step)
        new = step.params["key"].fingerprint
        held: dict[int, list[tuple[str, str]]] = {}
        rows = SshKey.objects.unscoped(_WHY).filter(subscription_id__in=step.open_ids)
        for pk, label, fingerprint in rows.values_list("subscription_id", "label", "fingerprint"):
            held.setdefault(pk, []).append((label, fingerprint))
        for row in step.open:
            there = held.get(row.pk, [])
            same = [label for label, fingerprint in there if fingerprint == new]
            if same:
                step.leave(row.pk, "ssh_key_there", name=str(row), label=same[0])
            elif len(there) >= MOST_KEYS:
                step.refuse(row.pk, "ssh_keys_many", name=str(row), n=MOST_KEYS)

    def perform(self, step: Step) -> None:
        key = step.params["key"]
        type_, _space, data = key.line.partition(" ")
        for row in step.open:
            made = SshKey.objects.create(
                account_id=row.account_id,
                reseller_id=row.reseller_id,
                subscription=row,
                label=step.params["label"],
                type=type_,
                key=data,
                fingerprint=key.fingerprint,
            )
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"ssh_key": told(made)})
        provisioning.touch(step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/subscriptions/{target_id}/ssh/"


@register
class RemoveSshKey(Operation):
    """Keys of one system user, or of many. Sessions that run go on; new ones are refused."""

    noun = "ssh-key"
    verb = "remove"
    label = _("Remove")
    area = "sites"
    roles = ANY_ROLE
    confirm = "always"
    destructive = True
    order = 90

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = SshKey.objects.unscoped(_WHY).filter(pk__in=ids)
        locks.subscriptions(list(rows.values_list("subscription_id", flat=True)))
        super().lock(actor, ids)

    def check(self, step: Step) -> None:
        ids = {row.subscription_id for row in step.open}
        found = Subscription.objects.unscoped(_WHY).in_bulk(ids)
        refuse_without(step, "", {row.pk: found[row.subscription_id] for row in step.open})

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, told(row), {})
        SshKey.objects.unscoped(_WHY).filter(pk__in=step.open_ids).delete()
        provisioning.touch(sorted({row.subscription_id for row in step.open}))

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        # The page of what is gone: where its siblings are is not known any more.
        return ""
