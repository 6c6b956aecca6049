"""What the list of scheduled tasks can be narrowed by."""

from hosting.filters import ProviderFilters
from hosting.services.cron.models import ScheduledTask


class TaskFilter(ProviderFilters):
    class Meta:
        model = ScheduledTask
        fields: list[str] = []
