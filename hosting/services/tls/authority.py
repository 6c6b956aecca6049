"""Speaks to a certificate authority (ACME, RFC 8555): one method for each thing that is asked."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import josepy
import requests
from acme import errors, messages
from acme.client import ClientNetwork

from hosting.services.tls import reading

TIMEOUT = 15
_LONGEST_ANSWER = 1_000_000
# What passes by itself (RFC 8555, section 6.7).
_PASSING = {"rateLimited", "serverInternal", "badNonce"}
_LONGEST_WAIT = 24 * 3600.0


class Refusal(Exception):
    """The authority says no, in its words; `code` is the kind that the RFC gives it."""

    def __init__(self, words: str, code: str = ""):
        super().__init__(words)
        self.words, self.code = words, code


class Later(Exception):
    """Not now: nobody there, too many at once, or trouble of its own. `after`: seconds it asks."""

    def __init__(self, words: str, after: float = 0.0):
        super().__init__(words)
        self.words, self.after = words, after


@dataclass(frozen=True)
class Order:
    """An order as the authority tells it."""

    url: str
    status: str
    authorizations: tuple[str, ...]
    finalize: str
    certificate: str
    error: str


class _Payload:
    """What is signed and sent."""

    def __init__(self, values: dict[str, Any]):
        self._values = values

    def json_dumps(self, **_how: Any) -> str:
        return json.dumps(self._values)


class Authority:
    """One authority, with the key of our account there."""

    def __init__(self, directory: str, key: str, account: str = "", verify: Any = True):
        loaded = josepy.JWKEC(key=josepy.util.ComparableECKey(reading.load_key(key)))
        self._jwk = loaded
        self._net = ClientNetwork(
            loaded, alg=josepy.ES256, verify_ssl=verify, user_agent="freehold", timeout=TIMEOUT
        )
        self._net.session.hooks["response"].append(self._note)
        self._after = 0.0
        if account:
            self._net.account = {"uri": account}  # type: ignore[assignment]
        self._directory = directory
        self._places: dict[str, Any] = {}

    def _note(self, response: requests.Response, **_more: Any) -> None:
        self._after = _seconds(response.headers.get("Retry-After", ""))

    def _place(self, name: str) -> str:
        if not self._places:
            with self._told():
                self._places = self._net.get(self._directory).json()
        found = self._places.get(name)
        if not isinstance(found, str):
            raise Later(f"{self._directory} is no directory of an authority: it has no {name}")
        return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever goes wrong, as a Refusal or a Later."""
        try:
            yield
        except messages.Error as error:
            _say(error, self._after)
        except (errors.Error, requests.RequestException, ValueError) as error:
            words = f"{type(error).__name__}: {error}"[:500]
            raise Later(words, self._after) from error

    def _post(self, url: str, values: dict[str, Any] | None) -> requests.Response:
        """Post, signed; None asks for what is there."""
        nonces = self._place("newNonce")
        payload = None if values is None else _Payload(values)
        with self._told():
            return self._net.post(url, payload, new_nonce_url=nonces)

    def terms(self) -> str:
        """Where the authority's terms are; "" where it has none. A sign of life, too."""
        self._place("newOrder")
        meta = self._places.get("meta")
        found = meta.get("termsOfService", "") if isinstance(meta, dict) else ""
        return found if isinstance(found, str) else ""

    def register(self, email: str) -> str:
        """Make our account, or find the one that is this key's; return its address."""
        values: dict[str, Any] = {"termsOfServiceAgreed": True}
        if email:
            values["contact"] = [f"mailto:{email}"]
        url = self._post(self._place("newAccount"), values).headers.get("Location", "")
        if not url:
            raise Later("the authority named no account")
        self._net.account = {"uri": url}  # type: ignore[assignment]
        return url

    def new_order(self, names: list[str]) -> Order:
        values = {"identifiers": [{"type": "dns", "value": name} for name in names]}
        response = self._post(self._place("newOrder"), values)
        return self._order(response.headers.get("Location", ""), self._json(response))

    def order(self, url: str) -> Order:
        return self._order(url, self._json(self._post(url, None)))

    def authorization(self, url: str) -> dict[str, Any]:
        return self._json(self._post(url, None)) | {"url": url}

    def answer(self, url: str) -> None:
        """Say that the answer to a challenge is there."""
        self._post(url, {})

    def finalize(self, url: str, request: bytes) -> None:
        self._post(url, {"csr": josepy.b64.b64encode(request).decode()})

    def certificate(self, url: str) -> str:
        """The chain."""
        return self._post(url, None).text[:_LONGEST_ANSWER]

    def answer_to(self, token: str) -> str:
        """What the file of an http-01 challenge has to say."""
        thumbprint = josepy.b64.b64encode(self._jwk.thumbprint()).decode()
        return f"{token}.{thumbprint}"

    def wait(self) -> float:
        """The seconds that the last answer asked to wait."""
        return self._after

    def _json(self, response: requests.Response) -> dict[str, Any]:
        with self._told():
            found = response.json()
        if not isinstance(found, dict):
            raise Later("the authority's answer is none")
        return found

    @staticmethod
    def _order(url: str, found: dict[str, Any]) -> Order:
        texts = [found.get(name, "") for name in ("status", "finalize", "certificate")]
        places = found.get("authorizations", [])
        if not url or not all(isinstance(text, str) for text in (*texts, *places)):
            raise Later("the authority's order is none")
        error = found.get("error")
        words = problem(error) if isinstance(error, dict) else ""
        return Order(url, texts[0], tuple(places), texts[1], texts[2], words)


def dns_answer(answer: str) -> str:
    """What the TXT record of a dns-01 challenge has to say."""
    return josepy.b64.b64encode(hashlib.sha256(answer.encode()).digest()).decode()


def problem(found: dict[str, Any]) -> str:
    """A problem document, in the authority's words (RFC 7807)."""
    kind = str(found.get("type", "")).rpartition(":")[2]
    words = str(found.get("detail", "") or kind)
    parts = found.get("subproblems")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("detail"):
            words += f"; {part['detail']}"
    return "".join(char for char in words if char.isprintable())[:1000]


def _say(error: messages.Error, after: float) -> NoReturn:
    code = error.code or ""
    words = "; ".join(
        [error.detail or code, *(sub.detail or "" for sub in error.subproblems or ())]
    )
    words = "".join(char for char in words if char.isprintable())[:1000]
    if code in _PASSING:
        raise Later(words, after)
    raise Refusal(words, code)


def _seconds(text: str) -> float:
    """What a Retry-After asks: seconds, or a date."""
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
        return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
    except (TypeError, ValueError):
        return 0.0


@contextmanager
def trusted(roots: str) -> Iterator[Any]:
    """What the authority's own server is checked against, as the client takes it."""
    if not roots:
        yield True
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(roots)
        file.flush()
        yield file.name
