"""Whatever is sent to whatever address: an answer in one of the declared shapes, never a 500."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panel.core import api as api_module
from panel.core.api_document import document
from tests.panel.api_client import Api
from tests.world import World

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [0, -1, 1, 2, 3, 4, 10**20, 2**63, "²", "NaN", "\x00", "", "a\nb", "../..", "=1"]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
)
JSON = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
IDS = st.sampled_from(
    ["1", "2", "3", "4", "5", "6", "7", "8", "0", "²", "9" * 25, "external:", "%00"]
)


@pytest.fixture
def routes(db: None) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, what the document says of it), for every address."""
    return [
        (method, path.removeprefix("/api/v1"), operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def body_for(data: st.DataObject, operation: dict[str, Any]) -> Any:
    """Mostly known names with any values; sometimes valid ones; sometimes not even an object."""
    content = operation.get("requestBody", {}).get("content", {})
    known = content.get("application/json", {}).get("schema", {}).get("properties", {})
    if data.draw(st.integers(0, 9)) == 0:
        return data.draw(JSON)
    names = st.sampled_from([*known, "odd"]) if known else st.just("odd")
    values: dict[str, Any] = data.draw(st.dictionaries(names, JSON, max_size=4))
    for name in list(values):
        if "enum" in known.get(name, {}) and data.draw(st.booleans()):
            values[name] = data.draw(st.sampled_from(known[name]["enum"]))
    if "ids" in known and data.draw(st.booleans()):
        values["ids"] = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    return values


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_request_breaks_the_api(
    world: World, routes: list[Any], monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    monkeypatch.setattr(api_module, "REQUESTS_A_MINUTE", 10**9)
    method, path, operation = data.draw(st.sampled_from(routes))
    who = data.draw(st.sampled_from(["admin", "ada", "carl"]))
    api = Api(world, who)
    address = path.replace("{id}", data.draw(IDS))
    if method == "get":
        named = [parameter["name"] for parameter in operation["parameters"]]
        names = st.sampled_from([*named, "odd"])
        query = data.draw(st.dictionaries(names, st.text(max_size=20), max_size=3))
        response = api.get(
            address, **{name: text for name, text in query.items() if text.isprintable()}
        )
    else:
        response = api.post(address, json.dumps(body_for(data, operation)))
    assert response.status_code < 500, (method, address, response.content)
    assert response["Content-Type"].startswith("application/json")
    assert str(response.status_code) in {*operation["responses"], "401"}, (method, path)
