"""One row of an import, through the operation that makes such an object: its form, its rules."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import OperationalError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account, User
from hosting import demand
from hosting.forms import CUSTOM
from hosting.forms_imports import DOOR, ImportedCustomerForm
from hosting.forms_subscriptions import find_subscriber
from hosting.import_files import PASSWORD
from hosting.models.imports import ImportRow
from hosting.models.subscriptions import Subscription
from hosting.operations.customers import AddCustomer
from hosting.operations.subscriptions import AddSubscription
from panel.core import door, door_text, log, reasons
from panel.core.access import Actor
from panel.core.operations import Operation, Result, Step

logger = logging.getLogger(__name__)

reasons.declare(
    import_leader=gettext_lazy("Its customer in line %(line)s is not imported."),
    import_held_back=gettext_lazy("Other rows were refused, and all or none was chosen."),
    import_order=gettext_lazy("Its customer stands below, in line %(line)s: move it up."),
    import_mixed=gettext_lazy(
        "%(columns)s: with a subscriber, a row makes a subscription and no customer."
    ),
    no_such_subscriber=gettext_lazy("There is no such customer: %(name)s."),
)


class ImportCustomer(AddCustomer):
    """The same operation by a form without the password: not registered, it is no door."""

    form_class = ImportedCustomerForm


class _NotDone(Exception):
    """Takes back what a row wrote before it was refused."""


@dataclass
class Chunk:
    """Some rows on their way, and what they leave behind besides themselves."""

    actor: Actor
    # What resellers gave to the rows before these, and give to these.
    ahead: demand.Ahead = field(default_factory=demand.Ahead)
    entries: list[log.Entry] = field(default_factory=list)
    reindex: dict[str, set[int]] = field(default_factory=dict)
    after_commit: list[Any] = field(default_factory=list)

    def carry(self, row: ImportRow) -> None:
        """Do what the row says; it is told what became of it."""
        mine = demand.Ahead(self.ahead.before)
        with demand.looking_ahead(mine):
            self._carry_alone(row)
        if row.result == Result.DONE:
            for reseller, given in mine.given.items():
                self.ahead.given.setdefault(reseller, demand.Demand()).add(given)

    def _carry_alone(self, row: ImportRow) -> None:
        """In a savepoint: what is refused leaves nothing."""
        try:
            with transaction.atomic():
                self._carry(row)
                if row.result != Result.DONE:
                    raise _NotDone
        except _NotDone:
            pass
        except OperationalError:
            # A lock: the whole chunk is tried again.
            raise
        except Exception:
            logger.exception("import %s line %s", row.source_id, row.line)
            row.told(Result.FAILED, "failed", {"request_id": self.actor.request_id or "-"})

    def _carry(self, row: ImportRow) -> None:
        operation, target = self._operation(row)
        if target is None:
            return
        if not operation.may(self.actor):
            row.told(Result.REFUSED, "not_allowed")
            return
        values = self._values(operation, target, row.values)
        if found := door.existing(operation, self.actor, target.pk, values):
            row.customer_id = found
            row.told(Result.UNCHANGED, "exists_already")
            return
        try:
            given = door.read(operation, self.actor, [target], values)
        except door.BadInput as error:
            row.told(Result.REFUSED, "invalid", {"error": in_words(error, operation, target, self)})
            return
        step = Step(operation, self.actor, dict(given.cleaned))
        step.targets = {target.pk: target}
        if not operation.applies_to(target, self.actor):
            step.refuse(target.pk, "not_applicable")
        if step.open_ids:
            operation.check(step)
        if step.open_ids:
            operation.perform(step)
        result, code, params = step.results.get(target.pk, (Result.DONE, "", {}))
        row.told(result, code, params)
        if result == Result.DONE:
            self._keep(row, step, target)

    def _operation(self, row: ImportRow) -> tuple[Operation, Account | None]:
        """What makes this row's object, and below which account; None: the row was told why."""
        subscriber = row.values.get("subscriber")
        if subscriber is None:
            return ImportCustomer(), self._own_account()
        operation = AddSubscription()
        known = AddCustomer.form_class.base_fields
        own = door.blank_form(operation.form_class, self.actor, []).fields
        mixed = [name for name in row.values if name in known and name not in own]
        if row.password:
            mixed.append(PASSWORD)
        if mixed:
            row.told(Result.REFUSED, "import_mixed", {"columns": ", ".join(mixed)})
            return operation, None
        target = subscriber_of(subscriber, self.actor)
        if target is None:
            row.told(Result.REFUSED, "no_such_subscriber", {"name": subscriber[:100]})
        return operation, target

    def _own_account(self) -> Account | None:
        rows = Account.objects.visible_to(self.actor).present()
        return rows.filter(pk=self.actor.account_id).first()

    def _values(
        self, operation: Operation, target: Account, typed: Mapping[str, str]
    ) -> dict[str, Any]:
        """What was typed as the plain values that programs send."""
        fields = door.blank_form(operation.form_class, self.actor, [target]).fields
        given = {name: text for name, text in typed.items() if name != "subscriber"}
        for name, text in given.items():
            given[name] = meant(fields[name], text) if name in fields else text
        values = door_text.values_of(fields, given)
        if "create_subscription" in fields:
            values["create_subscription"] = "domain" in typed
        return values

    def _keep(self, row: ImportRow, step: Step, target: Account) -> None:
        made = step.created[target.pk]
        if isinstance(made, Subscription):
            row.customer_id, row.subscription_id = made.account_id, made.pk
        else:
            row.customer_id = made.pk
            if row.password:
                # SECURITY: hashed when the file was read; nobody knows this account yet.
                own = User.objects.unscoped("a new login").filter(account_id=made.pk, is_own=True)
                own.update(password=row.password)
        old, new = step.changes.get(target.pk, ({}, {}))
        name = f"account.{step.operation.verb}"
        self.entries.append(log.Entry(name, step.operation.creates, made, old, new))
        for action, about, before, after in step.extra:
            self.entries.append(log.Entry(action, action.split(".")[0], about, before, after))
        for noun, ids in step.reindex.items():
            self.reindex.setdefault(noun, set()).update(ids)
        self.after_commit += step.after_commit

    def replay(self, row: ImportRow) -> None:
        """Make the customer of an earlier piece again, for the rows of this one."""
        again = ImportRow(source_id=row.source_id, line=row.line, values=row.values)
        alone = demand.Ahead()
        with demand.looking_ahead(alone):
            self._carry_alone(again)
        # It is in the tables now, and counts no longer as one of the rows before.
        for reseller, given in alone.given.items():
            if reseller in self.ahead.before:
                self.ahead.before[reseller].drop(given)
            self.ahead.given.setdefault(reseller, demand.Demand()).add(given)


def subscriber_of(text: str, actor: Actor) -> Account | None:
    """Who a row belongs to, by username, number or external id; through every door the same."""
    return find_subscriber(text, actor.through(DOOR))


def meant(form_field: forms.Field, text: str) -> str:
    """A choice as its value, where it was typed in words: a plan's name, a country's."""
    if isinstance(form_field, forms.ModelChoiceField):
        return _row_named(form_field, text)
    if isinstance(form_field, forms.ChoiceField):
        wanted = text.casefold()
        for value, label in form_field.choices:
            if wanted in {str(value).casefold(), str(label).casefold()}:
                return str(value)
    return text


def _row_named(form_field: forms.ModelChoiceField, text: str) -> str:
    parts = [text]
    if isinstance(form_field, forms.ModelMultipleChoiceField):
        parts = [part.strip() for part in text.split(",") if part.strip()]
    elif text.casefold() in {str(CUSTOM).casefold(), str(form_field.empty_label).casefold()}:
        return ""
    found = []
    for part in parts:
        rows = form_field.queryset.filter(name__iexact=part)
        numbers = list(rows.values_list("pk", flat=True)[:2])
        found.append(str(numbers[0]) if len(numbers) == 1 else part)
    return ",".join(found)


def in_words(error: door.BadInput, operation: Operation, target: Account, chunk: Chunk) -> str:
    """What is wrong with which columns, in one line."""
    fields = door.blank_form(operation.form_class, chunk.actor, [target]).fields
    lines = []
    for name, words in error.fields.items():
        label = str(fields[name].label or name) if name in fields else name
        text = " ".join(words)
        lines.append(
            text if name == "*" else _("%(name)s: %(text)s") % {"name": label, "text": text}
        )
    return "; ".join(lines) or error.message
