"""Which master runs which pool, and how a master comes to run others."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.php import driver_masters as masters
from hosting.services.php import driver_pools as grammar
from hosting.services.php.driver_masters import MOST_POOLS, Ask, Master
from hosting.services.php.driver_pools import Pool


class Shards:
    """All masters of this node. A pool stays with its master as long as both are there."""

    def __init__(self, host: Host, ask: Ask):
        self._host = host
        self._ask = ask
        self._masters: dict[str, Master] = {}
        # Pool -> key of its master.
        self._places: dict[str, str] = {}
        self._programs = masters.versions(host.platform.programs)
        self._is_watching = False

    def all(self) -> list[Master]:
        """Return the masters that there are."""
        return list(self._masters.values())

    @property
    def reloads(self) -> int:
        """How often any of them has read its configuration anew."""
        return sum(master.reloads + master.starts for master in self.all())

    def read(self) -> None:
        """Find the masters that are on disk; end those whose version is gone."""
        found, orphans = masters.read(self._host, self._ask)
        self._masters = {master.key: master for master in found}
        self._places = {name: one.key for one in found for name in masters.held_by(one)}
        for directory in orphans:
            version, _, number = directory.name.rpartition("-")
            # It ran from where the others are.
            known = next(iter(self._programs.values()))
            program = known.with_name(f"php-fpm{version}")
            Master(self._host, version, int(number), program, self._ask).remove()

    def keep(self, pools: Mapping[str, str]) -> None:
        """Forget where pools are that are not (name -> version); end masters without any."""
        self._places = {
            name: key
            for name, key in self._places.items()
            if pools.get(name) == self._masters[key].version
        }
        used = set(self._places.values())
        for master in self.all():
            if master.key not in used:
                del self._masters[master.key]
                master.remove()

    def of(self, pool: Pool, before: Iterable[Pool] = ()) -> Master:
        """Return a pool's master. A pool that has none takes the place of one that it follows, of
        the same version, or joins the fullest master that has room."""
        key = self._places.get(pool.name)
        if key is None:
            near = (self._places.get(one.name) for one in before if one.version == pool.version)
            key = next(filter(None, near), None) or self._with_room(pool.version).key
            self._places[pool.name] = key
        return self._masters[key]

    def _with_room(self, version: str) -> Master:
        sizes = {key: 0 for key, one in self._masters.items() if one.version == version}
        for key in self._places.values():
            if key in sizes:
                sizes[key] += 1
        for key in sorted(sizes, key=lambda one: (-sizes[one], one)):
            if sizes[key] < MOST_POOLS:
                return self._masters[key]
        taken = {self._masters[key].number for key in sizes}
        number = next(n for n in range(1, len(taken) + 2) if n not in taken)
        made = Master(self._host, version, number, self._programs[version], self._ask)
        self._masters[made.key] = made
        return made

    def masters_of(self, pools: Iterable[Pool]) -> list[Master]:
        """Return the masters of some pools, each once."""
        return list({(one := self.of(pool)).key: one for pool in pools}.values())

    def names(self, master: Master) -> list[str]:
        """Return the pools that a master runs, or is about to."""
        return [name for name, key in self._places.items() if key == master.key]

    def release(self, names: Iterable[str]) -> None:
        """Forget where pools were. What a master still runs of them ends with its next reload."""
        for name in names:
            self._places.pop(name, None)

    # One master.

    def _render(self, master: Master, sections: Mapping[str, str]) -> str:
        ordered = [sections[name] for name in sorted(sections)]
        pid = master.probe.with_suffix(".pid")
        return grammar.master_text(pid, master.log, master.probe, ordered)

    def has(self, master: Master, sections: Mapping[str, str]) -> bool:
        """Say whether a master has these already, on disk as in its memory.

        What its sites have left, and is released, waits for the next reload and does not count.
        """
        text = master.text()
        found = grammar.sections_of(text)
        if any(name in self._places for name in found.keys() - sections.keys()):
            return False
        if any(found.get(name) != section for name, section in sections.items()):
            return False
        is_ours = self._render(master, found) == text
        return is_ours and master.serial() == grammar.serial_in(text)

    def check(self, master: Master, sections: Mapping[str, str]) -> None:
        """Let php-fpm judge what a master should run."""
        try:
            master.lay_out()
            master.write(master.staged, self._render(master, sections))
        except OSError as error:
            raise AgentError("io", str(error)) from error
        master.check(master.staged)

    def activate(
        self, master: Master, sections: Mapping[str, str], fresh: Mapping[str, Path]
    ) -> None:
        """Bring a master to run these, or leave it as it was."""
        before, text = master.text(), self._render(master, sections)
        try:
            master.write(master.conf, text)
            self._load(master, text)
            for name, socket in fresh.items():
                if not master.serves(socket, name):
                    raise AgentError("probe", f"php-fpm does not answer for {name}")
        except (AgentError, OSError) as error:
            if before:
                master.write(master.conf, before)
                self._load(master, before)
            if isinstance(error, OSError):
                raise AgentError("io", str(error)) from error
            raise

    def _load(self, master: Master, text: str) -> None:
        master.reload()
        master.await_serial(grammar.serial_in(text) or "")
        if self._is_watching and not master.is_watched:
            master.watch()

    def bring_up(self, master: Master, sections: Mapping[str, str]) -> None:
        """Have a master run exactly these, as it is on disk, after whatever happened."""
        text = self._render(master, sections)
        if master.text() != text:
            self.check(master, sections)
            master.write(master.conf, text)
        elif master.master() is not None and master.serial() == grammar.serial_in(text):
            return
        self._load(master, text)

    def on_disk(self) -> dict[str, str]:
        """Return the text of every pool on disk, by its name."""
        found: dict[str, str] = {}
        for master in self.all():
            found |= grammar.sections_of(master.text())
        return found

    def left_behind(self) -> set[str]:
        """Return the pools on disk that nobody has any more, and that wait for the next reload.

        In a file that somebody else has changed nothing waits: all that differs is drift.
        """
        found: set[str] = set()
        for master in self.all():
            sections = grammar.sections_of(master.text())
            if self._render(master, sections) == master.text():
                found |= sections.keys() - self._places.keys()
        return found

    def watch(self) -> None:
        """Start masters again whenever they die, those that come later too."""
        self._is_watching = True
        for master in self.all():
            if not master.is_watched:
                master.watch()
