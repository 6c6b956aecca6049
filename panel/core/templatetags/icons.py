"""The `{% icon "name" %}` tag: one symbol of static/icons.svg, the only icons that pages show."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon beside text is silent to screen readers; one that stands alone needs a `label`."""
    if not name:
        return SafeString("")
    hidden_or_named = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString("aria-hidden=true")
    )
    return format_html(
        '<svg class=icon {}><use href="{}#{}"/></svg>',
        hidden_or_named,
        static("icons.svg"),
        name,
    )
