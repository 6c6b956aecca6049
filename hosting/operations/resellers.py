"""Operations on resellers and what hangs on them: add, suspend, activate, remove, restore."""

from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import counters, creating, sync
from hosting.forms_resellers import AddResellerForm
from hosting.operations.activating import Activate
from hosting.operations.customers import AddAccount
from hosting.operations.removing import Purge, Remove, Restore
from hosting.operations.suspending import Lift, Suspend
from panel.core.access import Role
from panel.core.operations import ADMINISTRATOR, Step, register


@register
class AddReseller(AddAccount):
    verb = "add-reseller"
    creates = "reseller"
    label = _("Add a Reseller")
    roles = ADMINISTRATOR
    form_class = AddResellerForm
    role = Role.RESELLER

    def make(self, step: Step, provider: Account) -> Account:
        plan = creating.plan_now(step.params.get("plan"))
        given = (
            {"plan_id": plan.pk, **sync.values_of(plan)}
            if plan is not None
            else {name: step.params[name] for name in sync.RESELLER_FIELDS}
        )
        made = self.add(step, provider, **given)
        counters.recount_accounts([made.pk])
        return made


@register
class SuspendReseller(Suspend):
    """Everything below by default, or the panel only; always asked, for a lot hangs on it."""

    noun = "reseller"
    roles = ADMINISTRATOR
    confirm = "always"
    ask_label = None  # type: ignore[assignment]
    undo = "reseller.lift"


@register
class LiftReseller(Lift):
    noun = "reseller"
    roles = ADMINISTRATOR


@register
class ActivateReseller(Activate):
    noun = "reseller"
    roles = ADMINISTRATOR
    ask_label = _("Activate with options…")


@register
class RemoveReseller(Remove):
    """Refused, with names, while it has customers."""

    noun = "reseller"
    roles = ADMINISTRATOR


@register
class RestoreReseller(Restore):
    noun = "reseller"
    roles = ADMINISTRATOR


@register
class PurgeReseller(Purge):
    noun = "reseller"
    roles = ADMINISTRATOR
