"""What a node should have of a subscription, and what it has: the queue of provisioning."""

from django.db import models
from django.utils import timezone

from hosting.models.nodes import Node


class Deployment(models.Model):
    """One subscription on one node. Behind (`generation > applied`) is the queue.

    It cannot be lost, doubled or out of date: the worker takes what is behind, as it is then.
    It outlives the subscription's row (removal is a state too), so there is no foreign key to it.
    """

    subscription_id = models.BigIntegerField()
    node = models.ForeignKey(Node, models.PROTECT, related_name="deployments", db_index=False)
    generation = models.BigIntegerField(default=1)
    applied = models.BigIntegerField(default=0)
    switched = models.BigIntegerField(default=0)
    # False: the node shall forget it.
    is_present = models.BooleanField(default=True)
    # service -> {"kind", "message"}: the daemon's own words.
    errors = models.JSONField(default=dict)
    # service -> changes: what was found there that nobody here asked for, and when.
    drift = models.JSONField(default=dict)
    drift_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    raised_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription_id", "node"], name="hosting_deployment_once"
            )
        ]
        indexes = [
            models.Index(
                "node",
                "id",
                name="hosting_deployment_behind",
                condition=models.Q(generation__gt=models.F("applied")),
            ),
            models.Index(
                "node",
                "id",
                name="hosting_deployment_unswitched",
                condition=models.Q(generation__gt=models.F("switched")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} on {self.node_id}"

    @property
    def is_behind(self) -> bool:
        return self.generation > self.applied
