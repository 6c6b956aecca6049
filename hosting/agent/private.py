"""What tenants with a shell must not see of the agent's own files, on a node that parts them."""

import os

from hosting.agent.platform import Platform


def close_off(platform: Platform) -> None:
    """Give the agent's directories the modes that keep tenants out, and daemons in.

    Homes and the agent's places can be passed through and not listed; the web server's maps and
    logs, which name everybody's sites, are its group's; what was applied holds hashes of
    passwords and is root's alone.
    """
    if not platform.isolates:
        return
    for place in (platform.homes, platform.node):
        os.chmod(place, 0o711)  # noqa: S103  no more than this
    for place in (platform.web, platform.logs):
        os.chown(place, 0, platform.web_group if platform.web_group is not None else 0)
        os.chmod(place, 0o710)  # noqa: S103  no more than this
    os.close(os.open(platform.state, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    os.chmod(platform.state, 0o600)
