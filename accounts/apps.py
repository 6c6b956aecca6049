"""Who people are: accounts, users, roles, tokens, sessions."""

from importlib import import_module

from django.apps import AppConfig

_OPERATIONS = (
    *("operations", "operations_logins", "operations_tokens", "operations_users"),
    "operations_passkeys",
    "operations_second_factor",
)


class AccountsConfig(AppConfig):
    name = "accounts"

    def import_models(self) -> None:
        super().import_models()
        # Its row stands in the room that explains it; that room reads the models above.
        import_module("accounts.password_reset")

    def ready(self) -> None:
        import_module("accounts.nouns")
        import_module("accounts.actors")
        import_module("accounts.required_second_factor")
        for room in _OPERATIONS:
            import_module(f"accounts.{room}")
