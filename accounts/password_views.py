"""Pages of a forgotten password: who asks, the answer for everybody, the link, the new password."""

from allauth.core import ratelimit
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts import credentials
from accounts.actors import actor_of
from accounts.adapter import PanelAdapter
from accounts.forms_entry import ForgottenForm, NewPasswordForm
from accounts.password_reset import PasswordResetRequest, user_of
from panel.core import log
from panel.core.views import go


@method_decorator(login_not_required, name="dispatch")
class ForgottenView(View):
    """Asks for username and email. Whatever is given, the answer and the work are the same."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "accounts/password_forgotten.html", {"form": ForgottenForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ForgottenForm(request.POST)
        if not form.is_valid():
            return render(request, "accounts/password_forgotten.html", {"form": form}, status=422)
        given = form.cleaned_data
        key = f"{given['username'].lower()}|{given['email'].lower()}"
        if limited := ratelimit.consume_or_429(request, action="reset_password", key=key):
            return limited
        PasswordResetRequest.put(given["username"], given["email"])
        return go(reverse("account_reset_password_done"))


@login_not_required
@require_safe
def forgotten_done(request: HttpRequest) -> HttpResponse:
    """The same words for everybody."""
    return render(request, "accounts/password_forgotten_done.html")


@method_decorator(login_not_required, name="dispatch")
@method_decorator(sensitive_post_parameters("password", "password_again"), name="dispatch")
class NewPasswordView(View):
    """The page behind the link. Looking at it uses nothing up; a new password does."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, key: str, token: str) -> HttpResponse:
        user = user_of(key, token)
        if user is None:
            return self.invalid()
        return self.page(NewPasswordForm(user=user))

    def post(self, request: HttpRequest, key: str, token: str) -> HttpResponse:
        if limited := ratelimit.consume_or_429(request, action="reset_password_from_key"):
            return limited
        user = user_of(key, token)
        if user is None:
            return self.invalid()
        form = NewPasswordForm(request.POST, user=user)
        if not form.is_valid():
            return self.page(form, 422)
        with transaction.atomic():
            # Asked again under a lock: of two answers to one link, the second comes too late.
            user = user_of(key, token, lock=True)
            if user is None:
                return self.invalid()
            credentials.change(user, password=form.cleaned_data["password"])
            if form.cleaned_data.get("revoke_tokens"):
                credentials.revoke_other_keys([user.pk])
            actor = actor_of(user, request_id=request.request_id)
            if actor is not None:
                log.write(actor, [log.Entry("login.reset-password", "login", user)])
        forget_failures(request, user.username)
        return go(reverse("account_login"))

    def page(self, form: NewPasswordForm, status: int = 200) -> HttpResponse:
        return render(self.request, "accounts/password_new.html", {"form": form}, status=status)

    def invalid(self) -> HttpResponse:
        return render(self.request, "accounts/password_link_invalid.html", status=410)


def forget_failures(request: HttpRequest, username: str) -> None:
    """Whoever came by the link has not to wait for having guessed wrong before."""
    key = PanelAdapter(request).login_attempts_key(request, username)
    ratelimit.clear(request, action="login_failed", key=key)
