"""What nginx looks up on disk with every request: marks for what is shut, links to document roots.

A change here is seen by the next request, without a reload.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hosting.agent import trees
from hosting.agent.host import Host
from hosting.services.web.driver_desired import Site

# A file system allows some 65,000 names for one file: sixteen files suffice for a million.
_SOURCES = 16
# Up to so many, a look at each is quicker than a list of all.
_FEW = 200


@dataclass(frozen=True)
class Leftovers:
    """Marks and links that belong to nothing that is applied."""

    marks: list[str]
    links: list[str]


class Places:
    """Marks and links, by their keys: s42 for a subscription, s42-7 for a site of it."""

    def __init__(self, host: Host):
        self._host = host
        self._sites = host.platform.web / "sites"
        self._marks = str(host.platform.web / "susp")
        self._sources = str(host.platform.web / "flags")

    def lay_out(self) -> None:
        """Make the files that all marks are further names of: a link is made in no time."""
        for number in range(_SOURCES):
            if not os.path.lexists(f"{self._sources}/{number}"):
                self._host.write(f"{self._sources}/{number}", b"")

    def is_shut(self, key: str) -> bool:
        """Say whether there is a mark."""
        return os.path.lexists(f"{self._marks}/{key}")

    def _marked(self) -> set[str]:
        with os.scandir(self._marks) as entries:
            return {entry.name for entry in entries}

    def _set(self, key: str, shut: bool) -> None:
        if shut:
            # The last digits spread the marks over the sources well enough.
            source = int(key[-4:].rpartition("s")[2].rpartition("-")[2]) % _SOURCES
            self._host.link(f"{self._sources}/{source}", f"{self._marks}/{key}")
        else:
            self._host.unlink(f"{self._marks}/{key}")

    def mark(self, key: str, shut: bool) -> bool:
        """Shut or open by a mark; say whether that was news."""
        if self.is_shut(key) == shut:
            return False
        self._set(key, shut)
        return True

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Shut and open subscriptions."""
        shut_keys = [trees.home_name(number) for number in shut]
        opened_keys = [trees.home_name(number) for number in opened]
        if len(shut) + len(opened) >= _FEW:
            present = self._marked()
            shut_keys = [key for key in shut_keys if key not in present]
            opened_keys = [key for key in opened_keys if key in present]
        faults: list[OSError] = []
        for key, is_shut in [(key, True) for key in shut_keys] + [(k, False) for k in opened_keys]:
            # What cannot be done to one is done to the others.
            try:
                self.mark(key, is_shut)
            except OSError as error:
                faults.append(error)
        if faults:
            raise faults[0]

    def target(self, subscription: int, site: Site) -> str:
        """Return where a site's link leads. It is relative: a node can be moved as a whole."""
        home = self._host.platform.homes / trees.home_name(subscription)
        return os.path.relpath(home.joinpath(*site.document_root), self._sites)

    def linked(self, key: str) -> str | None:
        """Return where a link leads, None if there is none."""
        try:
            return str((self._sites / key).readlink())
        except OSError:
            return None

    def link(self, subscription: int, site: Site, replace: bool) -> bool:
        """Link a site to its document root; say whether that was news."""
        key = trees.site_key(subscription, site.id)
        target = self.target(subscription, site)
        found = self.linked(key)
        if found == target or (found is not None and not replace):
            return False
        self._place(key, target)
        return True

    def _place(self, key: str, target: str) -> None:
        """Make a site's link its tenant's: nginx follows it to what is that tenant's as well."""
        number = int(key[1:].partition("-")[0])
        self._host.symlink(target, self._sites / key, self._host.platform.uid_of(number))

    def unlink(self, key: str) -> bool:
        """Remove a link; say whether there was one."""
        if self.linked(key) is None:
            return False
        self._host.unlink(self._sites / key)
        return True

    def complete(self, marks: Iterable[str], links: Mapping[str, str]) -> Leftovers:
        """Make what is missing or leads elsewhere; return what there is besides."""
        wanted = set(marks)
        marked = self._marked()
        for key in sorted(wanted - marked):
            self._set(key, True)
        linked = {path.name for path in self._sites.iterdir()}
        for key, target in links.items():
            if key not in linked or self.linked(key) != target:
                self._place(key, target)
        return Leftovers(sorted(marked - wanted), sorted(linked - links.keys()))

    def clear(self, left: Leftovers) -> None:
        """Remove what belongs to nothing."""
        for key in left.marks:
            self._set(key, False)
        for key in left.links:
            self._host.unlink(self._sites / key)
