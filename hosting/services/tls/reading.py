"""What a certificate says: read, checked against its key, put in order."""

import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LONGEST = 40_000
MOST_IN_CHAIN = 10
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
_CURVES = {"secp256r1", "secp384r1"}
_NAME = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[0-9-]*[a-z])[a-z0-9-]{2,63}"
)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Read:
    """A chain, in order, with what its first certificate says."""

    chain: str
    names: list[str]
    issuer: str
    fingerprint: str
    key_type: str
    not_before: datetime
    not_after: datetime
    leaf: x509.Certificate


def covers(names: list[str], name: str) -> bool:
    """Whether a certificate for these is good for a name; a wildcard stands for one label."""
    return name in names or f"*.{name.partition('.')[2]}" in names


def read_chain(text: str) -> Read:
    """A certificate with those above it, in whichever order; ValidationError says what is wrong."""
    if "PRIVATE KEY" in text:
        raise ValidationError(_("There is a private key in it. It has a field of its own."))
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError(
            _("This is no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----.")
        ) from None
    if len(found) > MOST_IN_CHAIN:
        raise ValidationError(_("At most %(n)s certificates.") % {"n": MOST_IN_CHAIN})
    chain = _in_order(found)
    leaf = chain[0]
    return Read(
        chain="".join(_pem(each) for each in chain),
        names=_names(leaf),
        issuer=_issuer(leaf),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        key_type=_key_type(leaf.public_key()),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        leaf=leaf,
    )


def refuse_no_certificates(text: str) -> None:
    """ValidationError unless all of it is certificates in PEM form."""
    if "PRIVATE KEY" in text:
        raise ValidationError(_("There is a private key in it. It has a field of its own."))
    try:
        x509.load_pem_x509_certificates(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError(_("Certificates in PEM form, or nothing.")) from None


def _pem(one: x509.Certificate) -> str:
    return one.public_bytes(serialization.Encoding.PEM).decode()


def _in_order(found: list[x509.Certificate]) -> list[x509.Certificate]:
    """The site's own first, then whoever signed it, and so on. A root at the end is left out."""
    leaves = [one for one in found if not _is_authority(one)]
    if len(found) == 1:
        leaves = found
    if len({one.fingerprint(hashes.SHA256()) for one in leaves}) != 1:
        raise ValidationError(
            _("There has to be one certificate of a site among them, and %(n)s are.")
            % {"n": len(leaves)}
        )
    chain, others = [leaves[0]], [one for one in found if one not in leaves]
    while others:
        above = next((one for one in others if _has_signed(one, chain[-1])), None)
        if above is None:
            raise ValidationError(
                _("The chain is broken: what signed “%(name)s” is not among them, and others are.")
                % {"name": _common_name(chain[-1].subject)[:100]}
            )
        others = [one for one in others if one != above]
        if above.issuer != above.subject:
            chain.append(above)
        elif others:
            raise ValidationError(_("There are certificates in it that belong to no chain."))
    return chain


def _is_authority(one: x509.Certificate) -> bool:
    try:
        return bool(one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def _has_signed(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        raise ValidationError(
            _("It names no host names (subjectAltName), so no browser takes it.")
        ) from None
    names = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
    # Names that no name of ours can be like are nobody's to show.
    return [name for name in dict.fromkeys(names) if _NAME.fullmatch(name)][:100]


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME) or list(name)
    return str(found[0].value) if found else ""


def _issuer(leaf: x509.Certificate) -> str:
    if leaf.issuer == leaf.subject:
        return str(_("itself (self-signed)"))
    found = leaf.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    words = [str(found[0].value)] if found else []
    words += [word for word in [_common_name(leaf.issuer)] if word and word not in words]
    text = ", ".join(words)[:200]
    return "".join(char for char in text if char.isprintable())


def _key_type(key: object) -> str:
    """In words; ValidationError where servers or browsers do not take it."""
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        if not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
            raise ValidationError(
                _("An RSA key of %(bits)s bits. It has to have from %(least)s to %(most)s.")
                % {"bits": key.key_size, "least": LEAST_RSA_BITS, "most": MOST_RSA_BITS}
            )
        return f"RSA {key.key_size}"
    is_curve = isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey)
    if is_curve and key.curve.name in _CURVES:
        return f"ECDSA {key.curve.name.removeprefix('secp').removesuffix('r1')}"
    raise ValidationError(_("Keys of this type are not taken: RSA, and ECDSA on P-256 or P-384."))


def read_key(text: str) -> tuple[str, PrivateKey]:
    """A private key, as PKCS #8 in PEM form; ValidationError says what is wrong."""
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except TypeError:
        raise ValidationError(
            _("The key has a password, which a server cannot type. Take it off first.")
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError(
            _("This is no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----.")
        ) from None
    _key_type(key)
    return key_pem(key), key  # type: ignore[return-value,arg-type]


def key_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def new_key() -> str:
    """A key of the kind that servers answer with quickest."""
    return key_pem(ec.generate_private_key(ec.SECP256R1()))


def load_key(pem: str) -> PrivateKey:
    return serialization.load_pem_private_key(pem.encode(), None)  # type: ignore[return-value]


def request_for(names: list[str], pem: str) -> bytes:
    """What an authority is given to sign, in DER."""
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    built = built.add_extension(alternative, critical=False)
    return built.sign(load_key(pem), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def belong_together(leaf: x509.Certificate, key: PrivateKey) -> bool:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return leaf.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def refuse_out_of_date(read: Read) -> None:
    now = timezone.now()
    if read.not_after <= now:
        raise ValidationError(_("It ran out on %(day)s.") % {"day": f"{read.not_after:%Y-%m-%d}"})
    if read.not_before > now:
        raise ValidationError(
            _("It is not good before %(day)s.") % {"day": f"{read.not_before:%Y-%m-%d}"}
        )
