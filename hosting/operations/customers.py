"""Operations on customers that touch what they host: add, suspend, activate, remove, restore."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import credentials, own_hosting
from accounts.creation import add_account
from accounts.forms import ContactFields
from accounts.models import Account
from hosting import counters, creating, demand, locks, notices, suspension
from hosting.forms_accounts import AddCustomerForm
from hosting.operations.activating import Activate
from hosting.operations.removing import Purge, Remove, Restore
from hosting.operations.suspending import Lift, Suspend
from panel.core.access import Actor, Role
from panel.core.operations import Operation, Refused, Step, register


class AddAccount(Operation):
    """An operation on the provider: makes an account below it with its own login."""

    noun = "account"
    bulk = False
    role: Role

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.accounts(ids)

    def check(self, step: Step) -> None:
        for provider in step.open:
            if provider.pk != step.actor.account_id:
                step.refuse(provider.pk, "not_applicable")

    def perform(self, step: Step) -> None:
        for provider in step.open:
            try:
                # A refusal halfway takes back what was written for this one, and only that.
                with transaction.atomic():
                    made = self.make(step, provider)
            except Refused as refused:
                step.refuse(provider.pk, refused.code, **refused.params)
                continue
            except IntegrityError:
                # Free when the form was checked, and taken by somebody else since.
                if not credentials.is_taken(step.params["username"]):
                    raise
                step.refuse(provider.pk, "username_taken")
                continue
            step.created[provider.pk] = made
            notices.account_created(made)
            step.changed(provider.pk, {}, self.shown(made))
            step.index(self.creates, [made.pk])

    def make(self, step: Step, provider: Account) -> Account:
        """The account, with all that comes with it. Raises Refused."""
        raise NotImplementedError

    def add(self, step: Step, provider: Account, **fields: Any) -> Account:
        params = step.params
        contact = {name: params[name] for name in ContactFields.CONTACT if name in params}
        return add_account(
            self.role,
            provider,
            username=params["username"],
            # An import has it apart, or none: then it is chosen by "Forgotten password?".
            password=params.get("password", ""),
            description=params.get("description", ""),
            **contact,
            **fields,
        )

    def shown(self, made: Account) -> dict[str, Any]:
        """Its values for the activity log; never the password."""
        names = [*ContactFields.CONTACT, "username", "description"]
        return {name: getattr(made, name) for name in names if getattr(made, name)}


@register
class AddCustomer(AddAccount):
    """With a subscription, or without one: then the customer sees on login why it is empty."""

    verb = "add-customer"
    creates = "customer"
    label = _("Add a Customer")
    form_class = AddCustomerForm
    role = Role.CUSTOMER

    def make(self, step: Step, provider: Account) -> Account:
        asked = demand.Demand(Counter(customers=1))
        demand.refuse_full(provider.reseller_id, asked, step.actor)
        made = self.add(step, provider)
        if step.params.get("create_subscription"):
            creating.subscription(step, made, step.params)
        own_hosting.tell(step, made.pk, made.email)
        # Below a suspended reseller everything is shut, what is added as well.
        suspension.recompute(accounts=[made.pk])
        counters.recount_accounts(pk for pk in (made.pk, made.reseller_id) if pk)
        return made


@register
class SuspendCustomer(Suspend):
    noun = "customer"
    undo = "customer.lift"


@register
class LiftCustomer(Lift):
    noun = "customer"


@register
class ActivateCustomer(Activate):
    noun = "customer"


@register
class RemoveCustomer(Remove):
    noun = "customer"


@register
class RestoreCustomer(Restore):
    noun = "customer"


@register
class PurgeCustomer(Purge):
    noun = "customer"
