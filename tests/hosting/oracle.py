"""What suspension should be, kept as plain sets: who set what on which object, and whose it is.

Knows the rules of who sets and lifts what, and nothing of rows or queries.
"""

from dataclasses import dataclass, field

ADMINISTRATOR, RESELLER, CUSTOMER = "administrator", "reseller", "customer"
# Who is above whom, and whose the subscriptions are, to begin with.
OWNERS = {
    "carl.example": "carl",
    "shop.example": "carl",
    "cleo.example": "cleo",
    "ada.example": "ada",
    "nora.example": "nora",
}
ABOVE = {"carl": "ada", "cleo": "ada", "nora": "ben"}
ACCOUNTS = ["carl", "cleo", "nora", "ada"]
TARGETS = [*ACCOUNTS, *OWNERS]
# Things have to meet to be interesting, so most of them happen to Carl and what is his.
OFTEN = [*TARGETS, *["carl"] * 3, *["carl.example"] * 4, "ada", "ada", "shop.example"]
Key = tuple[str, str]


@dataclass
class Oracle:
    """Entries by object, as sets; which run set them; whose what is; what is in the trash, and
    since when."""

    entries: dict[str, dict[Key, int | None]] = field(
        default_factory=lambda: {name: {} for name in [*TARGETS, "ben", "admin"]}
    )
    panel_only: set[Key] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=lambda: dict(OWNERS))
    above: dict[str, str] = field(default_factory=lambda: dict(ABOVE))
    resellers: set[str] = field(default_factory=lambda: {"ada", "ben"})
    removed: dict[str, int] = field(default_factory=dict)
    moment: int = 0

    def owner(self, name: str) -> str:
        return self.owners.get(name, name)

    def chain(self, name: str) -> list[str]:
        """The object and all accounts above it, but the administrator's."""
        owner = self.owner(name)
        return list(
            dict.fromkeys([name, owner, *([self.above[owner]] if owner in self.above else [])])
        )

    def shuts(self, name: str, on: str) -> bool:
        """Whether entries on `on` shut `name`."""
        keys = set(self.entries[on])
        return bool(keys if on == name or on != "ada" else keys - self.panel_only)

    def is_shut(self, name: str) -> bool:
        return any(self.shuts(name, on) for on in self.chain(name))

    def sees(self, actor: str, name: str) -> bool:
        return actor == "admin" or actor in self.chain(name)

    def level(self, actor: str, name: str) -> str:
        if actor == "admin":
            return ADMINISTRATOR
        return CUSTOMER if self.owner(name) == actor else RESELLER

    def below(self, account: str) -> list[str]:
        found = [name for name in self.owners if account in self.chain(name)]
        return [name for name in found if name not in self.removed]

    def liftable(self, actor: str, name: str, *, abuse: bool, billing: bool) -> set[Key]:
        own = self.level(actor, name)
        levels = {ADMINISTRATOR: {ADMINISTRATOR, RESELLER}, RESELLER: {RESELLER}}.get(own, {own})
        return {
            (level, kind)
            for level, kind in self.entries[name]
            if level in levels and (kind == "unpaid" if billing else kind != "abuse" or abuse)
        }

    def activate(self, actor: str, name: str, *, own: bool, abuse: bool, billing: bool) -> bool:
        """Lift; whether there was anything to lift."""
        may = self.liftable(actor, name, abuse=abuse, billing=billing)
        highest = next((x for x in (ADMINISTRATOR, RESELLER, CUSTOMER) if x in dict(may)), None)
        along: list[tuple[str, Key]] = []
        if own and name in ACCOUNTS:
            for below in self.below(name):
                keys = self.liftable(actor, below, abuse=abuse, billing=billing)
                along += [(below, key) for key in keys if key[0] != CUSTOMER]
        for key in may:
            if key[0] == highest:
                del self.entries[name][key]
        for below, key in along:
            del self.entries[below][key]
        return bool(highest or along)

    def reseller(self, name: str) -> str:
        """The reseller at or above an object; "" directly below the administrator."""
        owner = self.owner(name)
        return self.above.get(owner, owner if owner in self.resellers else "")

    def move(self, name: str, to: str) -> None:
        """Another provider; what the old reseller set is the administrator's where that is it."""
        had_reseller = self.above.pop(name, "")
        if to != "admin":
            self.above[name] = to
        elif had_reseller:
            for on in [name, *(one for one, owner in self.owners.items() if owner == name)]:
                self._relevel(on, ADMINISTRATOR)

    def convert(self, name: str) -> None:
        """A customer becomes a reseller below the administrator."""
        self.move(name, "admin")
        self.resellers.add(name)

    def _relevel(self, name: str, level: str) -> None:
        for key in [key for key in self.entries[name] if key[0] == RESELLER]:
            run = self.entries[name].pop(key)
            self.entries[name].setdefault((level, key[1]), run)

    def undo(self, actor: str, name: str, run: int) -> None:
        """What that run set and the actor still reaches is gone."""
        if name in self.removed or not self.sees(actor, name):
            return
        levels = [ADMINISTRATOR, RESELLER, CUSTOMER]
        reach = levels[levels.index(self.level(actor, name)) :]
        self.entries[name] = {
            key: by for key, by in self.entries[name].items() if by != run or key[0] not in reach
        }

    def hand_over(self, name: str, to: str) -> None:
        """What the reseller above had set stands at another level where it is above no more."""
        before = self.reseller(name)
        self.owners[name] = to
        if to in self.above or not before:
            return
        self._relevel(name, CUSTOMER if before == to else ADMINISTRATOR)

    def holds(self, name: str) -> bool:
        """Whether an entry of the administrator's is on it, above it or in it."""
        inside = [one for one, owner in self.owners.items() if owner == name]
        keys = {key for on in [*self.chain(name), *inside] for key in self.entries[on]}
        return any(level == ADMINISTRATOR for level, _kind in keys)
