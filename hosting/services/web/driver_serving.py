"""How names come into force: staged, checked, switched, reloaded once, probed, or put back.

Whoever is at fault in a batch is found, and fails alone.
"""

from collections.abc import Iterable, Mapping

from hosting.agent.driver import sift
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.web import driver_maps as maps
from hosting.services.web import driver_nginx as nginx
from hosting.services.web.driver_certificates import Certificates
from hosting.services.web.driver_daemon import Nginx
from hosting.services.web.driver_desired import Site, Web
from hosting.services.web.driver_held import Held
from hosting.services.web.driver_tree import ConfigurationTree


class Serving:
    """What nginx reads, and nginx."""

    def __init__(self, host: Host, held: Held, certificates: Certificates):
        self._platform = host.platform
        self._held = held
        self._certificates = certificates
        self.tree = ConfigurationTree(host)
        self.daemon = Nginx(host, host.platform.web, self.tree.conf)

    def _render(self, changes: Mapping[int, maps.Lines]) -> dict[str, bytes]:
        """Return the included files as they are with these changes to what is applied."""
        return self._rendered(self._held.lines | dict(changes) if changes else self._held.lines)

    def _rendered(self, lines: Mapping[int, maps.Lines]) -> dict[str, bytes]:
        """Return the included files with exactly these lines."""
        ordered = [lines[number] for number in sorted(lines)]
        files = {}
        for name in maps.MAPS:
            files[name] = "".join([each.maps.get(name, "") for each in ordered])
        own = [pair for each in ordered for pair in each.own]
        files["own.conf"] = "".join([self.own_server(*pair) for pair in own])
        files["sizes.conf"] = maps.sizes(
            sum(each.names for each in ordered),
            max((each.longest for each in ordered), default=0),
            sum(len(site.all_names) for _key, site, _has_mail in own),
        )
        files["nginx.conf"] = nginx.configuration(self._platform, self._http2())
        return {name: text.encode() for name, text in files.items()}

    def _http2(self) -> str:
        return self.daemon.http2() if self._certificates.are_there else ""

    def own_server(self, key: str, site: Site, has_mail: bool) -> str:
        """Return the server of a site with directives of its own."""
        return nginx.own_server(self._platform, self._http2(), key, site, has_mail)

    def serve(self, batch: Mapping[int, Web]) -> dict[int, AgentError]:
        """Bring the names of a batch into force; return who is at fault."""
        try:
            self.bring_up_to_date()
        except AgentError as error:
            return dict.fromkeys(batch, error)
        changes = {
            number: web for number, web in batch.items() if web != self._held.applied.get(number)
        }
        lines = {number: maps.lines(number, web, self._platform) for number, web in changes.items()}
        if not changes or not self.tree.differs(self._render(lines)):
            return {}

        def checked(numbers: Iterable[int]) -> None:
            self.tree.stage(self._render({number: lines[number] for number in numbers}))
            try:
                self.daemon.check(self.tree.staged_conf)
            except AgentError:
                self.tree.discard()
                raise

        def served(numbers: Iterable[int]) -> None:
            numbers = tuple(numbers)
            files = self._render({number: lines[number] for number in numbers})
            if not self.tree.has_staged(files):
                checked(numbers)
            self._activate([name for number in numbers for name in _probes(changes[number])])

        try:
            # Alone first: what somebody wrote is nobody else's to fail with.
            failures = self._fail_alone(lines)
        except AgentError as error:
            return dict.fromkeys(changes, error)  # It is nobody's fault among these.
        good = tuple(number for number in changes if number not in failures)
        if failures and not self.tree.differs(self._render({n: lines[n] for n in good})):
            return failures
        try:
            checked(good)
        except AgentError:
            try:
                self.daemon.check(self.tree.conf)
            except AgentError as error:
                return dict.fromkeys(changes, error)  # It is nobody's fault among these.
            good, faults = sift(good, checked)
            failures |= faults
        if good:
            _, faults = sift(good, served)
            failures |= faults
        return failures

    def _fail_alone(self, lines: Mapping[int, maps.Lines]) -> dict[int, AgentError]:
        """Test the servers of their own of each subscription with nobody else there."""
        failures = {}
        for number in [number for number, each in lines.items() if each.own]:
            self.tree.stage(self._rendered({number: lines[number]}))
            try:
                self.daemon.check(self.tree.staged_conf)
            except AgentError as error:
                failures[number] = error
            finally:
                self.tree.discard()
            if number in failures:
                self.daemon.check(self.tree.conf)
        return failures

    def _activate(self, names: Iterable[str] = ()) -> None:
        """Put the staged configuration into force, or leave the one that was."""
        self.tree.swap()
        try:
            self.daemon.reload()
            self.daemon.await_serial(self.tree.serial)
            for name in names:
                if not self.daemon.await_name(name):
                    raise AgentError("probe", f"nginx does not answer for {name}")
        except (AgentError, OSError) as error:
            if self.tree.put_back():
                self.daemon.reload()
                self.daemon.await_serial(self.tree.serial)
            if isinstance(error, OSError):
                raise AgentError("io", str(error)) from error
            raise
        self.tree.prune()

    def bring_up_to_date(self) -> None:
        """Have nginx running with exactly what is applied, as it is on disk.

        After a crash, or somebody's edit, what was applied is written again.
        """
        files = self._render({})
        if self.tree.differs(files):
            self.tree.stage(files)
            try:
                self.daemon.check(self.tree.staged_conf)
            except AgentError:
                self.tree.discard()
                raise
            self._activate()
        elif self.daemon.start() or self.daemon.serial() != self.tree.serial:
            self._catch_up()

    def _catch_up(self) -> None:
        """Wait for a daemon that is starting; reload one that has read something older."""
        if self.daemon.serial() is not None:
            self.daemon.reload()
        self.daemon.await_serial(self.tree.serial)


def _probes(web: Web) -> list[str]:
    """Return the names that a change is proved by: one for each site that has any."""
    return [site.names[0] for site in web.sites if site.state != "disabled"]
