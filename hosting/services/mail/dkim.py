"""Keys of DKIM (RFC 6376, 8301): made here, and what zones tell of them."""

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

# Everybody reads these; whoever receives mail need not read longer ones (RFC 8301, 3.2).
_BITS = 2048


def new_key() -> str:
    """A private key, in PEM. It takes a tenth of a second, and now and then several."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def record_of(pem: str) -> str:
    """The text of the record by which its signatures are checked."""
    public = load_pem_private_key(pem.encode(), None).public_key()
    data = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(data).decode()}"
