"""What the web driver holds to be in force: the sites of each subscription, and whose a name is."""

from collections.abc import Mapping

from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError
from hosting.services.web import driver_maps as maps
from hosting.services.web.driver_desired import Web

NOTHING = Web()


class Held:
    """The applied state of all subscriptions, with their lines of the maps."""

    def __init__(self, platform: Platform):
        self._platform = platform
        self.applied: dict[int, Web] = {}
        self.lines: dict[int, maps.Lines] = {}
        self._owners: dict[str, int] = {}

    def of(self, subscription: int) -> Web:
        """Return the sites of a subscription."""
        return self.applied.get(subscription, NOTHING)

    def keep(self, subscription: int, web: Web) -> None:
        """Remember what is in force."""
        for name in self.of(subscription).all_names:
            if self._owners.get(name) == subscription:
                del self._owners[name]
        self.applied.pop(subscription, None)
        self.lines.pop(subscription, None)
        if web.sites or web.mail:
            self.applied[subscription] = web
            self.lines[subscription] = maps.lines(subscription, web, self._platform)
            self._owners.update(dict.fromkeys(web.all_names, subscription))

    def taken(self, wanted: Mapping[int, Web]) -> dict[int, AgentError]:
        """Return who asks for a name that another subscription has or keeps."""
        failures: dict[int, AgentError] = {}
        while True:
            owners: dict[str, int] = {}
            for number in failures:
                kept = self.of(number).all_names
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
