"""One's own page: contact information, login, second factor, sessions, API tokens, activity."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from accounts import passkeys, required_second_factor, roles, second_factor
from accounts.actors import users
from accounts.countries import COUNTRIES
from accounts.models import Account, ApiToken, User
from panel.core import outcomes, reasons, runs
from panel.core.access import Actor
from panel.core.activity_views import entries_table
from panel.core.markup import moment
from panel.core.operation_views import OperationView, SingleOperationView
from panel.core.operations import Operation, Result, operations, operations_for
from panel.core.path_bar import crumbs
from panel.core.views import go, shown_run


def acting_user(request: HttpRequest) -> User:
    """Whose page it is: the login one came in with, or the one that was entered."""
    return getattr(request, "acting_user", None) or request.user


class ProfileView(View):
    """The page "Account"."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        actor, user = request.actor, acting_user(request)
        run = shown_run(request)
        sections = [login_section(user)]
        if actor.real is None:
            # SECURITY: nothing of what protects the login is shown to who entered it.
            sections += [second_factor_section(user), passkey_section(user), token_section(user)]
        sections += more_sections(user.account, actor)
        activity = entries_table(request, actor_id=user.pk, account_id=user.account_id)
        sections.append({"title": _("Own activity"), "table": activity})
        page = {
            "title": _("Account"),
            "subtitle": user.account.contact_name,
            "facts": contact_facts(user.account),
            "tabs": [],
            "panel_sections": sections,
            "sidebar": {"actions": profile_actions(actor, user), "facts": []},
            "outcome": outcomes.describe(run, actor) if run else None,
        }
        context = {"page": page, "path": crumbs((_("Account"), None))}
        return render(request, "core/detail.html", context)


def _nothing_more(account: Account, actor: Actor) -> list[dict[str, Any]]:
    return []


# What stands on one's own account page besides; set by the app that knows what accounts host.
more_sections: Callable[[Account, Actor], list[dict[str, Any]]] = _nothing_more


def contact_facts(account: Account) -> list[dict[str, Any]]:
    """What the account told about itself; what is empty is left out."""
    place = " ".join(part for part in (account.postal_code, account.city) if part)
    lines = [account.address, place, account.state, str(dict(COUNTRIES).get(account.country, ""))]
    pairs = [
        (_("Contact name"), account.contact_name),
        (_("Company"), account.company),
        (_("Email address"), account.email),
        (_("Phone"), account.phone),
        (_("Address"), ", ".join(line for line in lines if line)),
        (_("Time zone"), account.time_zone),
    ]
    return [{"label": label, "value": value} for label, value in pairs if value]


def login_section(user: User) -> dict[str, Any]:
    facts = [{"label": _("Username"), "value": user.username}]
    if not user.is_own:
        label = dict(roles.CHOICES).get(user.user_role, user.user_role)
        facts.append({"label": _("User role"), "value": str(label)})
        facts.append({"label": _("Email address"), "value": user.email})
    if user.last_login:
        facts.append({"label": _("Logged in"), "value": moment(user.last_login)})
    return {"title": _("Login information"), "facts": facts}


def second_factor_section(user: User) -> dict[str, Any]:
    """Whether a code is asked for, and what can be done about that; never a secret."""
    section: dict[str, Any] = {"title": _("Two-factor authentication")}
    state = second_factor.state_of(user.pk)
    if state is None:
        return section | {
            "text": _("Off. The password alone lets in."),
            "add": {"label": _("Set up"), "url": reverse("second_factor_set_up"), "plain": True},
        }
    off = None
    if required_second_factor.is_required(user.account.role):
        section["note"] = required_second_factor.why_it_stays(user.account.role)
    else:
        off = {"label": _("Turn off"), "url": reverse("second_factor_turn_off")}
    new = {"label": _("New recovery codes"), "url": reverse("second_factor_codes")}
    since = _("On since %s") % moment(state.since)
    left = str(state.recovery_codes)
    return section | {
        "facts": [
            {"label": _("Status"), "value": since, "action": off},
            {"label": _("Recovery codes left"), "value": left, "action": new},
        ]
    }


def passkey_section(user: User) -> dict[str, Any]:
    """What lets in without the password; said where browsers cannot make any."""
    section: dict[str, Any] = {"title": _("Passkeys")}
    facts = []
    for row in passkeys.of(user.pk):
        used = moment(row.last_used_at) if row.last_used_at else _("never")
        words = [_("since %s") % moment(row.created_at), _("last used: %s") % used]
        url = f"{reverse('passkey_remove')}?passkey={row.pk}"
        action = {"label": _("Remove"), "url": url}
        facts.append({"label": row.data["name"], "value": " · ".join(words), "action": action})
    section |= {"facts": facts, "text": "" if facts else _("No passkeys yet.")}
    if not passkeys.are_offered():
        return section | {"note": reasons.render("no_passkeys_here")}
    return section | {"add": {"label": _("Add a passkey"), "url": reverse("passkey_add")}}


def token_section(user: User) -> dict[str, Any]:
    facts = []
    for token in ApiToken.objects.filter(user=user).order_by("pk"):
        revoke = {
            "label": _("Revoke"),
            "url": reverse("token_revoke", args=[token.pk]),
            "post": True,
        }
        facts.append({"label": token.name, "value": token_words(token), "action": revoke})
    return {
        "title": _("API tokens"),
        "facts": facts,
        "text": "" if facts else _("No API tokens yet."),
        "add": {"label": _("Create an API token"), "url": reverse("token_create")},
        "note": _("A token sees at most what its user sees, cut down to its scopes."),
    }


def token_words(token: ApiToken) -> str:
    used = moment(token.last_used_at) if token.last_used_at else _("never")
    parts = [f"{token.hint}…", ", ".join(token.scopes), _("last used: %s") % used]
    if token.expires_at:
        parts.append(_("expires: %s") % moment(token.expires_at))
    return " · ".join(parts)


def profile_actions(actor: Actor, user: User) -> list[dict[str, Any]]:
    """What one may do to oneself, as the sidebar shows it."""
    found = operations_for(user.account, "account", actor) + operations_for(user, "login", actor)
    items = [
        {
            "label": operation.button_label(user),
            "url": reverse("profile_operation", args=[operation.verb]),
            "post": operation.is_immediate,
            "destructive": operation.destructive,
        }
        for operation in found
        if operation.verb in PROFILE_VERBS
    ]
    return [{"label": None, "items": items}] if items else []


# Pieces of the address, so a closed list: what else is done to accounts has pages of its own.
PROFILE_VERBS = ("edit-contact-info", "change-login-info", "buy-more-link", "end-sessions")


@method_decorator(
    sensitive_post_parameters("password", "password_again", "current_password"), name="dispatch"
)
class ProfileOperationView(SingleOperationView):
    """An operation on one's own account, or on one's own login if that is an additional user's."""

    def dispatch(self, request: HttpRequest, verb: str) -> HttpResponse:
        user = acting_user(request)
        of_login = verb == "end-sessions" or (verb == "change-login-info" and not user.is_own)
        self.noun = "login" if of_login else "account"
        return super().dispatch(
            request,
            pk=user.pk if of_login else user.account_id,
            verb=verb if verb in PROFILE_VERBS else "",
        )

    def surroundings(self, operation: Operation, target: Any) -> dict[str, Any]:
        profile = reverse("profile")
        return {
            "count": 1,
            "cancel_url": profile,
            "hidden": [("confirmed", "1")],
            "path": crumbs((_("Account"), profile), (operation.label, None)),
        }

    def after(self, operation: Operation, pk: int, finding: Any, outcome: Any) -> str:
        if self.noun == "login" or operation.verb == "change-login-info":
            keep_this_session(self.request)
        return f"{reverse('profile')}?run={outcome.run.pk}"


def keep_this_session(request: HttpRequest) -> None:
    """The session that asked goes on, under a new key, although the epoch was raised."""
    if request.actor.real is None:
        update_session_auth_hash(request, users().get(pk=request.user.pk))


@method_decorator(
    sensitive_post_parameters("current_password", "sealed", "code", "codes"), name="dispatch"
)
class OwnLoginView(OperationView):
    """The page of an operation on one's own login that is offered nowhere else, mostly because it
    shows something once: that is in this one answer and nowhere else."""

    noun = "login"
    operation: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not operations[self.operation].may(request.actor):
            raise PermissionDenied
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def get(self, request: HttpRequest) -> HttpResponse:
        operation, queryset = self.target()
        if not all(operation.applies_to(user, request.actor) for user in queryset):
            return go(self.back_url())
        form = self.form(operation, list(queryset), None, self.initial())
        return self.page(operation, queryset, form, **self.surroundings(operation))

    def initial(self) -> dict[str, Any]:
        return {}

    def back_url(self) -> str:
        return reverse("profile")

    def target(self) -> tuple[Operation, Any]:
        operation = operations[self.operation]
        return operation, operation.visible(self.request.actor)

    def surroundings(self, operation: Operation) -> dict[str, Any]:
        profile = reverse("profile")
        return {
            "count": 1,
            "single": True,
            "cancel_url": self.back_url(),
            "path": crumbs((_("Account"), profile), (operation.label, None)),
        }

    def post(self, request: HttpRequest) -> HttpResponse:
        operation, queryset = self.target()
        around = self.surroundings(operation)
        form = self.form(operation, list(queryset), request.POST, {})
        if not form.is_valid():
            return self.page(operation, queryset, form, **around)
        made = self.make()
        plain, secret = form.raw_params()
        pk = acting_user(request).pk
        outcome = runs.perform(
            operation, request.actor, [pk], params=plain, secrets={**secret, **made}
        )
        finding = outcome.findings[0]
        if finding.result != Result.DONE:
            reason = reasons.render(finding.code, finding.params)
            refusal = [{"label": "", "url": None, "reason": reason}]
            return self.page(operation, queryset, form, refusals=refusal, status=409, **around)
        return self.done(form, made, outcome)

    def make(self) -> dict[str, str]:
        """What the operation is given, and the answer shows, once."""
        return {}

    def done(self, form: Any, made: dict[str, str], outcome: Any) -> HttpResponse:
        return go(f"{reverse('profile')}?run={outcome.run.pk}")


class TokenCreateView(OwnLoginView):
    """A new API token."""

    operation = "login.create-token"

    def initial(self) -> dict[str, Any]:
        return {"scopes": ["read"]}

    def make(self) -> dict[str, str]:
        return {"text": ApiToken.new_text()}

    def done(self, form: Any, made: dict[str, str], outcome: Any) -> HttpResponse:
        context = {
            "name": form.cleaned_data["name"],
            "text": made["text"],
            "back_url": reverse("profile"),
            "path": self.surroundings(operations[self.operation])["path"],
        }
        return render(self.request, "accounts/token_created.html", context)


class TokenRevokeView(View):
    """Ends one of one's own tokens."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        operation = operations["token.revoke"]
        if not operation.may(request.actor):
            raise PermissionDenied
        outcome = runs.perform(operation, request.actor, [pk])
        return go(f"{reverse('profile')}?run={outcome.run.pk}")
