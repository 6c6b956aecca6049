"""Certificates on the node: a key with its chain in one file each, which is replaced as a whole.

nginx reads the file at each handshake, as its worker's user: the directory and the keys are root's,
readable by the web server's group, which no tenant is ever in.

The node's own certificate, for names that have none, is made here, by the openssl program: its key
never leaves the node, and a node needs nobody to answer by https. Without the program, and on a
node that was given no port for it, there is no https.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hosting.agent import trees
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.services.web.driver_desired import Web
from hosting.services.web.driver_pairs import Certificate

_DAYS = "3650"
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
_KINDS = {"PRIVATE KEY", "CERTIFICATE"}
_OWN = "own"
_DIRECTORY = "certificates"


def directory(platform: Platform) -> Path:
    """Return where certificates are."""
    return platform.web / _DIRECTORY


def serving(platform: Platform) -> dict[str, Path]:
    """Return the file of each host name that has a certificate on this node: chain and key.

    For the drivers of other daemons, whose turn comes after the web server's. Names of services
    are among them (mail.example.com) where the certificate is good for them. What is not among
    them is served with `own_pair`.
    """
    return serving_in(platform.web)


def serving_in(web: Path) -> dict[str, Path]:
    """Return the same by the web server's directory alone."""
    try:
        text = (web / "current" / "certificates.map").read_text("ascii")
    except OSError:
        return {}
    pairs = (line.rstrip(";").split(" ") for line in text.splitlines())
    return {name: web / _DIRECTORY / f"{key}.pem" for name, key in pairs}


def own_pair(platform: Platform) -> Path | None:
    """Return the node's own self-signed certificate with its key; None where there is none."""
    path = directory(platform) / f"{_OWN}.pem"
    return path if path.exists() else None


def file_of(name: str, served: Mapping[str, Path]) -> Path | None:
    """Return the file of a name among what is served, by the name itself or by its wildcard."""
    return served.get(name) or served.get(f"*.{name.partition('.')[2]}")


class Certificates:
    """The directory of certificates."""

    def __init__(self, host: Host):
        self._host = host
        self._directory = directory(host.platform)
        self._own = self._directory / f"{_OWN}.pem"

    @property
    def are_there(self) -> bool:
        """Whether this node can answer by https."""
        return self._host.platform.https_port is not None and self._own.exists()

    def lay_out(self) -> None:
        """Make the directory and the node's own certificate, unless they are there."""
        program = self._host.platform.programs.get("openssl")
        if self._host.platform.https_port is None or program is None or self._own.exists():
            return
        if not self._directory.is_dir():
            self._host.make(self._directory, 0o700)
        self._share(str(self._directory), 0o750)
        words = ("req", "-x509", "-batch", "-nodes", "-newkey", "ec", "-sha256", "-days", _DAYS)
        words += ("-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "/dev/stdout")
        # A name that is nobody's: whoever asks for a name without certificate learns nothing.
        words += ("-out", "/dev/stdout", "-subj", "/CN=freehold.invalid")
        done = self._host.run([str(program), *words])
        found = {block[1]: block[0] for block in _BLOCK.finditer(done.output)}
        if done.code == 0 and found.keys() == _KINDS:
            self.keep(_OWN, (found["CERTIFICATE"] + found["PRIVATE KEY"]).encode())

    def keep(self, name: str, pair: bytes) -> None:
        """Put a certificate in place of the one that is there: the next handshake has it."""
        beside = self._directory / f"{name}.new"
        if beside.exists():
            self._host.unlink(beside)
        self._host.write(beside, pair, 0o600)
        self._share(str(beside), 0o640)
        self._host.rename(beside, self._directory / f"{name}.pem")

    def _share(self, path: str, mode: int) -> None:
        """Let the web server's group read what is root's."""
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._host.own(place, None, self._host.platform.web_group)
            self._host.permit(place, mode)
        finally:
            os.close(place)

    # Those of subscriptions.

    def prepare(self, subscription: int, web: Web) -> bool:
        """Write those that are new, so that names can lead to them; check those that change."""
        news = False
        for each in web.certificates if self.are_there else ():
            key = trees.site_key(subscription, each.id)
            before = self._read(key)
            if before == each.pair.encode():
                continue
            each.check()
            if before is None:
                self.keep(key, each.pair.encode())
                news = True
        return news

    def finish(self, subscription: int, held: Web, tried: Web) -> bool:
        """Have exactly what is held now; say whether that was news."""
        news = False
        wanted = {each.id: each for each in held.certificates} if self.are_there else {}
        for each in wanted.values():
            key = trees.site_key(subscription, each.id)
            if self._read(key) != each.pair.encode():
                self.keep(key, each.pair.encode())
                news = True
        for number in {each.id for each in tried.certificates} - wanted.keys():
            news |= self._remove(trees.site_key(subscription, number))
        return news

    def complete(self, applied: Mapping[int, Web]) -> list[str]:
        """Write what is missing or is something else; return the keys of what is left over."""
        if not self._directory.is_dir():
            return []
        found = {path.stem for path in self._directory.iterdir() if path.suffix == ".pem"}
        kept = {_OWN}
        for number, web in applied.items():
            self.finish(number, web, web)
            kept |= {trees.site_key(number, each.id) for each in web.certificates}
        return sorted(found - kept)

    def clear(self, keys: Iterable[str]) -> None:
        """Remove what belongs to nothing."""
        for key in keys:
            self._remove(key)

    def marks(self, subscription: int, certificates: Iterable[Certificate]) -> dict[str, list[str]]:
        """Return by what those that should be are known again, and never their keys."""
        if not self.are_there:
            return {}
        keys = {trees.site_key(subscription, each.id): each for each in certificates}
        return {key: [_mark(each.pair.encode())] for key, each in keys.items()}

    def mark(self, key: str) -> list[str]:
        """Return by what the one on disk is known again."""
        found = self._read(key)
        return [] if found is None else [_mark(found)]

    def _read(self, key: str) -> bytes | None:
        try:
            return (self._directory / f"{key}.pem").read_bytes()
        except OSError:
            return None

    def _remove(self, key: str) -> bool:
        if not os.path.lexists(self._directory / f"{key}.pem"):
            return False
        self._host.unlink(self._directory / f"{key}.pem")
        return True


def _mark(pair: bytes) -> str:
    return hashlib.sha256(pair).hexdigest()


class Challenges:
    """What certificate authorities ask for: a file each, which is there for every name."""

    def __init__(self, host: Host, place: Path):
        self._host = host
        self._directory = place

    def prepare(self, web: Web) -> bool:
        """Write the answers; a challenge is answered before its authority is told to ask."""
        news = False
        for token, answer in web.challenges:
            if self._read(token) != answer.encode():
                self._host.replace(self._directory / token, answer.encode())
                news = True
        return news

    def finish(self, held: Web, tried: Web) -> bool:
        """Remove answers that are not asked for any more."""
        news = False
        for token in sorted(dict(tried.challenges).keys() - dict(held.challenges).keys()):
            if self._read(token) is not None:
                self._host.unlink(self._directory / token)
                news = True
        return news

    def there(self, web: Web) -> list[str]:
        """Return the tokens that are answered."""
        return [token for token, answer in web.challenges if self._read(token) == answer.encode()]

    def settle(self, applied: Iterable[Web], probe: str) -> None:
        """Have exactly the answers of what is applied, and the probe."""
        kept = {probe}
        for web in applied:
            self.prepare(web)
            kept |= dict(web.challenges).keys()
        for path in [path for path in self._directory.iterdir() if path.name not in kept]:
            self._host.unlink(path)

    def _read(self, token: str) -> bytes | None:
        try:
            return (self._directory / token).read_bytes()
        except OSError:
            return None
