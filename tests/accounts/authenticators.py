"""A device with one passkey, as browsers speak of it: keys, flags and signatures of WebAuthn."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.test import Client
from fido2 import cbor

from tests.world import PASSWORD

ADD, REMOVE, LOGIN = "/account/passkeys/add/", "/account/passkeys/remove/", "/login/passkey/"
# The person is there, and unlocked the device: Web Authentication, 6.1.
PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    """As browsers write bytes: Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Device:
    """Makes one passkey, and signs with it. What it says of itself can be changed."""

    origin: str = field(default_factory=lambda: settings.PANEL_ORIGIN)
    host: str = "localhost"
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    handle: bytes = b""
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def make(self, asked: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.create`."""
        self.handle = base64.urlsafe_b64decode(asked["user"]["id"] + "==")
        numbers = self.key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        key = cbor.encode({1: 2, 3: -7, -1: 1, **point})
        credential = bytes(16) + len(self.id).to_bytes(2) + self.id + key
        data = self._data(HAS_KEY) + credential
        made = cbor.encode({"fmt": "none", "authData": data, "attStmt": {}})
        client = self._client("webauthn.create", asked["challenge"])
        return self._answer(clientDataJSON=client, attestationObject=made)

    def show(self, asked: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.get`."""
        client = self._client("webauthn.get", asked["challenge"])
        data = self._data()
        signed = data + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=client,
            authenticatorData=data,
            signature=signature,
            userHandle=self.handle,
        )

    def _data(self, more: int = 0) -> bytes:
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([self.flags | more]) + self.counter.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(told).encode()

    def _answer(self, **parts: bytes) -> str:
        response = {name: text(part) for name, part in parts.items()}
        return json.dumps({"rawId": text(self.id), "type": "public-key", "response": response})


def asked_to_make(client: Client) -> tuple[dict[str, Any], str]:
    """What the page asks the browser for, and what it remembers of that."""
    page = client.get(ADD).content.decode()
    asked = re.search(r'data-passkey-make="([^"]+)"', page)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert asked is not None
    assert sealed is not None
    return json.loads(unescape(asked[1])), sealed[1]


def add(client: Client, device: Device, name: str = "Phone", **changes: str) -> Any:
    """Go through the page with this device."""
    asked, sealed = asked_to_make(client)
    given = {"name": name, "current_password": PASSWORD, "sealed": sealed}
    return client.post(ADD, {**given, "answer": device.make(asked), **changes})


def come_in(device: Device, client: Client | None = None, **more: str) -> tuple[Client, Any]:
    """Log in by this device; the client and what it was answered."""
    client = client or Client()
    asked = client.post(f"{LOGIN}challenge/").json()
    return client, client.post(LOGIN, {"answer": device.show(asked), **more})
