"""Pages of one's own passkeys, and the login by one."""

import json
import time
from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import passkeys, second_step
from accounts.actors import may_log_in
from accounts.forms_passkeys import sealed_for
from accounts.profile_views import OwnLoginView, acting_user
from accounts.second_step_views import not_let_in
from accounts.views import BACKEND, same_origin
from panel.core.views import go

_KEY = "passkey"
# Seconds: whoever has to look for the stick has five minutes.
_LASTS = 300


@method_decorator(sensitive_post_parameters("current_password", "sealed", "answer"), "dispatch")
class AddView(OwnLoginView):
    """Has the browser make a passkey, and takes its public key."""

    operation = "login.add-passkey"
    asked: dict[str, Any]

    def get(self, request: HttpRequest) -> HttpResponse:
        if not passkeys.are_offered():
            return go(self.back_url())
        return super().get(request)

    def initial(self) -> dict[str, Any]:
        user = acting_user(self.request)
        self.asked, challenge = passkeys.ask_to_make(user)
        return {"sealed": sealed_for(user.pk, challenge)}

    def render(self, shown: dict[str, Any], path: Any, status: int) -> HttpResponse:
        form = shown["form"]
        if form.is_bound:
            # The same challenge again: the answer that came already may yet be right.
            self.asked = passkeys.ask_to_make(acting_user(self.request))[0]
            self.asked["challenge"] = form.challenge()
        context = {"page": shown, "path": path, "asked": json.dumps(self.asked)}
        return render(self.request, "accounts/passkey_add.html", context, status=status)


class RemoveView(OwnLoginView):
    """Asks for the present password."""

    operation = "login.remove-passkey"

    def initial(self) -> dict[str, Any]:
        return {"passkey": self.request.GET.get("passkey", "")}


@login_not_required
@never_cache
def challenge(request: HttpRequest) -> HttpResponse:
    """What the script of the login page asks the browser for. The session remembers it."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if not ratelimit.consume(request, action="login"):
        return JsonResponse({}, status=429)
    asked, text = passkeys.ask_to_show()
    request.session[_KEY] = {"challenge": text, "at": time.time()}
    return JsonResponse(asked)


@method_decorator(login_not_required, name="dispatch")
@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters("answer"), name="dispatch")
class PasskeyLoginView(View):
    """Lets in whose passkey answered the challenge: it stands for password and code."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return go(reverse("home"))
        if not ratelimit.consume(request, action="login"):
            return self.refuse(_("Too many attempts. Try again later."))
        # Taken out before it is looked at: each challenge is answered once.
        kept = request.session.pop(_KEY, None)
        if kept is None or time.time() - kept["at"] > _LASTS:
            return self.refuse(_("That took too long. Try again."))
        try:
            user = passkeys.accept(request.POST.get("answer", ""), kept["challenge"])
        except passkeys.NotAccepted:
            return self.refuse(_("This passkey is not known here. Log in with your password."))
        if not may_log_in(user):
            return not_let_in(request, user)
        second_step.end(request)
        login(request, user, backend=BACKEND)
        return go(same_origin(request.POST.get("next", ""), reverse("home")))

    def refuse(self, text: str) -> HttpResponse:
        messages.error(self.request, text)
        return go(reverse("account_login"))
