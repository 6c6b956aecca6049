"""axe finds nothing on any page, light or dark, wide or narrow, and nothing scrolls sideways."""

from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.gallery.render import axe, sideways
from tests.browser.pages import pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# In the other scheme the same document has other colours, and nothing else.
COLOURS = "{runOnly: ['color-contrast', 'link-in-text-block'], resultTypes: ['violations']}"
ALL = "{resultTypes: ['violations']}"


def found(page: Any, options: str) -> list[str]:
    """What axe finds on the open page."""
    # Countries and time zones are a thousand nodes of which none is drawn.
    answer = page.evaluate(f"axe.run({{exclude: ['option']}}, {options})")
    return [
        f"axe {violation['id']}: {node['target']}"
        for violation in answer["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("who", ["", "admin", "rita", "kira.admin"])
def test_axe_finds_nothing_and_every_page_fits(
    visit: Visit, made: dict[str, Any], who: str
) -> None:
    # A browser that no other test meets, since its size and its colours change.
    page = visit(who, color_scheme="light")
    wrong = {}
    for path in pages(made)[who]:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        page.evaluate(axe())
        faults = [f"light {text}" for text in found(page, ALL)]
        page.emulate_media(color_scheme="dark")
        faults += [f"dark {text}" for text in found(page, COLOURS)]
        faults += [f"wide: {text}" for text in sideways(page)]
        page.set_viewport_size({"width": 390, "height": 844})
        faults += [f"narrow: {text}" for text in sideways(page)]
        if faults:
            wrong[path] = faults
    assert not wrong
