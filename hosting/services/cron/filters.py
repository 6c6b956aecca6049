"""What the list of scheduled tasks can be narrowed by."""

from django.utils.translation import gettext_lazy as _

from hosting.filters import ProviderFilters, SwitchFilter
from hosting.services.cron.models import ScheduledTask


class TaskFilter(ProviderFilters):
    status = SwitchFilter("is_active", on=[True], off=[False], words=_("Switched off"))

    class Meta:
        model = ScheduledTask
        fields: list[str] = []
