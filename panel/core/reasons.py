"""Why something was refused or left as it was: a code with parameters, put into words late."""

from typing import Any

from django.utils.translation import gettext_lazy as _

_TEXTS: dict[str, Any] = {}


def declare(**texts: Any) -> None:
    """Register the words for codes. Each app declares its own; a code is declared once."""
    for code, text in texts.items():
        if code in _TEXTS and str(_TEXTS[code]) != str(text):
            raise ValueError(f"reason {code!r} is declared twice")
        _TEXTS[code] = text


def render(code: str, params: dict[str, Any] | None = None) -> str:
    """The words for a stored code, in the reader's language."""
    if not code:
        return ""
    return str(_TEXTS[code]) % (params or {})


def action(code: str, params: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The button beside a reason, where something can be done about it: {label, url, post}.

    Where it leads stands among the parameters as `action` (`post`: it does something at once); its
    words are the code's own, with `_action` behind.
    """
    given = params or {}
    if not given.get("action"):
        return None
    label = render(f"{code}_action", given)
    return {"label": label, "url": given["action"], "post": bool(given.get("post"))}


def known() -> frozenset[str]:
    """All declared codes; a test holds the operations to it."""
    return frozenset(_TEXTS)


declare(
    missing=_("There is no such object."),
    failed=_("Something went wrong on our side. Request %(request_id)s."),
    not_allowed=_("Your role does not allow this."),
    not_applicable=_("This cannot be done here."),
    changed_meanwhile=_(
        "%(who)s changed this meanwhile: %(fields)s. Check the values and save again."
    ),
    cancelled=_("Cancelled before its turn."),
    nothing_changed=_("It was so already."),
    invalid=_("%(error)s"),
)
