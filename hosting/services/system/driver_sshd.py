"""What the node's sshd is told of system users: one file, included once, at installation.

It says what holds for groups; who is in them stands in the files that the agent writes. So sshd is
never reloaded for a subscription.
"""

import re
from pathlib import Path

from hosting.agent.platform import Platform
from hosting.services.system.driver_files import SFTP_GROUP, USERS_GROUP

_PLAIN = re.compile(r"/[A-Za-z0-9._/-]+", re.ASCII)


def keys_directory(platform: Platform) -> Path:
    """Return where the keys of all system users are: root's, outside of their homes."""
    return platform.node / "ssh" / "keys"


def _path(path: Path) -> str:
    """Return a path as sshd_config has it: a blank, a percent sign or a quote would mean more."""
    if not _PLAIN.fullmatch(str(path)):
        raise ValueError(f"sshd cannot be told of this path: {path}")
    return str(path)


def drop_in(platform: Platform) -> str:
    """Return the text of sshd_config.d/freehold.conf.

    Keys are read by a command, as root: so no tenant can read whose keys a node has. What sees
    files only is shut in where the homes are: it may pass through there, and list nothing.
    """
    return f"""\
# Written by Freehold when it was installed. What it says holds for system users of subscriptions.
Match Group {SFTP_GROUP[0]}
    ChrootDirectory {_path(platform.homes)}
    ForceCommand internal-sftp
    PermitTTY no
    AllowAgentForwarding no
Match Group {USERS_GROUP[0]}
    AuthorizedKeysFile none
    AuthorizedKeysCommand /usr/bin/cat {_path(keys_directory(platform))}/%U
    AuthorizedKeysCommandUser root
    AuthenticationMethods any
    PasswordAuthentication yes
    PubkeyAuthentication yes
    KbdInteractiveAuthentication no
    HostbasedAuthentication no
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
    GatewayPorts no
    X11Forwarding no
    PermitTunnel no
    PermitUserRC no
Match all
"""
