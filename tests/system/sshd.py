"""An sshd on a high port, which knows the system users of a node, and clients that log in to it.

It runs in mounts of its own: there nsswitch.conf names extrausers, and the node's files lie where
that looks for them. The machine around stays as it is.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hosting.agent.platform import debian
from hosting.services.system.driver_sshd import drop_in
from tests.machine import free_port

_NSSWITCH = "passwd: files extrausers\ngroup: files extrausers\nshadow: files extrausers\n"
# Gives the caller mounts of its own, then becomes the command.
_INSIDE = """
set -e
mount --make-rprivate /
mount --bind "$1" /etc/nsswitch.conf
mount --bind "$2" /var/lib/extrausers
mount -t tmpfs none /run
mount -t tmpfs none /var/log
mkdir -p /run/sshd
shift 2
exec "$@"
"""


def why_not() -> str:
    """The reason why it cannot run here, or nothing."""
    if os.geteuid() != 0:
        return "logging in as other users needs root"
    for path in ("/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/sftp", "/usr/bin/unshare"):
        if not Path(path).exists():
            return f"{path} is not installed"
    if not [
        path
        for where in ("/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
        for path in Path(where).glob("libnss_extrausers.so.2")
    ]:
        return "libnss-extrausers is not installed"
    allowed = subprocess.run(
        ["/usr/bin/unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True
    )
    return "" if allowed.returncode == 0 else "mounts of one's own are not allowed here"


@dataclass
class Sshd:
    """A running sshd, and how one logs in to it."""

    directory: Path
    port: int
    inside: list[str]

    def __post_init__(self) -> None:
        # Once: another thread may run it while it is written again.
        self._asking = self.directory / "askpass"
        self._asking.write_text('#!/bin/sh\nprintf "%s\\n" "$TYPED"\n')
        self._asking.chmod(0o700)

    def _client(self, program: str, *words: str, level: str = "ERROR") -> list[str]:
        options = [
            "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", f"LogLevel={level}",
            "NumberOfPasswordPrompts=1", "ConnectTimeout=20", "IdentityAgent=none",
            # The quickest that both servers have.
            "KexAlgorithms=curve25519-sha256,ecdh-sha2-nistp256",
        ]  # fmt: skip
        said = [word for option in options for word in ("-o", option)]
        return [f"/usr/bin/{program}", "-F", "none", *said, *words]

    def _way(self, password: str | None, key: Path | None) -> tuple[list[str], dict[str, str]]:
        """Options and environment to log in by a password, or by a key."""
        if key is not None:
            return ["-o", "IdentitiesOnly=yes", "-i", str(key), "-o", "BatchMode=yes"], {}
        told = {
            "SSH_ASKPASS": str(self._asking),
            "SSH_ASKPASS_REQUIRE": "force",
            "TYPED": password or "",
        }
        return ["-o", "PubkeyAuthentication=no", "-o", "BatchMode=no"], told

    def sftp(
        self, user: str, batch: str, password: str | None = None, key: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Give commands to a real sftp client."""
        way, told = self._way(password, key)
        command = self._client("sftp", *way, "-b", "-", "-P", str(self.port), f"{user}@127.0.0.1")
        return subprocess.run(
            command, input=batch, env={**os.environ, **told}, text=True, capture_output=True,
            timeout=60, start_new_session=True,
        )  # fmt: skip

    def start_ssh(
        self, user: str, command: str, password: str | None = None, key: Path | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:  # fmt: skip
        """Begin a session with a real ssh client."""
        way, told = self._way(password, key)
        where = ("-p", str(self.port), f"{user}@127.0.0.1", command)
        # To who may hold a session it is said why he is not let in; to others, what fails.
        level = "ERROR" if stdin == subprocess.DEVNULL else "INFO"
        return self._begin(self._client("ssh", *way, *where, level=level), told, stdin)

    def start_sftp(
        self, user: str, password: str | None = None, key: Path | None = None
    ) -> subprocess.Popen[str]:
        """Begin a session with a real sftp client, which is given its commands later."""
        way, told = self._way(password, key)
        where = ("-b", "-", "-P", str(self.port), f"{user}@127.0.0.1")
        words = self._client("sftp", *way, *where, level="INFO")
        return self._begin(words, told, subprocess.PIPE)

    def _begin(self, words: list[str], told: dict[str, str], stdin: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words, env={**os.environ, **told}, text=True, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def ssh(self, user: str, command: str, **way: object) -> tuple[int, str]:
        """Run a command; its end and what it said. 255: not let in."""
        child = self.start_ssh(user, command, **way)  # type: ignore[arg-type]
        said, errors = child.communicate(timeout=60)
        return child.returncode, said + errors

    def logs_in(self, user: str, **way: object) -> bool:
        """Whether an SFTP session opens."""
        return self.sftp(user, "pwd\n", **way).returncode == 0  # type: ignore[arg-type]


def make_key(directory: Path, name: str) -> Path:
    """A new key pair; the path of its private half."""
    path = directory / name
    subprocess.run(
        ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True
    )
    return path


@contextmanager
def sshd(top: Path, users: Path) -> Iterator[Sshd]:
    """An sshd for a node below `top`, with the text that an installation includes."""
    directory = Path(tempfile.mkdtemp(prefix="freehold-sshd-"))
    switch = directory / "nsswitch.conf"
    switch.write_text(_NSSWITCH)
    inside = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", _INSIDE, "sh", str(switch), str(users)]
    host_key, port = make_key(directory, "host"), free_port()
    platform = debian(**{n: top / n for n in ("node", "homes", "run", "logs", "users", "ssh")})
    # As Debian's own: the include first, then what the distribution says.
    config = (
        f"{drop_in(platform)}Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\n"
        f"PidFile {directory}/sshd.pid\nUsePAM yes\nKbdInteractiveAuthentication no\n"
        "MaxStartups 100\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
    )
    path = directory / "sshd_config"
    # Refused logins are what is tested: newer ones let nobody in any more from where those came.
    path.write_text(f"PerSourcePenalties no\n{config}")
    if subprocess.run(["/usr/sbin/sshd", "-t", "-f", path], capture_output=True).returncode:
        path.write_text(config)
    errors = (directory / "log").open("w")
    child = subprocess.Popen(
        [*inside, "/usr/sbin/sshd", "-D", "-e", "-f", str(path)], stderr=errors
    )
    try:
        _wait_for(port, child, directory / "log")
        yield Sshd(directory, port, inside)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)
        errors.close()
        shutil.rmtree(directory)


def _wait_for(port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert child.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("sshd does not listen")
