"""Who is asked for a code, and has a passkey: a customer on each side, and an additional user."""

from accounts import passkeys, second_factor
from tests.accounts.authenticators import Device
from tests.world import World


def give(world: World, customer: str) -> list[str]:
    """Secrets and recovery codes, the customer's own first; nobody is ever shown them again."""
    found = []
    for login in (customer, f"{customer}-extra"):
        secret, codes = second_factor.new_secret(), second_factor.new_recovery_codes()
        second_factor.turn_on(world.user(login), secret, 0, codes)
        found += [secret, *codes]
        asked, challenge = passkeys.ask_to_make(world.user(login))
        made = passkeys.read_new(Device().make(asked), challenge)
        passkeys.add(world.user(login), "A phone", made)
    return found
