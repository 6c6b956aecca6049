"""Addresses of people: coming in and going out, oneself, additional users.

Of the login library only login and logout are mounted: no sign-up, no email pages, no reset by
email alone.
"""

from django.urls import path

from accounts import (
    passkey_views,
    password_views,
    profile_views,
    second_factor_views,
    second_step_views,
    views,
)
from accounts.pages import UserDetail, UserList
from panel.core.urls import noun_urls

entry = [
    path("login/", views.LoginView.as_view(), name="account_login"),
    path("login/code/", second_step_views.LoginCodeView.as_view(), name="login_code"),
    path("login/passkey/", passkey_views.PasskeyLoginView.as_view(), name="login_passkey"),
    path("login/passkey/challenge/", passkey_views.challenge, name="login_passkey_challenge"),
    path("logout/", views.PanelLogoutView.as_view(), name="account_logout"),
    path("first-run/", views.FirstRunView.as_view(), name="first_run"),
    # The name is the login library's, so that its form finds the page.
    path(
        "password/forgotten/",
        password_views.ForgottenView.as_view(),
        name="account_reset_password",
    ),
    path(
        "password/forgotten/done/",
        password_views.forgotten_done,
        name="account_reset_password_done",
    ),
    path(
        "password/new/<str:key>/<str:token>/",
        password_views.NewPasswordView.as_view(),
        name="password_new",
    ),
]

oneself = [
    path("account/", profile_views.ProfileView.as_view(), name="profile"),
    path("account/tokens/add/", profile_views.TokenCreateView.as_view(), name="token_create"),
    path(
        "account/tokens/<int:pk>/revoke/",
        profile_views.TokenRevokeView.as_view(),
        name="token_revoke",
    ),
    path("account/passkeys/add/", passkey_views.AddView.as_view(), name="passkey_add"),
    path("account/passkeys/remove/", passkey_views.RemoveView.as_view(), name="passkey_remove"),
    path(
        "account/two-factor/",
        second_factor_views.SetUpView.as_view(),
        name="second_factor_set_up",
    ),
    path(
        "account/two-factor/turn-off/",
        second_factor_views.TurnOffView.as_view(),
        name="second_factor_turn_off",
    ),
    path(
        "account/two-factor/recovery-codes/",
        second_factor_views.NewCodesView.as_view(),
        name="second_factor_codes",
    ),
    path(
        "account/<slug:verb>/",
        profile_views.ProfileOperationView.as_view(),
        name="profile_operation",
    ),
    path("theme/", views.set_theme, name="set_theme"),
]

# Before the addresses of customers and resellers, whose operations would take "log-in-as" for one.
entering = [
    path(
        "customers/<int:pk>/log-in-as/",
        views.log_in_as,
        {"noun": "customer"},
        name="customer_log_in_as",
    ),
    path(
        "resellers/<int:pk>/log-in-as/",
        views.log_in_as,
        {"noun": "reseller"},
        name="reseller_log_in_as",
    ),
    path("act-as/stop/", views.act_as_stop, name="act_as_stop"),
]

urlpatterns = [*entry, *oneself, *entering, *noun_urls("user", UserList, UserDetail)]
