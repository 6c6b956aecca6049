"""Certificates as tests need them: of a chain, with whatever is wrong about them."""

import datetime as dt
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hosting.services.tls.reading import key_pem

_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@lru_cache
def _authority() -> tuple[Any, Any, Any, Any]:
    """A root and one below it, with their keys."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _made("Root", "Root", root_key, root_key, ca=True)
    between = _made("Between", "Root", key, root_key, ca=True)
    return root, root_key, between, key


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _made(
    subject: str,
    issuer: str,
    key: Any,
    signer: Any,
    *,
    ca: bool,
    names: Any = (),
    days: Any = (-1, 90),
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    # What RFC 5280 asks for, and Python 3.13 insists on.
    of_key, of_signer = (one.public_key() for one in (key, signer))
    built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(of_key), critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(of_signer)
    built = built.add_extension(above, critical=False)
    if ca:
        built = built.add_extension(_SIGNS, critical=True)
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        built = built.add_extension(alternative, critical=False)
    return built.sign(signer, hashes.SHA256())


def pem(one: x509.Certificate) -> str:
    return one.public_bytes(serialization.Encoding.PEM).decode()


def above() -> str:
    """The one between the root and a site's."""
    return pem(_authority()[2])


def root() -> str:
    return pem(_authority()[0])


def a_pair(*names: str, key: Any = None, days: tuple[int, int] = (-1, 90)) -> tuple[str, str]:
    """A site's certificate and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = _authority()[3]
    made = _made(
        names[0] if names else "x", "Between", key, signer, ca=False, names=names, days=days
    )
    return pem(made), key_pem(key)
