"""Addresses of scheduled tasks."""

from hosting.services.cron.views import TaskDetail, TaskList
from panel.core.urls import noun_urls

urlpatterns = noun_urls("scheduled-task", TaskList, TaskDetail)
