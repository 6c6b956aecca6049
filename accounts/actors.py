"""From users, sessions and tokens to actors: who may act, as of this moment."""

from django.http import HttpRequest
from django.utils import timezone

from accounts import roles
from accounts.models import Account, ApiToken, User
from panel.core import runs
from panel.core.access import Actor, Role
from panel.core.bulk import BulkRun
from panel.core.rows import one

ACTING_AS = "acting_as"


def may_log_in(user: User) -> bool:
    """Whether the user and the account it belongs to are let in at all."""
    account = user.account
    return user.is_active and not account.is_suspended and account.removing_at is None


def users() -> "object":
    """Users with what an actor needs, in one statement."""
    return User.objects.unscoped("authentication").select_related("account")


def actor_of(
    user: User,
    *,
    door: str = "page",
    address: str = "",
    request_id: str = "",
    token: ApiToken | None = None,
    real: Actor | None = None,
) -> Actor | None:
    """The actor that this user is now, or None if it may not act."""
    if not may_log_in(user):
        return None
    cut = None if user.is_own else roles.areas_of(user.user_role)
    ids = user.subscription_ids
    return Actor(
        role=Role(user.account.role),
        account_id=user.account_id,
        username=user.username,
        user_id=user.pk,
        areas=cut,
        subscriptions=None if user.is_own or ids is None else frozenset(ids),
        scopes=frozenset(token.scopes) if token else None,
        door=door,
        address=address,
        request_id=request_id,
        real=real,
    )


def act_as(actor: Actor, user: User) -> Actor | None:
    """The actor who is `user` with `actor` behind. None where that is not allowed any more.

    Not nested; only a provider, as one of the accounts below it; never as an account that the
    provider itself cannot see, nor by a user who was given some subscriptions only. A suspended
    account can be entered: its provider looks after it.
    """
    account = user.account
    if actor.real is not None or not actor.is_provider or not actor.may_in("accounts"):
        return None
    if actor.subscriptions is not None:
        # SECURITY: inside, nothing would remember which subscriptions one was given.
        return None
    visible = Account.objects.visible_to(actor).present()
    is_below = account.role != Role.ADMINISTRATOR and account.pk != actor.account_id
    if not is_below or not visible.filter(pk=account.pk).exists():
        return None
    return Actor(
        role=Role(account.role),
        account_id=account.pk,
        username=user.username,
        user_id=user.pk,
        door=actor.door,
        address=actor.address,
        request_id=actor.request_id,
        real=actor,
    )


def acting_as_key(user: User) -> list[int]:
    """What a session remembers of whom it acts as; stale once an epoch was raised."""
    return [user.pk, user.epoch]


def client_address(request: HttpRequest, proxies: int) -> str:
    """The client's address: the peer's, or as many steps up X-Forwarded-For as proxies are ours."""
    if proxies:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(hops) >= proxies:
            return hops[-proxies][:45]
    return request.META.get("REMOTE_ADDR", "")[:45]


def token_user(text: str) -> tuple[User, ApiToken] | None:
    """The user of an API token that is valid now."""
    tokens = ApiToken.objects.select_related("user__account")
    token = one(tokens.filter(digest=ApiToken.digest_of(text)))
    if token is None or not may_log_in(token.user):
        return None
    now = timezone.now()
    if token.expires_at is not None and token.expires_at <= now:
        return None
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user, token


def _again(actor: Actor) -> Actor | None:
    """The same actor with the rights it has now: asked for each chunk of a run."""
    if actor.user_id is None:
        return actor
    real = None
    if actor.real is not None:
        real = _again(actor.real)
        if real is None:
            return None
    user = one(users().filter(pk=actor.user_id))
    if user is None:
        return None
    if real is not None:
        return act_as(real, user)
    current = actor_of(user, door=actor.door, address=actor.address, request_id=actor.request_id)
    return current and current.through(actor.door, scopes=actor.scopes)


def _of_run(run: BulkRun) -> Actor | None:
    """Who started a run, with the rights of now."""
    user = one(users().filter(pk=run.user_id))
    if user is None:
        return None
    if run.real_user_id:
        behind = one(users().filter(pk=run.real_user_id))
        real = behind and actor_of(behind, door=run.door, address=run.address)
        return real and act_as(real, user)
    actor = actor_of(user, door=run.door, address=run.address, request_id=run.request_id)
    if actor is None or run.scopes is None:
        return actor
    # SECURITY: what a token began goes on with the token's rights, not with its user's.
    return actor.through(run.door, scopes=frozenset(run.scopes))


runs.revalidate = _again
runs.actor_of_run = _of_run
