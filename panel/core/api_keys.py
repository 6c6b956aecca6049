"""What the API has answered to a request that carried an Idempotency-Key."""

from django.db import models
from django.utils import timezone


class IdempotencyKey(models.Model):
    """The answer to a request, kept so that a retry gets the same one and does nothing again.

    See draft-ietf-httpapi-idempotency-key-header. Rows older than a day are swept.
    """

    account_id = models.BigIntegerField()
    key = models.CharField(max_length=100)
    # Digest of method, path and body: the same key on another request is refused.
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(default="")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account_id", "key"], name="core_idempotency_once")
        ]

    def __str__(self) -> str:
        return self.key
