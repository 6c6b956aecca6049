"""Add Domain, Add Subdomain and Add Domain Alias from the list: first of all, below what?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting import tools
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from hosting.validators import to_ascii
from panel.core.access import Actor
from panel.core.forms import OperationForm
from panel.core.http import PanelRequest
from panel.core.operation_views import OperationView
from panel.core.operations import Operation, nouns, operations
from panel.core.path_bar import crumbs
from panel.core.views import go

# So many are offered to choose from; of more, one types the name.
OFFERED = 50


@dataclass(frozen=True)
class Adding:
    """What is added, by which operation, below what; the tool that has to be there for it."""

    operation: str
    below: Promise
    resource: str
    permission: str

    @property
    def found(self) -> Operation:
        return operations[self.operation]


ADDING = {
    "domain": Adding("subscription.add-domain", _("Subscription"), "domains", "manage_domains"),
    "subdomain": Adding("domain.add-subdomain", _("Domain"), "subdomains", "manage_subdomains"),
    "alias": Adding("domain.add-alias", _("Domain"), "aliases", "manage_aliases"),
}


def add_buttons(actor: Actor, subscriptions: Sequence[Subscription] = ()) -> list[dict[str, Any]]:
    """A button for each of these that the actor may add; to customers, where one of their
    subscriptions has it."""
    shown = {adding.resource for adding in ADDING.values()}
    if actor.is_customer:
        tools_by_name = {adding.resource: adding.permission for adding in ADDING.values()}
        shown = tools.of_subscriber(subscriptions, tools_by_name)
    return [
        {"label": adding.found.label, "url": reverse("domain_add_below", args=[what])}
        for what, adding in ADDING.items()
        if adding.resource in shown and adding.found.may(actor)
    ]


class BelowForm(OperationForm):
    """The subscription or the domain that something is added to."""

    below = forms.CharField(max_length=255)

    def __init__(self, *args: Any, adding: Adding, **kwargs: Any) -> None:
        self.adding = adding
        super().__init__(*args, **kwargs)

    def prepare(self) -> None:
        rows = candidates(self.adding, self.actor)
        some = list(rows.order_by("name_key", "pk")[: OFFERED + 1])
        if len(some) <= OFFERED:
            choices = [(str(row.pk), str(row)) for row in some]
            self.fields["below"] = forms.ChoiceField(choices=choices)
        else:
            self.fields["below"].help_text = _("A name of it: a domain or an alias.")
        self.fields["below"].label = self.adding.below

    def clean_below(self) -> int:
        text = self.cleaned_data["below"]
        if isinstance(self.fields["below"], forms.ChoiceField):
            return int(text)
        pk = named(self.adding, self.actor, to_ascii(text))
        if pk is None:
            raise ValidationError(_("There is no such name here."))
        return pk


def candidates(adding: Adding, actor: Actor) -> Any:
    """Below what it may be added."""
    rows = nouns[adding.found.noun].visible_to(actor).present()
    return rows.filter(parent=None) if adding.resource == "subdomains" else rows


def named(adding: Adding, actor: Actor, name: str) -> int | None:
    """The candidate that has this name, as a domain or as an alias."""
    column = "subscription_id" if adding.found.noun == "subscription" else "pk"
    domains = Domain.objects.visible_to(actor).present()
    row = domains.filter(ascii=name).first()
    if row is None:
        alias = Alias.objects.visible_to(actor).filter(ascii=name).first()
        row = domains.filter(pk=alias.domain_id).first() if alias else None
    if row is None:
        return None
    if adding.resource == "subdomains" and row.parent_id is not None:
        return row.parent_id
    return getattr(row, column)


class AddBelowView(OperationView):
    """Asks below what, and goes on to the operation's own page; with one candidate, at once."""

    noun = "domain"

    def adding(self, what: str) -> Adding:
        adding = ADDING.get(what)
        if adding is None:
            raise Http404
        if not adding.found.may(self.request.actor):
            raise PermissionDenied
        return adding

    def get(self, request: PanelRequest, what: str) -> HttpResponse:
        adding = self.adding(what)
        only = list(candidates(adding, request.actor).values_list("pk", flat=True)[:2])
        if len(only) == 1:
            return self.go_on(adding, only[0])
        return self.ask(adding, BelowForm(actor=request.actor, adding=adding))

    def post(self, request: PanelRequest, what: str) -> HttpResponse:
        adding = self.adding(what)
        form = BelowForm(request.POST, actor=request.actor, adding=adding)
        if not form.is_valid():
            return self.ask(adding, form)
        return self.go_on(adding, form.cleaned_data["below"])

    def go_on(self, adding: Adding, pk: int) -> HttpResponse:
        operation = adding.found
        return go(reverse(f"{operation.noun}_operation", args=[pk, operation.verb]))

    def ask(self, adding: Adding, form: BelowForm) -> HttpResponse:
        operation, list_url = adding.found, reverse("domain_list")
        nobody = nouns[operation.noun].visible_to(self.request.actor).none()
        path = crumbs((nouns["domain"].labels, list_url), (operation.label, None))
        return self.page(operation, nobody, form, count=0, cancel_url=list_url, path=path)
