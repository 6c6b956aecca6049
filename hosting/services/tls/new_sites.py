"""The choice of a certificate where a site is added."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting import nodes, permissions
from hosting.forms_new_sites import SiteField
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.tls import settings
from hosting.services.tls.rules import PERMISSION, is_reached
from panel.core import reasons
from panel.core.forms import OperationForm

NAME = "certificate"
AS_PLANNED, ISSUE, NONE = "", "issue", "none"


class CertificateField(SiteField, forms.ChoiceField):
    """Whether one is issued as soon as the site is there: as the plan says, unless one chooses."""

    def __init__(self) -> None:
        super().__init__(
            label=_("SSL/TLS certificate"),
            choices=[
                (AS_PLANNED, _("As the service plan says")),
                (ISSUE, _("Issue one, for the name and its www")),
                (NONE, _("None for now")),
            ],
            required=False,
        )

    def is_shown(self, form: OperationForm) -> bool:
        return not _why_not(form)

    def refuse(self, form: OperationForm, value: Any) -> None:
        if value == ISSUE and (words := _why_not(form)):
            raise ValidationError(words)


def _why_not(form: OperationForm) -> str:
    """Why none can be issued for a site that this form adds; "" if one can."""
    if code := settings.why_not():
        return reasons.render(code)
    target = form.targets[0] if form.targets else None
    above = getattr(target, "subscription", target)
    subscription = above if isinstance(above, Subscription) else None
    node = Node.objects.get(pk=subscription.node_id) if subscription else nodes.choose()
    if not is_reached(node):
        return str(_("The server is reached from here alone, so no authority issues one."))
    if not _may(form, subscription):
        return str(_("This takes the permission to manage hosting."))
    return ""


def _may(form: OperationForm, subscription: Subscription | None) -> bool:
    if subscription is not None:
        return not permissions.lacking([subscription], form.actor, PERMISSION)
    granted = permissions.of_actor(form.actor)
    return granted is None or PERMISSION in granted


def fields() -> dict[str, SiteField]:
    """See `ServiceConfig.site_fields_source`."""
    return {NAME: CertificateField()}
