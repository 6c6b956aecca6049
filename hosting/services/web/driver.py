"""The web driver: names, redirects, document roots and what is shut, on one nginx.

On disk, below the platform's web directory:

    conf/<serial>/   a whole configuration; `current` is a link to the one in force
    sites/s42-7      a link to the document root of site 7 of subscription 42
    susp/s42         subscription 42 is shut; susp/s42-7: its site 7 is
    flags/           files that the marks in susp/ are further names of
    acme/            answers to challenges, for every name
    certificates/    a key and its chain in one file; own.pem is the node's, for names without one
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from hosting.agent import trees
from hosting.agent.driver import Change, Driver, Result, sift
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, told
from hosting.services.web import driver_desired as desired
from hosting.services.web import driver_nginx as nginx
from hosting.services.web.driver_certificates import Certificates
from hosting.services.web.driver_daemon import Nginx
from hosting.services.web.driver_desired import Site, Web
from hosting.services.web.driver_pages import welcome
from hosting.services.web.driver_places import Places
from hosting.services.web.driver_records import Records
from hosting.services.web.driver_tree import ConfigurationTree

_NOTHING = Web()


class WebDriver(Driver[Web]):
    """Websites on nginx, by maps and marks."""

    service = "web"

    def __init__(self, host: Host):
        self._host = host
        self._web = host.platform.web
        self._places = Places(host)
        self._certificates = Certificates(host)
        self._tree = ConfigurationTree(host)
        self.daemon = Nginx(host, self._web, self._tree.conf)
        self.records = Records(host, self.daemon.signal_master)
        self._applied: dict[int, Web] = {}
        self._lines: dict[int, nginx.Lines] = {}
        self._owners: dict[str, int] = {}

    def offers(self) -> dict[str, object]:
        """Return the port of https, where that is served."""
        port = self._host.platform.https_port
        return {"https_port": port} if self._certificates.are_there else {}

    def parse(self, value: object) -> Web:
        """Return the sites of a subscription, checked."""
        return desired.parse(value)

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Shut and open subscriptions: the next request sees it."""
        self._places.switch(shut, opened)

    def _prepare(self, subscription: int, wanted: Web) -> bool:
        """Make ready what a site needs before its names are known; say whether that was news.

        Nothing that serves already is changed here, except that what is to be shut, is.
        """
        news = False
        for site in wanted.sites:
            if site.state == "suspended":
                news |= self._places.mark(trees.site_key(subscription, site.id), True)
            if site.document_root:
                page = welcome(site.title, "/".join(site.document_root))
                news |= trees.make_document_root(
                    self._host, subscription, site.id, site.document_root, page
                )
                news |= self._places.link(subscription, site, replace=False)
        return news

    def _finish(self, subscription: int, held: Web, before: Web) -> bool:
        """Make links and marks those of what is held now; say whether that was news."""
        news = False
        for site in held.sites:
            key = trees.site_key(subscription, site.id)
            if site.document_root:
                news |= self._places.link(subscription, site, replace=True)
            else:
                news |= self._places.unlink(key)
            news |= self._places.mark(key, site.state == "suspended")
        for number in {site.id for site in before.sites} - {site.id for site in held.sites}:
            key = trees.site_key(subscription, number)
            news |= self._places.unlink(key)
            news |= self._places.mark(key, False)
        return news

    # What the web server reads.

    def _render(self, changes: Mapping[int, nginx.Lines]) -> dict[str, bytes]:
        """Return the included files as they are with these changes to what is applied."""
        return self._rendered(self._lines | dict(changes) if changes else self._lines)

    def _rendered(self, lines: Mapping[int, nginx.Lines]) -> dict[str, bytes]:
        """Return the included files with exactly these lines."""
        ordered = [lines[number] for number in sorted(lines)]
        files = {}
        for name in nginx.MAPS:
            files[name] = "".join([each.maps.get(name, "") for each in ordered])
        own = [pair for each in ordered for pair in each.own]
        files["own.conf"] = "".join([self._own_server(*pair) for pair in own])
        files["sizes.conf"] = nginx.sizes(
            sum(each.names for each in ordered),
            max((each.longest for each in ordered), default=0),
            sum(len(site.all_names) for _key, site in own),
        )
        files["nginx.conf"] = nginx.configuration(self._host.platform, self._http2())
        return {name: text.encode() for name, text in files.items()}

    def _http2(self) -> str:
        return self.daemon.http2() if self._certificates.are_there else ""

    def _own_server(self, key: str, site: Site) -> str:
        return nginx.own_server(self._host.platform, self._http2(), key, site)

    def _lines_of(self, subscription: int, web: Web) -> nginx.Lines:
        return nginx.lines(subscription, web, self._host.platform)

    def _hold(self, subscription: int, web: Web) -> None:
        """Remember what is in force."""
        for name in self._applied.get(subscription, _NOTHING).all_names:
            if self._owners.get(name) == subscription:
                del self._owners[name]
        self._applied.pop(subscription, None)
        self._lines.pop(subscription, None)
        if web.sites:
            self._applied[subscription] = web
            self._lines[subscription] = self._lines_of(subscription, web)
            self._owners.update(dict.fromkeys(web.all_names, subscription))

    def _taken(self, wanted: Mapping[int, Web]) -> dict[int, AgentError]:
        """Return who asks for a name that another subscription has or keeps."""
        failures: dict[int, AgentError] = {}
        while True:
            owners: dict[str, int] = {}
            for number in failures:
                kept = self._applied.get(number, _NOTHING).all_names
                owners.update(dict.fromkeys(kept, number))
            news = {}
            for number, web in wanted.items():
                if number in failures:
                    continue
                for name in web.all_names:
                    owner = owners.setdefault(name, number)
                    if owner == number:
                        owner = self._owners.get(name, number)
                        # One that gives the name up in this same batch has it no more.
                        if owner in wanted and owner not in failures:
                            owner = number
                    if owner != number:
                        words = f"{name} belongs to subscription {owner}"
                        news[number] = AgentError("refused", words)
                        break
            if not news:
                return failures
            failures |= news

    def apply(self, wanted: Mapping[int, Web | None]) -> Result:
        """Make it so, with one reload; whoever is at fault stays as it was."""
        result = Result()
        reloads = self.daemon.reloads
        batch = {number: web or _NOTHING for number, web in wanted.items()}
        result.failures.update(self._taken(batch))
        for number, web in batch.items():
            if number not in result.failures:
                try:
                    if self._prepare(number, web):
                        result.changed.add(number)
                except (AgentError, OSError) as error:
                    result.failures[number] = told(error)
        left = {number: web for number, web in batch.items() if number not in result.failures}
        result.failures.update(self._serve(left))
        for number, web in batch.items():
            before = self._applied.get(number, _NOTHING)
            held = before if number in result.failures else web
            # What was tried and failed may have left links and marks of sites that are not.
            tried = Web(before.sites + web.sites)
            if self._finish(number, held, tried) or held != before:
                result.changed.add(number)
            if held != before:
                self._hold(number, held)
        result.changed -= result.failures.keys()
        result.reloads = self.daemon.reloads - reloads
        return result

    def _serve(self, batch: Mapping[int, Web]) -> dict[int, AgentError]:
        """Bring the names of a batch into force; return who is at fault."""
        try:
            self._up_to_date()
        except AgentError as error:
            return dict.fromkeys(batch, error)
        changes = {number: web for number, web in batch.items() if web != self._applied.get(number)}
        lines = {number: self._lines_of(number, web) for number, web in changes.items()}
        if not changes or not self._tree.differs(self._render(lines)):
            return {}

        def checked(numbers: Iterable[int]) -> None:
            self._tree.stage(self._render({number: lines[number] for number in numbers}))
            try:
                self.daemon.check(self._tree.staged_conf)
            except AgentError:
                self._tree.discard()
                raise

        def served(numbers: Iterable[int]) -> None:
            numbers = tuple(numbers)
            files = self._render({number: lines[number] for number in numbers})
            if not self._tree.has_staged(files):
                checked(numbers)
            self._activate([name for number in numbers for name in _probes(changes[number])])

        failures: dict[int, AgentError] = {}
        try:
            for number in [number for number in changes if lines[number].own]:
                # Alone first: what somebody wrote is nobody else's to fail with.
                self._check_alone(number, lines[number], failures)
        except AgentError as error:
            return dict.fromkeys(changes, error)  # It is nobody's fault among these.
        good = tuple(number for number in changes if number not in failures)
        if failures and not self._tree.differs(self._render({n: lines[n] for n in good})):
            return failures
        try:
            checked(good)
        except AgentError:
            try:
                self.daemon.check(self._tree.conf)
            except AgentError as error:
                return dict.fromkeys(changes, error)  # It is nobody's fault among these.
            good, faults = sift(good, checked)
            failures |= faults
        if good:
            _, faults = sift(good, served)
            failures |= faults
        return failures

    def _check_alone(
        self, number: int, lines: nginx.Lines, failures: dict[int, AgentError]
    ) -> None:
        """Test one subscription's servers of its own with nobody else there; note its failure."""
        self._tree.stage(self._rendered({number: lines}))
        try:
            self.daemon.check(self._tree.staged_conf)
        except AgentError as error:
            failures[number] = error
        finally:
            self._tree.discard()
        if number in failures:
            self.daemon.check(self._tree.conf)

    def _activate(self, names: Iterable[str] = ()) -> None:
        """Put the staged configuration into force, or leave the one that was."""
        self._tree.swap()
        try:
            self.daemon.reload()
            self.daemon.await_serial(self._tree.serial)
            for name in names:
                if not self.daemon.await_name(name):
                    raise AgentError("probe", f"nginx does not answer for {name}")
        except (AgentError, OSError) as error:
            if self._tree.put_back():
                self.daemon.reload()
                self.daemon.await_serial(self._tree.serial)
            if isinstance(error, OSError):
                raise AgentError("io", str(error)) from error
            raise
        self._tree.prune()

    def _up_to_date(self) -> None:
        """Have nginx running with exactly what is applied, as it is on disk.

        After a crash, or somebody's edit, what was applied is written again.
        """
        files = self._render({})
        if self._tree.differs(files):
            self._tree.stage(files)
            try:
                self.daemon.check(self._tree.staged_conf)
            except AgentError:
                self._tree.discard()
                raise
            self._activate()
        elif self.daemon.start() or self.daemon.serial() != self._tree.serial:
            self._catch_up()

    def _catch_up(self) -> None:
        """Wait for a daemon that is starting; reload one that has read something older."""
        if self.daemon.serial() is not None:
            self.daemon.reload()
        self.daemon.await_serial(self._tree.serial)

    # Beginning, looking, ending.

    def settle(self, applied: Mapping[int, Web], shut: Collection[int]) -> None:
        """Make disk and daemon what the agent's records say."""
        self._lay_out()
        for number, web in applied.items():
            self._hold(number, web)
        marks = {trees.home_name(number) for number in shut}
        links = {}
        for number, web in self._applied.items():
            for site in web.sites:
                key = trees.site_key(number, site.id)
                if site.document_root:
                    links[key] = self._places.target(number, site)
                if site.state == "suspended":
                    marks.add(key)
        left = self._places.complete(marks, links)
        try:
            self._up_to_date()
        except AgentError:
            return  # problem() tells; the watch and the next batch try again.
        # Only now is nothing served that these belonged to.
        self._places.clear(left)

    def _lay_out(self) -> None:
        """Make the directories and files that everything else rests on."""
        challenges = self._web / "acme" / nginx.CHALLENGES.strip("/")
        directories = [self._web / name for name in ("sites", "susp", "flags", "conf")]
        for directory in [*reversed(challenges.parents), challenges, *directories]:
            if directory.is_relative_to(self._web) and not directory.is_dir():
                self._host.make(directory)
        self._places.lay_out()
        self._certificates.lay_out()
        self.records.logs.lay_out()
        probe = challenges / Path(nginx.PROBE_PATH).name
        if not probe.exists():
            self._host.write(probe, b"Freehold\n")

    def plan(self, wanted: Mapping[int, Web | None]) -> dict[int, list[Change]]:
        """Return the differences between disk and what is wanted."""
        found = self._tree.lines_by_subscription(set(wanted))
        return {
            number: self._differences(number, web or _NOTHING, found.get(number, {}))
            for number, web in wanted.items()
        }

    def _differences(
        self, subscription: int, web: Web, found: Mapping[str, list[str]]
    ) -> list[Change]:
        lines = nginx.lines(subscription, web, self._host.platform)
        after = {name: lines.maps.get(name, "").splitlines() for name in nginx.MAPS}
        after["own.conf"] = "".join(self._own_server(*pair) for pair in lines.own).splitlines()
        before = {name: found.get(name, []) for name in after}
        known = {site.id for site in self._applied.get(subscription, _NOTHING).sites}
        kept = {site.id: site for site in web.sites}
        for number in sorted(known | kept.keys()):
            key = trees.site_key(subscription, number)
            site = kept.get(number)
            target = self._places.linked(key)
            before[f"sites/{key}"] = [target] if target else []
            has_files = site is not None and site.document_root
            after[f"sites/{key}"] = [self._places.target(subscription, site)] if has_files else []
            before[f"susp/{key}"] = ["shut"] if self._places.is_shut(key) else []
            after[f"susp/{key}"] = ["shut"] if site and site.state == "suspended" else []
        return [
            Change(what, before[what], after[what])
            for what in before
            if before[what] != after[what]
        ]

    def problem(self) -> str | None:
        """Return why nginx does not serve, None if it does."""
        return self.daemon.problem()

    def watch(self) -> None:
        """Start nginx again whenever it dies; look after its logs."""
        self.daemon.watch()
        self.records.watch()

    def measure(self, numbers: Sequence[int]) -> dict[str, dict[int, int]]:
        """Return what visits took this month, both ways."""
        return {"traffic": self.records.traffic(numbers)}

    def ask(self, what: str, subscription: int, parameters: object) -> dict[str, object]:
        """Answer with the last lines of a site's log."""
        if what != "log":
            return super().ask(what, subscription, parameters)
        held = self._applied.get(subscription, _NOTHING)
        names = {site.id: set(site.all_names) for site in held.sites}
        answer = self.records.logs.last(subscription, names, parameters)
        return answer | {"traffic": self.records.traffic([subscription])[subscription]}

    def stop(self) -> None:
        """Leave; nginx ends where the platform says so."""
        self.daemon.leave()


def _probes(web: Web) -> list[str]:
    """Return the names that a change is proved by: one for each site that has any."""
    return [site.names[0] for site in web.sites if site.state != "disabled"]
