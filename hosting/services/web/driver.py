"""The web driver: names, redirects, document roots and what is shut, on one nginx.

On disk, below the platform's web directory:

    conf/<serial>/   a whole configuration; `current` is a link to the one in force
    sites/s42-7      a link to the document root of site 7 of subscription 42
    susp/s42         subscription 42 is shut; susp/s42-7: its site 7 is
    flags/           files that the marks in susp/ are further names of
    acme/            answers to challenges, for every name
    certificates/    a key and its chain in one file; own.pem is the node's, for names without one
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from hosting.agent import trees
from hosting.agent.driver import Change, Driver, Result
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, told
from hosting.services.web import driver_desired as desired
from hosting.services.web import driver_maps as maps
from hosting.services.web import driver_nginx as nginx
from hosting.services.web.driver_certificates import Certificates, Challenges
from hosting.services.web.driver_desired import Web
from hosting.services.web.driver_held import NOTHING, Held
from hosting.services.web.driver_pages import welcome
from hosting.services.web.driver_places import Places
from hosting.services.web.driver_records import Records
from hosting.services.web.driver_serving import Serving


class WebDriver(Driver[Web]):
    """Websites on nginx, by maps and marks."""

    service = "web"

    def __init__(self, host: Host):
        self._host = host
        self._web = host.platform.web
        self._places = Places(host)
        self._certificates = Certificates(host)
        self._challenges = Challenges(host, self._web / "acme" / nginx.CHALLENGES.strip("/"))
        self._held = Held(host.platform)
        self._serving = Serving(host, self._held, self._certificates)
        self.daemon = self._serving.daemon
        self.records = Records(host, self.daemon.signal_master)

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
        news = self._certificates.prepare(subscription, wanted)
        news |= self._challenges.prepare(wanted)
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
        news |= self._certificates.finish(subscription, held, before)
        return self._challenges.finish(held, before) or news

    def apply(self, wanted: Mapping[int, Web | None]) -> Result:
        """Make it so, with one reload; whoever is at fault stays as it was."""
        result = Result()
        reloads = self.daemon.reloads
        batch = {number: web or NOTHING for number, web in wanted.items()}
        result.failures.update(self._held.taken(batch))
        for number, web in batch.items():
            if number not in result.failures:
                try:
                    if self._prepare(number, web):
                        result.changed.add(number)
                except (AgentError, OSError) as error:
                    result.failures[number] = told(error)
        left = {number: web for number, web in batch.items() if number not in result.failures}
        result.failures.update(self._serving.serve(left))
        for number, web in batch.items():
            before = self._held.of(number)
            held = before if number in result.failures else web
            # What was tried and failed may have left links and marks of sites that are not.
            tried = before.with_all_of(web)
            if self._finish(number, held, tried) or held != before:
                result.changed.add(number)
            if held != before:
                self._held.keep(number, held)
        result.changed -= result.failures.keys()
        result.reloads = self.daemon.reloads - reloads
        return result

    # Beginning, looking, ending.

    def settle(self, applied: Mapping[int, Web], shut: Collection[int]) -> None:
        """Make disk and daemon what the agent's records say."""
        self._lay_out()
        for number, web in applied.items():
            self._held.keep(number, web)
        marks = {trees.home_name(number) for number in shut}
        links = {}
        for number, web in self._held.applied.items():
            for site in web.sites:
                key = trees.site_key(number, site.id)
                if site.document_root:
                    links[key] = self._places.target(number, site)
                if site.state == "suspended":
                    marks.add(key)
        left = self._places.complete(marks, links)
        unused = self._certificates.complete(self._held.applied)
        self._challenges.settle(self._held.applied.values(), Path(nginx.PROBE_PATH).name)
        try:
            self._serving.bring_up_to_date()
        except AgentError:
            return  # problem() tells; the watch and the next batch try again.
        # Only now is nothing served that these belonged to.
        self._places.clear(left)
        self._certificates.clear(unused)

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
        found = self._serving.tree.lines_by_subscription(set(wanted))
        return {
            number: self._differences(number, web or NOTHING, found.get(number, {}))
            for number, web in wanted.items()
        }

    def _differences(
        self, subscription: int, web: Web, found: Mapping[str, list[str]]
    ) -> list[Change]:
        lines = maps.lines(subscription, web, self._host.platform)
        after = {name: lines.maps.get(name, "").splitlines() for name in maps.MAPS}
        own = [self._serving.own_server(*pair) for pair in lines.own]
        after["own.conf"] = "".join(own).splitlines()
        before = {name: found.get(name, []) for name in after}
        known = {site.id for site in self._held.of(subscription).sites}
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
        marks = self._certificates.marks(subscription, web.certificates)
        for key in marks:
            before[f"certificates/{key}"] = self._certificates.mark(key)
            after[f"certificates/{key}"] = marks[key]
        before["acme"] = self._challenges.there(web)
        after["acme"] = [token for token, _answer in web.challenges]
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

    def traffic(self, numbers: Sequence[int], since: str) -> dict[str, dict[int, int]]:
        """Return what visits took each day, both ways."""
        return self.records.days(numbers, since)

    def ask(self, what: str, subscription: int, parameters: object) -> dict[str, object]:
        """Answer with the last lines of a site's log."""
        if what != "log":
            return super().ask(what, subscription, parameters)
        held = self._held.of(subscription)
        names = {site.id: set(site.all_names) for site in held.sites}
        answer = self.records.logs.last(subscription, names, parameters)
        return answer | {"traffic": self.records.this_month(subscription)}

    def stop(self) -> None:
        """Leave; nginx ends where the platform says so."""
        self.daemon.leave()
