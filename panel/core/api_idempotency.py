"""Idempotency-Key: a request that is sent again gets the same answer, and nothing is done twice."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from panel.core import door_answers
from panel.core.access import Actor
from panel.core.api_json import CONTENT_TYPE, ApiError, invalid
from panel.core.api_keys import IdempotencyKey
from panel.core.bulk import BulkRun
from panel.core.work import State

KEPT = timedelta(days=1)
# A claim without a run that is older than this belongs to a request that died before it began.
ABANDONED = timedelta(minutes=2)


def once(
    request: HttpRequest,
    actor: Actor,
    act: Callable[[], HttpResponse],
    answer_run: Callable[[BulkRun], HttpResponse],
) -> HttpResponse:
    """`act`, unless this request was answered before; then that answer.

    Kept is the answer of what was attempted. A request that was turned away before anything
    began (422, 403, 404, 412) may be sent again with the same key.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return act()
    if not (0 < len(key) <= 100 and all(32 < ord(c) < 127 for c in key)):
        words = _("1 to 100 printable ASCII characters without spaces.")
        raise invalid({"Idempotency-Key": [words]})
    claim, found = _claim(request, actor, key)
    if found is not None:
        return _again(found, _digest(request, actor), answer_run)
    try:
        response = act()
    except BaseException:
        if _run_of(claim) is None:
            claim.delete()
        raise
    claim.status, claim.answer = response.status_code, response.content.decode()
    claim.save(update_fields=["status", "answer"])
    return response


def _digest(request: HttpRequest, actor: Actor) -> str:
    # The user belongs to it: two users of an account have different sight, so neither may get the
    # other's answer by using the same key.
    head = f"{request.method}\n{request.get_full_path()}\n{actor.user_id}\n".encode()
    return hashlib.sha256(head + request.body).hexdigest()


def _claim(
    request: HttpRequest, actor: Actor, key: str
) -> tuple[IdempotencyKey, IdempotencyKey | None]:
    """The row that is this request's now, or the one that was there before."""
    now = timezone.now()
    IdempotencyKey.objects.filter(created_at__lt=now - KEPT).delete()
    # Until there is an answer, its place holds the request's id, by which its run is found.
    claim = IdempotencyKey(
        account_id=actor.account_id,
        key=key,
        request_digest=_digest(request, actor),
        answer=actor.request_id,
    )
    for _attempt in range(3):
        try:
            # The unique constraint decides between two that arrive at the same moment.
            with transaction.atomic():
                claim.save(force_insert=True)
        except IntegrityError:
            found = IdempotencyKey.objects.filter(account_id=actor.account_id, key=key).first()
            if found is None:
                continue
            is_dead = found.status is None and found.created_at < now - ABANDONED
            if not (is_dead and _run_of(found) is None):
                return claim, found
            found.delete()
        else:
            return claim, None
    raise _in_progress()


def _run_of(claim: IdempotencyKey) -> BulkRun | None:
    """The run that a request without an answer has begun."""
    runs = BulkRun.objects.filter(account_id=claim.account_id, request_id=claim.answer)
    return runs.exclude(state=State.DRAFT).order_by("pk").first()


def _again(
    found: IdempotencyKey, digest: str, answer_run: Callable[[BulkRun], HttpResponse]
) -> HttpResponse:
    if found.request_digest != digest:
        words = _("This Idempotency-Key was used with another request.")
        raise ApiError(409, "idempotency_key_reused", words)
    if found.status is None:
        # The first request may have died between doing it and answering: its rows know.
        run = _run_of(found)
        if run is None or run.state not in door_answers.OVER | {State.QUEUED}:
            raise _in_progress()
        return _marked(answer_run(run))
    return _marked(HttpResponse(found.answer, status=found.status, content_type=CONTENT_TYPE))


def _marked(response: HttpResponse) -> HttpResponse:
    response["Idempotent-Replayed"] = "true"
    return response


def _in_progress() -> ApiError:
    words = _("The same request is being worked on. Ask again in a moment.")
    return ApiError(409, "in_progress", words, headers={"Retry-After": "1"})
