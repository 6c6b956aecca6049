"""Where PHP finds things: directories inside homes, and links from sites to the sockets of pools.

nginx looks for a site's link with every request: a change is seen by the next one.
"""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hosting.agent import trees
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.php.driver_pools import owner_of

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# In each home: where uploads wait and scripts keep what they need for a moment; and sessions.
PRIVATE = (("tmp",), ("tmp", "sessions"))


@contextmanager
def _opened(name: str | Path, directory: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class Places:
    """Directories of homes, links of sites, sockets of pools."""

    def __init__(self, host: Host):
        self._host = host
        self.run = host.platform.run / "php"

    def lay_out(self) -> None:
        """Make the agent's own directories. Only the web server's group gets in to the sockets."""
        node = self._host.platform.node / "php"
        if not node.is_dir():
            self._host.make(node, 0o700)
        group = self._host.platform.web_group
        for path, mode, owner in (
            (self.run, 0o750, group),
            (self.run / "pools", 0o750, group),
            (self.run / "masters", 0o700, None),
        ):
            if not path.is_dir():
                self._host.make(path, 0o700)
            with _opened(path) as descriptor:
                found = os.fstat(descriptor)
                if owner is not None and found.st_gid != owner:
                    self._host.own(descriptor, None, owner)
                # Last: until then nobody but root gets in.
                if stat.S_IMODE(found.st_mode) != mode:
                    self._host.permit(descriptor, mode)

    def socket(self, pool: str) -> Path:
        """Return where a pool listens: in a directory, as nginx cannot tell whether a socket is
        there, but can tell of a directory."""
        return self.run / "pools" / pool / "fpm.sock"

    def make_room(self, pool: str) -> None:
        """Make the directory that a pool listens in."""
        path = self.socket(pool).parent
        if not path.is_dir():
            self._host.make(path, 0o755)

    # Homes.

    def lacks(self, subscription: int) -> list[str]:
        """Return which directories of a home are missing, for a plan."""
        found = []
        for parts in PRIVATE:
            directory = os.open(self._host.platform.homes, _DIRECTORY)
            try:
                for name in (trees.home_name(subscription), *parts):
                    directory, above = os.open(name, _DIRECTORY, dir_fd=directory), directory
                    os.close(above)
            except OSError:
                found.append("/".join(parts))
            finally:
                os.close(directory)
        return found

    def prepare(self, subscription: int) -> bool:
        """Make what PHP needs in a home, as its owner's; say whether anything was missing."""
        uid = self._host.platform.uid_of(subscription)
        news = trees.make_home(self._host, subscription)
        with _opened(self._host.platform.homes) as homes:
            for parts in PRIVATE:
                news |= self._make_below(homes, trees.home_name(subscription), parts, uid)
        return news

    def _make_below(self, homes: int, home: str, parts: tuple[str, ...], uid: int | None) -> bool:
        directory = os.dup(homes)
        try:
            for name in (home, *parts[:-1]):
                directory, above = os.open(name, _DIRECTORY, dir_fd=directory), directory
                os.close(above)
            return self._make(homes, directory, parts[-1], uid)
        except OSError as error:
            words = f"{'/'.join(parts)} in the home cannot be made: {error.strerror}"
            raise AgentError("refused", words) from error
        finally:
            os.close(directory)

    def _make(self, homes: int, above: int, name: str, uid: int | None) -> bool:
        """Make a directory beside the homes, give it away there, then put it into its place.

        So it is never half made, and whatever its owner does meanwhile, nothing else is given away.
        """
        try:
            found = os.stat(name, dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            if not stat.S_ISDIR(found.st_mode):
                raise AgentError("refused", f"{name} in the home is no directory")
            return False
        fresh = ".new-php"
        try:
            os.stat(fresh, dir_fd=homes, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            # What a crash left: empty, as it never was in its place.
            self._host.remove(fresh, homes)
        self._host.make(fresh, 0o700, homes)
        with _opened(fresh, homes) as descriptor:
            self._host.own(descriptor, uid, uid)
        self._host.rename(fresh, name, homes, above)
        return True

    # Links.

    def linked(self, key: str) -> str | None:
        """Return which pool a site leads to, None if to none."""
        try:
            return str((self.run / key).readlink())
        except OSError:
            return None

    def links(self) -> list[str]:
        """Return the sites that lead to a pool."""
        return [path.name for path in self.run.iterdir() if path.is_symlink()]

    def link(self, key: str, pool: str) -> bool:
        """Lead a site to a pool; say whether that was news."""
        target = f"pools/{pool}"
        if self.linked(key) == target:
            return False
        self._host.symlink(target, self.run / key)
        return True

    def unlink(self, key: str) -> bool:
        """Lead a site nowhere; say whether that was news."""
        if self.linked(key) is None:
            return False
        self._host.unlink(self.run / key)
        return True

    def complete(self, wanted: Mapping[str, str]) -> None:
        """Have exactly these links: site -> pool."""
        for key in self.links():
            if key not in wanted:
                self.unlink(key)
        for key, pool in wanted.items():
            self.link(key, pool)

    def clear(self, pools: Collection[str]) -> None:
        """Remove what all pools but these listened in: nobody does any more."""
        for path in list((self.run / "pools").iterdir()):
            if path.name not in pools and owner_of(path.name) is not None:
                self._host.unlink(path / "fpm.sock")
                self._host.remove(path)
