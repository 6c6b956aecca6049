"""The page that asks for the code, after the right password."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import backends, passkeys, second_factor, second_step
from accounts.actors import actor_of, client_address, may_log_in
from accounts.forms_entry import LoginCodeForm
from accounts.models import User
from accounts.views import BACKEND, same_origin
from panel.core import log
from panel.core.views import go


@method_decorator(login_not_required, name="dispatch")
@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters("code"), name="dispatch")
class LoginCodeView(View):
    """Asks for the code of the app, or for a recovery code. Only here does the session begin."""

    http_method_names = ["get", "head", "post"]
    user: User

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return self.http_method_not_allowed(request)
        if request.user.is_authenticated:
            return go(reverse("home"))
        user = second_step.user_of(request)
        if user is None:
            return go(reverse("account_login"))
        if not may_log_in(user):
            return not_let_in(request, user)
        self.user = user
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(LoginCodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = LoginCodeForm(request.POST)
        if not form.is_valid():
            return self.page(form, 422)
        if not second_step.may_try(request, self.user):
            form.add_error("code", _("Too many wrong codes. Try again later."))
            return self.page(form, 429)
        kind = self.accepted(form.cleaned_data["code"])
        if not kind:
            text = _("This code is not correct, or it was used already. Wait for the next one.")
            form.add_error("code", text)
            return self.page(form, 422)
        second_step.forget_attempts(request, self.user)
        then = second_step.end(request)
        login(request, self.user, backend=BACKEND)
        return go(same_origin(then, reverse("home")))

    def accepted(self, code: str) -> str:
        """Use the code up. A recovery code leaves an entry: whoever did not use it should see."""
        with transaction.atomic():
            kind = second_factor.accept(self.user, code)
            if kind == second_factor.RECOVERY:
                state = second_factor.state_of(self.user.pk)
                new = {"recovery_codes": state.recovery_codes if state else 0}
                actor = actor_of(
                    self.user,
                    address=client_address(self.request, settings.ALLAUTH_TRUSTED_PROXY_COUNT),
                    request_id=self.request.request_id,
                )
                if actor is not None:
                    entry = log.Entry("login.use-recovery-code", "login", self.user, {}, new)
                    log.write(actor, [entry])
        return kind

    def page(self, form: LoginCodeForm, status: int = 200) -> HttpResponse:
        context = {"form": form, "passkeys": passkeys.are_offered()}
        return render(self.request, "accounts/login_code.html", context, status=status)


def not_let_in(request: HttpRequest, user: User) -> HttpResponse:
    """Suspended, removed or switched off, as is said to who proved to be that one."""
    second_step.end(request)
    if not user.account.is_suspended or user.account.is_removed:
        return go(reverse("account_login"))
    context = {"message": backends.suspension_message(user.account), "contact": ""}
    return render(request, "accounts/suspended.html", context, status=403)
