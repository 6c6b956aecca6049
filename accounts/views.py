"""Coming in and going out: login, first run, "Log in as", theme."""

from typing import Any

from allauth.account.views import LoginView as AllauthLoginView
from allauth.account.views import LogoutView
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import backends, passkeys
from accounts.actors import ACTING_AS, act_as, acting_as_key, actor_of, client_address, users
from accounts.creation import add_account, has_administrator
from accounts.forms_entry import FirstRunForm
from accounts.models import Account, User
from accounts.nouns import noun_of
from panel.core import log
from panel.core.access import Actor, Role
from panel.core.operations import nouns
from panel.core.views import go

THEMES = ("auto", "light", "dark")
BACKEND = "accounts.backends.AccountBackend"


def same_origin(url: str, otherwise: str) -> str:
    """A path of this panel to go to, or another. No host is accepted, not even one's own."""
    return url if url and url_has_allowed_host_and_scheme(url, allowed_hosts=None) else otherwise


@method_decorator(login_not_required, name="dispatch")
class LoginView(AllauthLoginView):
    """By username. Says that an account is suspended only to who knew the password."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not has_administrator():
            return go(reverse("first_run"))
        return super().dispatch(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        user = getattr(self.request, "suspended_user", None)
        if user is not None and user.account.is_suspended and not user.account.is_removed:
            context = {"message": backends.suspension_message(user.account), "contact": ""}
            return render(self.request, "accounts/suspended.html", context, status=403)
        return super().form_invalid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        asked = context.get("redirect_field_value") or ""
        context["redirect_field_value"] = same_origin(asked, "")
        context["passkeys"] = passkeys.are_offered()
        return context


@method_decorator(login_not_required, name="dispatch")
class PanelLogoutView(LogoutView):
    """POST ends the session; GET asks first."""


@method_decorator(login_not_required, name="dispatch")
@method_decorator(sensitive_post_parameters("password", "password_again"), name="dispatch")
class FirstRunView(View):
    """Creates the administrator. There only as long as there is none."""

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if has_administrator():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(FirstRunForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = FirstRunForm(request.POST)
        if not form.is_valid():
            return self.page(form, 422)
        given = form.cleaned_data
        try:
            account = add_account(
                Role.ADMINISTRATOR,
                None,
                username=given["username"],
                password=given["password"],
                contact_name=given["contact_name"],
                email=given["email"],
            )
        except IntegrityError:
            # Somebody else was quicker; the database allows one administrator.
            raise Http404 from None
        user = users().get(account=account, is_own=True)
        actor = actor_of(
            user,
            address=client_address(request, settings.ALLAUTH_TRUSTED_PROXY_COUNT),
            request_id=request.request_id,
        )
        if actor is not None:
            log.write(actor, [log.Entry("account.first-run", "account", account)])
        login(request, user, backend=BACKEND)
        return go(reverse("home"))

    def page(self, form: FirstRunForm, status: int = 200) -> HttpResponse:
        return render(self.request, "accounts/first_run.html", {"form": form}, status=status)


def log_in_as_action(actor: Actor, account: Account, label: Any = None) -> dict[str, Any] | None:
    """The button "Log in as customer" for a page's sidebar; None where it is not possible."""
    if account.is_removed or _enterable(actor, account) is None:
        return None
    noun = noun_of(account)
    if label is None:
        label = _("Log in as reseller") if noun == "reseller" else _("Log in as customer")
    url = reverse(f"{noun}_log_in_as", args=[account.pk])
    return {"label": label, "url": url, "post": True, "destructive": False}


def _enterable(actor: Actor, account: Account) -> User | None:
    user = users().filter(account_id=account.pk, is_own=True).first()
    return user if user is not None and act_as(actor, user) is not None else None


@require_POST
def log_in_as(request: HttpRequest, pk: int, noun: str) -> HttpResponse:
    """Enter an account below. The session stays the provider's own and ends with it."""
    actor = request.actor
    account = nouns[noun].visible_to(actor).filter(pk=pk).first() if pk < 2**63 else None
    if account is None or account.is_removed:
        raise Http404
    user = _enterable(actor, account)
    if user is None:
        raise PermissionDenied
    entered = act_as(actor, user)
    # Written as the entered account with the person behind: the entry has both names.
    log.write(entered, [log.Entry("account.log-in-as", noun, account)])
    request.session.cycle_key()
    request.session[ACTING_AS] = acting_as_key(user)
    return go(reverse("home"))


@require_POST
def act_as_stop(request: HttpRequest) -> HttpResponse:
    """Back to who one is, on the page of the account that was entered."""
    user = getattr(request, "acting_user", None)
    request.session.pop(ACTING_AS, None)
    if user is None:
        return go(reverse("home"))
    request.session.cycle_key()
    return go(nouns[noun_of(user.account)].url(user.account_id) or reverse("home"))


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system has it; remembered by the browser."""
    response = go(same_origin(request.POST.get("next", ""), reverse("home")))
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(
            "theme",
            theme,
            max_age=365 * 24 * 3600,
            samesite="Lax",
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response
