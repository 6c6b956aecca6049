"""Operations on FTP accounts."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import conditions, counters, creating, locks, permissions, provisioning, suspension
from hosting.hashes import hashed
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL
from hosting.operations.base import OnSubscriptions
from hosting.operations.domains import refuse_without
from hosting.services.ftp.desired import may_have_keys
from hosting.services.ftp.driver_desired import MOST_ACCOUNTS, MOST_KEYS
from hosting.services.ftp.forms import (
    AddFtpAccountForm,
    EditFtpAccountForm,
    FtpKeyForm,
    FtpPasswordForm,
    RemoveFtpKeyForm,
)
from hosting.services.ftp.models import FtpAccount
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Consequence, Operation, Refused, Step, register

PERMISSION = "manage_ftp"
_WHY = "rows of the targets, which the actor sees"
_EDITED = ("home", "is_read_only", "description")

reasons.declare(
    ftp_accounts_many=_("%(name)s has %(n)s FTP accounts, and that is the most."),
    ftp_name_taken=_("The username %(name)s is taken."),
    ftp_off_above=_("Somebody above you switched this account off; only they can change that."),
    ftp_no_keys=_("The plan of %(name)s gives no access over SSH, so keys are not taken."),
    ftp_key_there=_("%(name)s has this key already: %(label)s."),
    ftp_keys_many=_("%(name)s has %(n)s SSH keys, and that is the most. Remove one first."),
)


def may_manage(subscription: Subscription, actor: Actor) -> bool:
    """Whether the buttons show: to who has the permission, and to the administrator."""
    return not permissions.lacking([subscription], actor, PERMISSION)


def told(row: FtpAccount) -> dict[str, Any]:
    """An account, for the log."""
    return {"name": row.name, **{name: getattr(row, name) for name in _EDITED}}


def _recount(subscription_ids: Iterable[int]) -> None:
    """What follows from accounts that came or went: usage, overuse, and the nodes."""
    ids = sorted(set(subscription_ids))
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
    owners = list(rows.values_list("account_id", "reseller_id"))
    counters.recount_subscriptions(ids)
    counters.recount_accounts(pk for pair in owners for pk in pair)
    conditions.judge(ids)
    suspension.recompute(subscriptions=ids)
    provisioning.touch(ids)


@register
class AddFtpAccount(OnSubscriptions):
    """A login of its own for a directory of the subscription."""

    verb = "add-ftp-account"
    creates = "ftp-account"
    label = _("Add FTP Account")
    roles = ANY_ROLE
    form_class = AddFtpAccountForm
    bulk = False
    # It stands on the tab of its own.
    sidebar = False
    order = 28

    def offered(self, target: Any, actor: Actor) -> bool:
        return may_manage(target, actor)

    def check(self, step: Step) -> None:
        refuse_without(step, PERMISSION, {row.pk: row for row in step.open})
        rows = FtpAccount.objects.unscoped(_WHY)
        for row in step.open:
            if rows.filter(subscription_id=row.pk).count() >= MOST_ACCOUNTS:
                step.refuse(row.pk, "ftp_accounts_many", name=str(row), n=MOST_ACCOUNTS)
            elif rows.filter(name=step.params["name"]).exists():
                step.refuse(row.pk, "ftp_name_taken", name=step.params["name"])

    def perform(self, step: Step) -> None:
        params = step.params
        for row in step.open:
            try:
                creating.refuse_full(step, row, "ftp_accounts")
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            made = FtpAccount.objects.create(
                account_id=row.account_id,
                reseller_id=row.reseller_id,
                subscription=row,
                name=params["name"],
                password_hash=hashed(params["password"]),
                **{name: params[name] for name in _EDITED},
            )
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"ftp_account": told(made)})
        _recount(step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/subscriptions/{target_id}/ftp/"


class OnFtpAccounts(Operation):
    """Accounts are locked behind their subscriptions; the subscriber's own affair, too."""

    noun = "ftp-account"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = FtpAccount.objects.unscoped(_WHY).filter(pk__in=ids)
        locks.subscriptions(list(rows.values_list("subscription_id", flat=True)))
        super().lock(actor, ids)

    def offered(self, target: Any, actor: Actor) -> bool:
        return self.applies_to(target, actor) and may_manage(target.subscription, actor)

    def check(self, step: Step) -> None:
        ids = {row.subscription_id for row in step.open}
        found = Subscription.objects.unscoped(_WHY).in_bulk(ids)
        for row in step.open:
            row.subscription = found[row.subscription_id]
        refuse_without(step, PERMISSION, {row.pk: row.subscription for row in step.open})

    def rows(self, step: Step) -> Any:
        return FtpAccount.objects.unscoped(_WHY).filter(pk__in=step.open_ids)

    def touch(self, step: Step) -> None:
        provisioning.touch(sorted({row.subscription_id for row in step.open}))


@register
class EditFtpAccount(OnFtpAccounts):
    """Another home, or other rights in it. Sessions of the subscription's accounts end."""

    verb = "edit"
    label = _("Edit")
    form_class = EditFtpAccountForm
    bulk = False
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {name: getattr(targets[0], name) for name in _EDITED} if targets else {}

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if all(getattr(row, name) == step.params[name] for name in _EDITED):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        new = {name: step.params[name] for name in _EDITED}
        self.rows(step).update(**new)
        for row in step.open:
            step.changed(row.pk, {name: getattr(row, name) for name in _EDITED}, new)
        self.touch(step)


@register
class ChangeFtpPassword(OnFtpAccounts):
    """Only its hash is kept."""

    verb = "change-password"
    label = _("Change Password")
    form_class = FtpPasswordForm
    bulk = False
    order = 20

    def perform(self, step: Step) -> None:
        self.rows(step).update(password_hash=hashed(step.params["password"]))
        for row in step.open:
            step.changed(row.pk, {"has_password": bool(row.password_hash)}, {"has_password": True})
        self.touch(step)


class _OnKeys(OnFtpAccounts):
    bulk = False

    def keep(self, step: Step, row: FtpAccount, keys: list[dict[str, str]]) -> None:
        FtpAccount.objects.unscoped(_WHY).filter(pk=row.pk).update(keys=keys)
        marks = [[key["fingerprint"] for key in some] for some in (row.keys, keys)]
        step.changed(row.pk, {"ssh_keys": marks[0]}, {"ssh_keys": marks[1]})


@register
class AddFtpKey(_OnKeys):
    """Whoever holds the private half of it gets in by SFTP."""

    verb = "add-key"
    label = _("Add SSH Key")
    form_class = FtpKeyForm
    order = 30

    def offered(self, target: Any, actor: Actor) -> bool:
        return super().offered(target, actor) and may_have_keys(target.subscription.settings)

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            labels = {key["fingerprint"]: key["label"] for key in row.keys}
            mark = step.params["key"].fingerprint
            if not may_have_keys(row.subscription.settings):
                step.refuse(row.pk, "ftp_no_keys", name=str(row.subscription))
            elif mark in labels:
                step.leave(row.pk, "ftp_key_there", name=str(row), label=labels[mark])
            elif len(labels) >= MOST_KEYS:
                step.refuse(row.pk, "ftp_keys_many", name=str(row), n=MOST_KEYS)

    def perform(self, step: Step) -> None:
        key = step.params["key"]
        new = {
            "label": step.params["label"],
            "line": key.line,
            "fingerprint": key.fingerprint,
        }
        for row in step.open:
            self.keep(step, row, [*row.keys, new])
        self.touch(step)


@register
class RemoveFtpKey(_OnKeys):
    """Sessions of the subscription's accounts end; whoever holds it gets in no longer."""

    verb = "remove-key"
    label = _("Remove SSH Key")
    form_class = RemoveFtpKeyForm
    order = 31

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return bool(target.keys)

    def perform(self, step: Step) -> None:
        for row in step.open:
            mark = step.params["fingerprint"]
            self.keep(step, row, [key for key in row.keys if key["fingerprint"] != mark])
        self.touch(step)


class _Switch(OnFtpAccounts):
    """The account's own state; the subscription's suspension stands beside it."""

    group = _("Change Status")
    is_on: bool

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_on != self.is_on

    def is_done(self, target: Any) -> bool:
        return target.is_on == self.is_on

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            own = PERSONAL.index(suspension.level_of(step.actor, row.subscription))
            if row.off_level and PERSONAL.index(row.off_level) < own:
                step.refuse(row.pk, "ftp_off_above")

    def perform(self, step: Step) -> None:
        by_level: dict[str, list[int]] = {}
        for row in step.open:
            level = "" if self.is_on else suspension.level_of(step.actor, row.subscription)
            by_level.setdefault(str(level), []).append(row.pk)
            step.changed(row.pk, {"is_on": row.is_on}, {"is_on": self.is_on})
        for level, ids in by_level.items():
            rows = FtpAccount.objects.unscoped(_WHY).filter(pk__in=ids)
            rows.update(is_on=self.is_on, off_level=level)
        self.touch(step)


@register
class SuspendFtpAccount(_Switch):
    verb = "suspend"
    label = _("Suspend")
    is_on = False
    order = 40


@register
class ActivateFtpAccount(_Switch):
    verb = "activate"
    label = _("Activate")
    is_on = True
    order = 41


@register
class RemoveFtpAccount(OnFtpAccounts):
    """The login goes, its sessions end; the files stay."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [Consequence(_("The files in their homes stay."))]

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, told(row), {})
        self.rows(step).delete()
        _recount(row.subscription_id for row in step.open)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        # The list: the page of what is gone is gone.
        return "/ftp-accounts/"
