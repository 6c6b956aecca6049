"""All that is stored, to compare: what was before with what is after."""

from typing import Any

from django.apps import apps

# Rows that asking leaves behind, whatever the answer: sessions, and runs with their targets, which
# say that somebody asked.
ASKING = {"sessions.Session", "core.BulkRun", "core.BulkTarget", "core.IdempotencyKey"}
# When a token or a login was last used.
USE = {"last_used_at", "last_login"}


def dump(*, but: frozenset[str] | set[str] = frozenset(ASKING)) -> dict[str, list[dict[str, Any]]]:
    """Rows by model, without `but` and the times of use."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed or model._meta.label in but:
            continue
        names = [f.attname for f in model._meta.concrete_fields if f.attname not in USE]
        found[model._meta.label] = list(model._base_manager.order_by("pk").values(*names))
    return found


def changed(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What is different, by model: for people to read when a test fails."""
    return {
        label: [row for row in after[label] if row not in rows] or ["removed"]
        for label, rows in before.items()
        if rows != after[label]
    }
