"""The certificate of FTP and the key of SFTP, made once where they are not there yet."""

from pathlib import Path

import asyncssh

from hosting import selfsigned


def certificate(directory: Path) -> Path:
    """Return the file of a self-signed certificate and its key."""
    return selfsigned.certificate(directory / "tls.pem")


def host_key(directory: Path) -> Path:
    """Return the file of the key by which SFTP programs know this node again."""
    path = directory / "ssh_host_key"
    if path.exists():
        return path
    return selfsigned.keep(path, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
