"""The PHP driver: php-fpm pools that run as their subscriptions' own users.

On disk, below the node's directory and the one for sockets:

    php/8.2-1/pools.conf    what the first master of PHP 8.2 runs
    run/php/pools/s42-…     where a pool of subscription 42 listens
    run/php/s42-7           a link to that, for site 7: its PHP is on
"""

import signal
from collections.abc import Collection, Iterable, Mapping

from hosting.agent import trees
from hosting.agent.driver import Change, Driver, Result, sift
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError, told
from hosting.services.php import driver_desired as desired
from hosting.services.php import driver_fastcgi as fastcgi
from hosting.services.php import driver_masters as masters
from hosting.services.php import driver_pools as grammar
from hosting.services.php.driver_desired import Php
from hosting.services.php.driver_masters import Ask, Master
from hosting.services.php.driver_places import Places
from hosting.services.php.driver_pools import Pool, Surroundings
from hosting.services.php.driver_shards import Shards
from hosting.services.php.driver_table import NEWEST, version_key

_NOTHING = Php()
# So many new pools are asked after a reload, each at the price of a process; that all of them
# listen follows from the master's answer, which does not begin before.
_MOST_ASKED = 25


class PhpDriver(Driver[Php]):
    """PHP of websites on php-fpm, by pools and links."""

    service = "php"

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node can run PHP: it has php-fpm, and a user for each subscription."""
        return platform.isolates and bool(masters.versions(platform.programs))

    def __init__(self, host: Host, ask: Ask = fastcgi.ask):
        self._host = host
        self._places = Places(host)
        self._installed = sorted(masters.versions(host.platform.programs), key=version_key)
        self.shards = Shards(host, ask)
        self._applied: dict[int, Php] = {}
        self._pools_held: dict[int, dict[int, Pool]] = {}
        self._by_name: dict[str, Pool] = {}
        # Text of pools by name, held or tried.
        self._text: dict[str, str] = {}
        self._unsettled: dict[int, str] = {}

    def offers(self) -> dict[str, object]:
        """Return the versions that are installed."""
        return {"versions": list(self._installed)}

    def parse(self, value: object) -> Php:
        """Return the websites with PHP of a subscription, checked."""
        return desired.parse(value)

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """End what runs for those that are shut: nginx lets nobody through to them any more."""
        if not shut:
            return
        users = {self._host.platform.uid_of(number) for number in shut}
        for master in self.shards.all():
            for pid, uid in master.children().items():
                if uid in users:
                    self._host.signal(pid, signal.SIGKILL)

    # What subscriptions need.

    def _pools(self, subscription: int, php: Php) -> dict[int, Pool]:
        """Return the pool of each site; AgentError for a version that is not here."""
        for site in php.sites:
            if site.version != NEWEST and site.version not in self._installed:
                has = ", ".join(self._installed)
                words = f"PHP {site.version} is not installed on this node. It has: {has}."
                raise AgentError("refused", words)
        return grammar.pools_of(subscription, php, self._installed[-1])

    def _text_of(self, pool: Pool) -> str:
        """Return a pool's section; AgentError if something of it has no place there."""
        text = self._text.get(pool.name)
        if text is None:
            uid = self._host.platform.uid_of(pool.subscription)
            home = self._host.platform.homes / trees.home_name(pool.subscription)
            socket = self._places.socket(pool.name)
            user = str(self._host.platform.web_user)
            text = grammar.pool_text(pool, Surroundings(uid or 0, home, socket, user))
            self._text[pool.name] = text
        return text

    def _hold(self, number: int, php: Php, pools: Mapping[int, Pool]) -> None:
        """Remember what is in force."""
        for pool in self._pools_held.pop(number, {}).values():
            self._by_name.pop(pool.name, None)
        self._applied.pop(number, None)
        if php.sites:
            self._applied[number] = php
            self._pools_held[number] = dict(pools)
            self._by_name.update({pool.name: pool for pool in pools.values()})

    # Making it so.

    def apply(self, wanted: Mapping[int, Php | None]) -> Result:
        """Make it so, with one reload of each master; whoever is at fault stays as it was."""
        result = Result()
        reloads = self.shards.reloads
        batch = {number: php or _NOTHING for number, php in wanted.items()}
        pools = {number: self._ready(number, php, result) for number, php in batch.items()}
        left = {number: pools[number] for number in batch if number not in result.failures}
        for number, found in left.items():
            # Before there is nobody at the other end.
            gone = self._pools_held.get(number, {}).keys() - found.keys()
            for site in gone:
                if self._places.unlink(trees.site_key(number, site)):
                    result.changed.add(number)
        result.failures |= self._serve(left)
        for number, found in left.items():
            failed = number in result.failures
            for site, pool in (self._pools_held.get(number, {}) if failed else found).items():
                if self._places.link(trees.site_key(number, site), pool.name):
                    result.changed.add(number)
            if not failed:
                self._unsettled.pop(number, None)
            if not failed and self._applied.get(number, _NOTHING) != batch[number]:
                result.changed.add(number)
                self._hold(number, batch[number], found)
        self._let_go({pool.name for found in pools.values() for pool in found.values()})
        result.changed -= result.failures.keys()
        result.reloads = self.shards.reloads - reloads
        return result

    def _ready(self, number: int, php: Php, result: Result) -> dict[int, Pool]:
        """Make ready what pools need before they are known; return the pool of each site."""
        try:
            found = self._pools(number, php)
            for pool in found.values():
                self._text_of(pool)
                self._places.make_room(pool.name)
            if found and self._places.prepare(number):
                result.changed.add(number)
            return found
        except (AgentError, OSError) as error:
            result.failures[number] = told(error)
        return {}

    def _let_go(self, tried: Collection[str]) -> None:
        """Forget what is nobody's: left behind just now, or tried and failed."""
        names = {*self._text, *tried} - self._by_name.keys()
        self.shards.release(names)
        for name in names:
            self._text.pop(name, None)
        if names:
            self._places.clear({*self._by_name, *self.shards.on_disk()})

    def _serve(self, batch: Mapping[int, Mapping[int, Pool]]) -> dict[int, AgentError]:
        """Have the masters run the pools of a batch; return who is at fault."""
        wanted = {n: {pool.name: pool for pool in found.values()} for n, found in batch.items()}
        # What a site leaves for another pool runs on until the next reload: requests may be on
        # their way to it. What is nobody's any more goes with this one.
        gone = {
            pool.name: number
            for number, found in wanted.items()
            for pool in ({} if found else self._pools_held.get(number, {})).values()
        }
        asked: dict[str, set[int]] = {}
        for number, found in wanted.items():
            before = self._pools_held.get(number, {}).values()
            for pool in found.values():
                asked.setdefault(self.shards.of(pool, before).key, set()).add(number)
        failures: dict[int, AgentError] = {}
        for master in self.shards.all():
            names = self.shards.names(master)
            leaving = {name: gone[name] for name in names if name in gone}
            mine = sorted(asked.get(master.key, set()) - failures.keys())
            if not mine and not leaving:
                continue
            base = {
                name: self._text_of(self._by_name[name])
                for name in names
                if name in self._by_name and name not in leaving
            }
            parts = {
                number: {
                    name: self._text_of(pool)
                    for name, pool in wanted[number].items()
                    if self.shards.of(pool) is master
                }
                for number in mine
            }
            try:
                failures |= self._serve_by(master, base, parts)
            except AgentError as error:
                failures |= dict.fromkeys({*mine, *leaving.values()}, error)
        return failures

    def _serve_by(
        self,
        master: Master,
        base: Mapping[str, str],
        parts: Mapping[int, Mapping[str, str]],
    ) -> dict[int, AgentError]:
        """Have one master run what it is to run besides what it goes on to; return who is at fault.

        AgentError: it is nobody's fault among these.
        """

        def sections(numbers: Iterable[int]) -> dict[str, str]:
            found = dict(base)
            for number in numbers:
                found |= parts[number]
            return found

        def checked(numbers: Iterable[int]) -> None:
            self.shards.check(master, sections(numbers))

        def served(numbers: Iterable[int]) -> None:
            every, known = sections(numbers), masters.held_by(master)
            fresh = sorted(every.keys() - known)[:_MOST_ASKED]
            sockets = {name: self._places.socket(name) for name in fresh}
            self.shards.activate(master, every, sockets)

        if self.shards.has(master, sections(parts)):
            return {}
        good: tuple[int, ...] = tuple(parts)
        failures: dict[int, AgentError] = {}
        try:
            checked(good)
        except AgentError:
            checked(())
            good, failures = sift(good, checked)
        if not good:
            if not self.shards.has(master, base):
                served(())
            return failures
        return failures | sift(good, served)[1]

    # Beginning, looking, ending.

    def settle(self, applied: Mapping[int, Php], shut: Collection[int]) -> None:
        """Make disk and daemons what the agent's records say."""
        self._places.lay_out()
        for number, php in applied.items():
            try:
                found = self._pools(number, php)
                self._hold(number, php, found)
                for pool in found.values():
                    self._places.make_room(pool.name)
                self._places.prepare(number)
            except (AgentError, OSError) as error:
                # Its version is gone, or its home is not as it was: the next batch tells.
                self._unsettled[number] = str(error)
        self.shards.read()
        self.shards.keep({name: pool.version for name, pool in self._by_name.items()})
        self._places.complete(
            {
                trees.site_key(number, site): pool.name
                for number, found in self._pools_held.items()
                for site, pool in found.items()
            }
        )
        for pool in self._by_name.values():
            self.shards.of(pool)
        for master in self.shards.all():
            texts = {n: self._text_of(self._by_name[n]) for n in self.shards.names(master)}
            try:
                self.shards.bring_up(master, texts)
            except (AgentError, OSError):
                continue  # problem() tells; the watch and the next batch try again.
        self._places.clear(self._by_name)
        self.switch(shut, ())

    def plan(self, wanted: Mapping[int, Php | None]) -> dict[int, list[Change]]:
        """Return the differences between disk and what is wanted."""
        left = self.shards.left_behind()
        on_disk = {name: text for name, text in self.shards.on_disk().items() if name not in left}
        return {
            number: self._differences(number, php or _NOTHING, on_disk)
            for number, php in wanted.items()
        }

    def _differences(self, number: int, php: Php, on_disk: Mapping[str, str]) -> list[Change]:
        found = self._pools(number, php)
        held = {site.id for site in self._applied.get(number, _NOTHING).sites}
        before: dict[str, list[str]] = {}
        after: dict[str, list[str]] = {}
        for name, text in on_disk.items():
            if grammar.owner_of(name) == number:
                before[f"php/{name}"] = text.splitlines()
        for pool in found.values():
            after[f"php/{pool.name}"] = self._text_of(pool).splitlines()
        for site in sorted(held | found.keys()):
            key = trees.site_key(number, site)
            before[f"run/php/{key}"] = [target] if (target := self._places.linked(key)) else []
            after[f"run/php/{key}"] = [f"pools/{found[site].name}"] if site in found else []
        if php.sites:
            after["home"] = []
            before["home"] = [f"without {name}" for name in self._places.lacks(number)]
        return [
            Change(what, before.get(what, []), after.get(what, []))
            for what in sorted(before.keys() | after.keys())
            if before.get(what, []) != after.get(what, [])
        ]

    def problem(self) -> str | None:
        """Return what is wrong with any master, or which versions are gone; None if all serve."""
        found = [words for master in self.shards.all() if (words := master.problem()) is not None]
        if self._unsettled:
            number, words = next(iter(self._unsettled.items()))
            found.append(f"{len(self._unsettled)} without PHP, such as {number}: {words}")
        return "; ".join(found) or None

    def watch(self) -> None:
        """Start masters again whenever they die."""
        self.shards.watch()

    def stop(self) -> None:
        """Leave the masters, or take them along where the platform says so."""
        for master in self.shards.all():
            master.leave()
