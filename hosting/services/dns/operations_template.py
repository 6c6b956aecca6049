"""Operations on the records of the template. Zones follow when it is applied to them."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.operations.subscriptions import refuse_stale
from hosting.services.dns.forms import TemplateRecordForm
from hosting.services.dns.models import TemplateRecord
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ADMINISTRATOR, Consequence, Operation, Step, register

reasons.declare(
    template_there=_("The template has this record already."),
    template_apply=_(
        "Zones that are there stay as they are until the template is applied to them."
    ),
    template_apply_action=_("To the zones"),
    template_cname=_("%(host)s cannot be a CNAME and have other records."),
)
_WHY = "the administrator's own"
_FIELDS = ("scope", "host", "type", "ttl", "value")


def told(row: TemplateRecord) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS}


def _refuse(step: Step, target_id: int, own: int | None) -> None:
    params = step.params
    rows = TemplateRecord.objects.unscoped(_WHY).filter(scope=params["scope"], host=params["host"])
    beside = [row for row in rows if row.pk != own]
    if any((row.type, row.value) == (params["type"], params["value"]) for row in beside):
        step.leave(target_id, "template_there")
    elif beside and "CNAME" in {params["type"], *(row.type for row in beside)}:
        step.refuse(target_id, "template_cname", host=params["host"])


def _note(step: Step) -> None:
    if step.open_ids:
        step.note("template_apply", action="/zones/")


@register
class AddTemplateRecord(Operation):
    """One more record for zones to come."""

    noun = "account"
    verb = "add-template-record"
    creates = "template-record"
    label = _("Add Record")
    roles = ADMINISTRATOR
    area = "settings"
    form_class = TemplateRecordForm
    bulk = False

    def check(self, step: Step) -> None:
        for row in step.open:
            _refuse(step, row.pk, None)

    def perform(self, step: Step) -> None:
        for row in step.open:
            made = TemplateRecord.objects.create(**{name: step.params[name] for name in _FIELDS})
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"template_record": told(made)})
        _note(step)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return "/template-records/"


class _OnTemplate(Operation):
    noun = "template-record"
    roles = ADMINISTRATOR
    area = "settings"

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return "/template-records/"


@register
class EditTemplateRecord(_OnTemplate):
    verb = "edit"
    label = _("Edit")
    form_class = TemplateRecordForm
    bulk = False
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {**told(targets[0]), "version": targets[0].version} if targets else {}

    def check(self, step: Step) -> None:
        refuse_stale(step)
        for row in step.open:
            if told(row) == {name: step.params[name] for name in _FIELDS}:
                step.leave(row.pk)
            else:
                _refuse(step, row.pk, row.pk)

    def perform(self, step: Step) -> None:
        for row in step.open:
            old = told(row)
            for name in _FIELDS:
                setattr(row, name, step.params[name])
            row.version += 1
            row.save()
            step.changed(row.pk, old, told(row))
        _note(step)


@register
class RemoveTemplateRecord(_OnTemplate):
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [
            Consequence(
                _(
                    "Zones keep it until the template is applied to them; then those in which"
                    " nobody edited it lose it."
                )
            )
        ]

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, told(row), {})
        TemplateRecord.objects.unscoped(_WHY).filter(pk__in=step.open_ids).delete()
        _note(step)
