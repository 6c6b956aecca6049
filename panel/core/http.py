"""A request as our middleware leaves it, for annotations."""

from django.http import HttpRequest

from panel.core.access import Actor


class PanelRequest(HttpRequest):
    """Never instantiated: says what middleware sets on every request that reaches a page.

    Public pages (login, first run) are reached without an actor; they take a plain HttpRequest.
    """

    actor: Actor
    request_id: str
