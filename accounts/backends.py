"""Who is let in: by username and password, unless the account is suspended."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.actors import may_log_in, users
from accounts.models import Account, User
from accounts.required_second_factor import with_what_is_asked
from panel.core.rows import one

# What the subscriber is told of why the account is suspended; "" for nothing. Set by the app that
# knows suspensions; asked only after the right password.
suspension_message: Callable[[Account], str] = lambda account: ""  # noqa: E731


class AccountBackend(ModelBackend):
    """Asks the account, not `is_active` alone: suspension never writes to users."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, if the password is right and it may log in.

        An unknown name costs one hash as well, so that the time tells nothing.
        """
        if username is None or password is None:
            return None
        user = one(users().filter(username=username.strip().lower()))
        if user is None:
            User().set_password(password)
            return None
        if not user.check_password(password):
            return None
        if not self.user_can_authenticate(user):
            # The password was right, so the person may be told why; nobody else is.
            if request is not None:
                request.suspended_user = user
            return None
        return user

    def user_can_authenticate(self, user: Any) -> bool:
        return may_log_in(user)

    def get_user(self, user_id: int) -> User | None:
        user = one(with_what_is_asked(users()).filter(pk=user_id))
        return user if user is not None and self.user_can_authenticate(user) else None

    # No permissions of Django's: who may do what stands on the operations.
    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()
