"""Parameters of operations on subscriptions: whose, on which plan, until when."""

from typing import Any, ClassVar

from crispy_forms.layout import Column, Field, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.forms import PASSWORD_TEMPLATE, PasswordField
from accounts.models import Account, sort_key
from hosting.forms import (
    AddOnsField,
    ChangedPlanField,
    MainDomainField,
    PlanField,
    SystemUserField,
    provider_of,
    refuse_addons_on_no_plan,
)
from hosting.forms_new_sites import NewSiteForm, with_site_fields
from hosting.hashes import refuse_long
from panel.core import search
from panel.core.access import Actor, Role
from panel.core.door import EXTERNAL, by_external_id
from panel.core.forms import DayInput, OperationForm

# So many accounts are offered while one types; who has more types a name.
OFFERED = 100
# An external id, with what says that it is one.
LONGEST = len(EXTERNAL) + 100
_SUBSCRIBERS = (Role.CUSTOMER, Role.RESELLER)


def find_subscriber(text: Any, actor: Actor) -> Account | None:
    """The account that is meant by a username, a number or an external id ("external:…" where that
    looks like one of these); a person at a page may also type the name that stands there."""
    text = str(text or "").strip()
    if not text or "\x00" in text:
        return None
    rows = Account.objects.visible_to(actor).present()
    if text.startswith(EXTERNAL):
        return rows.filter(pk=by_external_id(rows, actor, text.removeprefix(EXTERNAL))).first()
    found = rows.filter(username=text.lower()).first()
    if found is None and text.isascii() and text.isdigit() and len(text) < 19:
        found = rows.filter(pk=int(text)).first()
    if found is None:
        found = rows.filter(pk=by_external_id(rows, actor, text)).first()
    if found is None and actor.door == "page":
        named = rows.filter(name_key=sort_key(text), role__in=_SUBSCRIBERS)
        several = [row for row in named[:10] if row.contact_name.lower() == text.lower()]
        found = several[0] if len(several) == 1 else None
    return found


def similar(text: str, actor: Actor) -> list[Account]:
    """Accounts that somebody may have meant who typed something else."""
    hits = search.matching(actor, text, _SUBSCRIBERS).values_list("object_id", flat=True)[:5]
    return list(Account.objects.visible_to(actor).present().filter(pk__in=list(hits)))


class _Offering(forms.TextInput):
    """A text field that offers some values with their names, as browsers do without script."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "autocapitalize": "none"})
        self.offered: list[tuple[str, str]] = []

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        if not self.offered:
            return super().render(name, value, attrs, renderer)
        listed = f"{name}-offered"
        field = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        options = format_html_join("", '<option value="{}">{}</option>', self.offered)
        return format_html('{}<datalist id="{}">{}</datalist>', field, listed, options)


class SubscriberField(forms.CharField):
    """An account that the actor sees, typed: a list to choose from would hold every customer.

    In JSON its number, or a username or external id.
    """

    widget = _Offering
    json_schema: ClassVar[dict[str, Any]] = {
        "type": ["integer", "string", "null"],
        "minimum": 1,
        "maximum": 10**18 - 1,
        "maxLength": LONGEST,
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Subscriber"))
        super().__init__(max_length=LONGEST, **kwargs)
        self.actor: Actor | None = None

    def from_json(self, value: Any) -> str:
        """What the form takes for a value of JSON; ValueError for what names nobody."""
        if value is None:
            return ""
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
        raise ValueError(_("A number, a username or an external id."))

    def offer(self, form: OperationForm) -> Account | None:
        """Look through the eyes of the form's actor; returns who is typed, if that is somebody."""
        self.actor = form.actor
        if form.is_bound:
            return find_subscriber(form.data.get(form.add_prefix("subscriber")), form.actor)
        if form.actor.door == "page":
            self.propose(Account.objects.visible_to(form.actor).filter(role__in=_SUBSCRIBERS))
        return None

    def propose(self, rows: Any) -> None:
        """Offer these accounts while somebody types, unless there are too many of them."""
        found = list(rows.present().order_by("name_key", "pk")[: OFFERED + 1])
        if len(found) <= OFFERED:
            self.widget.offered = [(row.username, row.contact_name) for row in found]

    def clean(self, value: Any) -> Account | None:
        text = super().clean(value)
        if not text or self.actor is None:
            return None
        account = find_subscriber(text, self.actor)
        if account is not None:
            return account
        meant = similar(text, self.actor) if self.actor.door == "page" else []
        if not meant:
            raise ValidationError(_("There is no such customer."))
        names = ", ".join(f"{row} ({row.username})" for row in meant)
        raise ValidationError(
            _("Type the username of one of these: %(names)s."), params={"names": names}
        )


@with_site_fields
class AddSubscriptionForm(NewSiteForm):
    """A subscription for oneself, or for the customer that one types or came from."""

    secret_fields = ("system_user_password",)

    domain = MainDomainField()
    plan = PlanField()
    addons = AddOnsField()
    system_user = SystemUserField()
    system_user_password = PasswordField(
        label=_("Password of the system user"),
        required=False,
        help_text=_("For SFTP and SSH, where the plan grants it. Empty: none for now."),
    )
    subscriber = SubscriberField(
        required=False,
        help_text=_("Name, username or number of the customer; empty for yourself."),
    )
    description = forms.CharField(label=_("Description"), max_length=500, required=False)

    def prepare(self) -> None:
        came_from = self.targets and self.targets[0].pk != self.actor.account_id
        if came_from:
            del self.fields["subscriber"]
        account = self.targets[0] if self.targets else None
        self.subscriber = account
        if not came_from:
            self.subscriber = self.fields["subscriber"].offer(self) or account
        if not came_from and self.actor.is_reseller:
            # Of its own subscriptions it is the subscriber, who sees none.
            self.fields["description"].help_text = _(
                "For those of your customers. Of your own the administrator alone sees it."
            )
        if self.subscriber is not None:
            self.fields["plan"].offer(provider_of(self.subscriber))
            AddOnsField.offer(self, provider_of(self.subscriber))

    def clean(self) -> dict[str, Any]:
        super().clean()
        refuse_addons_on_no_plan(self)
        return self.cleaned_data

    def clean_system_user_password(self) -> str:
        password: str = self.cleaned_data["system_user_password"] or ""
        if password:
            refuse_long(password)
            credentials.check_strength(password, username=self.cleaned_data.get("system_user", ""))
        return password

    def clean_subscriber(self) -> int:
        account = self.cleaned_data["subscriber"]
        return account.pk if account is not None else self.actor.account_id

    def get_layout(self) -> Layout:
        first = ["subscriber"] if "subscriber" in self.fields else []
        addons = ["addons"] if "addons" in self.fields else []
        pair = Row(Column("plan"), Column("system_user"))
        password = Field("system_user_password", template=PASSWORD_TEMPLATE)
        more = (*addons, *self.site_fields(), "description")
        return Layout(*first, "domain", pair, password, *more)


class ChangeSubscriberForm(OperationForm):
    """Whose they shall be; and what becomes of plans and descriptions where that is somebody of
    another provider."""

    subscriber = SubscriberField(
        label=_("New subscriber"),
        help_text=_("Name, username or number of a customer; your own username for yourself."),
    )
    plan = PlanField(
        help_text=_("For those whose provider changes; the others keep their service plan."),
    )
    hand_over_description = forms.BooleanField(
        label=_("Hand over the description"),
        required=False,
        help_text=_("The new provider sees it. Otherwise it is left behind."),
    )

    def prepare(self) -> None:
        new = self.fields["subscriber"].offer(self)
        present = Account.objects.visible_to(self.actor).in_bulk(
            {row.account_id for row in self.targets}
        )
        if len(present) == 1:
            (now,) = present.values()
            # SECURITY: help texts are markup; a name is whatever somebody typed.
            self.fields["subscriber"].help_text = format_html(
                "{} {}",
                _("Now: %(who)s (%(username)s).") % {"who": now, "username": now.username},
                self.fields["subscriber"].help_text,
            )
        if new is not None:
            self.fields["plan"].offer(provider_of(new))
        moves = new is not None and any(
            provider_of(account) != provider_of(new) for account in present.values()
        )
        # A page shows no more targets than this to a form: others may be of other providers.
        is_cut = self.actor.is_administrator and new is not None and len(self.targets) >= 20
        if self.actor.door == "page" and not moves and not is_cut:
            # Asked for once it matters. Programs may always say it.
            del self.fields["plan"], self.fields["hand_over_description"]


class SetExpiryForm(OperationForm):
    """The last day; empty for no end."""

    expires_on = forms.DateField(
        label=_("Expires on"),
        required=False,
        widget=DayInput,
        help_text=_("Through the end of that day. Empty: never."),
    )


class ChangePlanForm(OperationForm):
    """Add-ons on top of the plan; of targets of several providers none fit all."""

    addons = AddOnsField(
        help_text=_("On top of the service plan, each once. Those not ticked are taken away."),
    )

    def prepare(self) -> None:
        providers = {plans_from(row, self.actor) for row in self.targets} or {self.actor.account_id}
        if len(providers) == 1:
            AddOnsField.offer(self, *providers)
        elif self.actor.door == "page":
            del self.fields["addons"]


class ChangedPlanForm(OperationForm):
    """Another plan of the provider for each; or Custom plan, which keeps the values."""

    plan = ChangedPlanField()

    def prepare(self) -> None:
        providers = {plans_from(row, self.actor) for row in self.targets}
        if len(providers) <= 1:
            (provider_id,) = providers or {self.actor.account_id}
            self.fields["plan"].offer(provider_id)
            self.fields["plan"].share(self, ("plan", provider_id))
        else:
            # Of several providers: no plan fits them all.
            self.fields["plan"].share(self, ("plan", None))

    def clean_plan(self) -> Any:
        plan = self.cleaned_data["plan"]
        if plan != ChangedPlanField.KEEP:
            return plan
        (row,) = self.targets if len(self.targets) == 1 else (None,)
        offered = {one.pk: one for one in self.fields["plan"].rows()}
        return offered.get(row.plan_id) if row is not None else None


def plans_from(row: Any, actor: Actor) -> int:
    """Whose plans a subscription gets: those of the reseller above it, or of the administrator,
    who alone sees those that have none above them."""
    return row.reseller_id or actor.account_id
