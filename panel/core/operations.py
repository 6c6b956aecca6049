"""What can be done, written once: pages, bulk bar, API and command line are doors to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import models
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from panel.core import reasons, rows
from panel.core.access import Actor, OwnedQuerySet, RemovableQuerySet, Role
from panel.core.forms import OperationForm

Text = str | Promise
ANY_ROLE = frozenset(Role)
ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
PROVIDERS = frozenset({Role.ADMINISTRATOR, Role.RESELLER})
# The menu over a list that holds what is wanted rarely (see `Operation.bulk_group`).
MORE = _("More")


class Result(models.TextChoices):
    """What became of one target."""

    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    MISSING = "missing"
    FAILED = "failed"


class Refused(Exception):
    """One target is refused: a code declared in `reasons`, with its parameters."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params

    def __str__(self) -> str:
        return reasons.render(self.code, self.params)


@dataclass(frozen=True)
class Consequence:
    """Something that the operation will bring about, said before it does."""

    text: Text
    tone: str = "info"
    items: Sequence[Text] = ()


@dataclass
class Noun:
    """A kind of object that people name: its words, its model, its place in URLs."""

    name: str
    plural: str
    # A model with `visible_to()`: rows that carry owners.
    model: Any
    label: Text
    labels: Text
    icon: str = "circle"
    url_name: str = ""
    # An operation on the row needs this area of an additional user's role.
    area: str = "accounts"
    # What the API shows of a row: an allow-list, never "all columns".
    api_fields: Sequence[str] = ()
    # The list to go back to, where it is not one of this noun's own.
    list_name: str = ""
    # Of these, what only accounts above the row's own see (the provider's description).
    api_provider_fields: frozenset[str] = frozenset()

    def url(self, pk: int) -> str:
        return reverse(f"{self.url_name}_detail", args=[pk]) if self.url_name else ""

    def list_url(self) -> str:
        return reverse(self.list_name or f"{self.url_name}_list")

    def visible_to(self, actor: Actor) -> OwnedQuerySet:
        rows: OwnedQuerySet = self.model.objects.visible_to(actor)
        return rows


@dataclass
class Step:
    """One chunk of targets on its way through an operation: what it was told and what came out.

    `check` refuses or leaves targets; `perform` changes rows for those still open and may record
    old and new values of each. Whatever is open after `perform` counts as done.
    """

    operation: "Operation"
    actor: Actor
    params: dict[str, Any]
    items: dict[int, dict[str, Any]] = field(default_factory=dict)
    run_id: int | None = None
    targets: dict[int, Any] = field(default_factory=dict)
    results: dict[int, tuple[Result, str, dict[str, Any]]] = field(default_factory=dict)
    changes: dict[int, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)
    created: dict[int, Any] = field(default_factory=dict)
    extra: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    after_commit: list[Any] = field(default_factory=list)
    reindex: dict[str, set[int]] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, target_id: int, code: str, **params: Any) -> None:
        """Refuse a target; the first reason stands."""
        self.results.setdefault(target_id, (Result.REFUSED, code, params))

    def leave(self, target_id: int, code: str = "nothing_changed", **params: Any) -> None:
        """Nothing to do for a target."""
        self.results.setdefault(target_id, (Result.UNCHANGED, code, params))

    def changed(self, target_id: int, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Old and new values of a target, for the activity log. Never a secret."""
        self.changes[target_id] = (old, new)

    def log(self, action: str, target: Any, old: dict[str, Any], new: dict[str, Any]) -> None:
        """An entry besides the one each target gets, for what was changed along with it."""
        self.extra.append((action, target, old, new))

    def index(self, noun: str, ids: Iterable[int]) -> None:
        """These rows' search text has to be made again before the commit."""
        self.reindex.setdefault(noun, set()).update(ids)

    def note(self, code: str, **params: Any) -> None:
        """Something that the person should be told besides (what remains suspended, say)."""
        self.notes.append({"code": code, "params": params})

    @property
    def open(self) -> list[Any]:
        """The targets that nothing stands against so far, in the order they were given."""
        return [row for pk, row in self.targets.items() if pk not in self.results]

    @property
    def open_ids(self) -> list[int]:
        return [pk for pk in self.targets if pk not in self.results]


class Operation:
    """Something that can be done to many objects; one is a batch of one.

    Subclasses state who may, what they need to know, what stands against it and what changes.
    Instances hold no state: everything about a run is in its Step. `panel.core.runs` is the only
    caller of `lock`, `check` and `perform`.
    """

    noun: ClassVar[str]
    verb: ClassVar[str]
    label: ClassVar[Text]
    # Where the button over a list reads otherwise than the one of a single object.
    bulk_label: ClassVar[Text | None] = None
    # Buttons of the same group share a menu ("Change Status").
    group: ClassVar[Text | None] = None
    # The same over lists, where there is less room.
    bulk_group: ClassVar[Text | None] = None
    title: ClassVar[Text | None] = None
    submit_label: ClassVar[Text | None] = None
    roles: ClassVar[frozenset[Role]] = PROVIDERS
    # The area of an additional user's role, and of an API token's scopes, that it belongs to.
    area: ClassVar[str] = "accounts"
    form_class: ClassVar[type[OperationForm] | None] = None
    item_form_class: ClassVar[type[OperationForm] | None] = None
    bulk: ClassVar[bool] = True
    sidebar: ClassVar[bool] = True
    # A second button that opens the page first, where the plain one asks nothing.
    ask_label: ClassVar[Text | None] = None
    # "never", "always", or "many": a page before it acts when there is more than one page of them.
    confirm: ClassVar[str] = "never"
    destructive: ClassVar[bool] = False
    # Set where the operation makes something: the noun of what it makes. Targets are its parents.
    creates: ClassVar[str] = ""
    # The operation that takes back what one run of this did.
    undo: ClassVar[str] = ""
    # Once the form is filled in, says what would happen with that (`foresee`) and what stands
    # against it, before it acts.
    review: ClassVar[bool] = False
    # The words on the button that leads there; None: "Next".
    review_label: ClassVar[Text | None] = None
    # An operation that people do not choose (an undo): no button, no API path, no command.
    hidden: ClassVar[bool] = False
    # Works on what was removed and waits to be purged, and on nothing else.
    in_trash: ClassVar[bool] = False
    # A person who logged in as somebody else may not do it.
    impersonated: ClassVar[bool] = True
    order: ClassVar[int] = 100
    chunk_size: ClassVar[int] = 200
    # The columns of a target that it reads, in a line, where thousands at once are usual: making a
    # row of forty columns costs more than all that is done with it. Empty: everything. What is not
    # named here and read all the same costs a query for each target.
    reads: ClassVar[str] = ""

    @property
    def name(self) -> str:
        return f"{self.noun}.{self.verb}"

    def visible(self, actor: Actor) -> OwnedQuerySet:
        """The rows it may be asked for: of what the actor sees, the present or the removed."""
        rows = nouns[self.noun].visible_to(actor)
        if not isinstance(rows, RemovableQuerySet):
            return rows
        return rows.removed() if self.in_trash else rows.present()

    def targets(self, actor: Actor, ids: Iterable[int]) -> dict[int, Any]:
        """Those of these that the actor may ask it for, by number, in the order given."""
        wanted = list(ids)
        queryset = self.visible(actor).filter(pk__in=rows.among(wanted))
        if self.reads:
            queryset = queryset.only(*self.reads.split())
        found = {row.pk: row for row in queryset}
        return {pk: found[pk] for pk in wanted if pk in found}

    def may(self, actor: Actor) -> bool:
        """Whether the actor's role reaches the operation at all."""
        if actor.role not in self.roles or not actor.may_in(self.area):
            return False
        if actor.subscriptions is not None and self.reaches_beyond_subscriptions:
            return False
        return self.impersonated or actor.real is None

    @property
    def reaches_beyond_subscriptions(self) -> bool:
        """Whether it is more than one may who was given some subscriptions only.

        SECURITY: what is done to a whole customer or plan is done to all subscriptions on it.
        Oneself and one's colleagues (areas "profile" and "users") belong to no subscription.
        """
        if self.area in {"profile", "users"}:
            return False
        return not getattr(nouns[self.noun].model, "subscription_column", "")

    def applies_to(self, target: Any, actor: Actor) -> bool:
        """Whether its button stands in the sidebar of this object."""
        return True

    def offered(self, target: Any, actor: Actor) -> bool:
        """Whether its button stands in the sidebar; narrower than `applies_to` where a refusal
        with its reason is worth more in a bulk outcome than a button that never works."""
        return self.applies_to(target, actor)

    def is_done(self, target: Any) -> bool:
        """Whether it does not apply because the object is so already ("unchanged", not refused)."""
        return False

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        """Initial values of the form; of one target's own values where there is one."""
        return {}

    def item_initial(self, actor: Actor, target: Any) -> dict[str, Any]:
        """The same for the form of each target: what counts where a program says nothing."""
        return {}

    def items_initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        """What is preselected on a page for all targets; one target's own values are its own."""
        return self.item_initial(actor, targets[0]) if len(targets) == 1 else {}

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        """Lock what is read before it is changed: accounts top-down, plans, subscriptions, apexes,
        domains, each by id. The default locks the targets. SQLite locks the whole file before."""
        queryset = self.visible(actor).filter(pk__in=ids).order_by("pk")
        list(queryset.select_for_update(of=("self",)).values_list("pk", flat=True))

    def lock_for(self, actor: Actor, ids: Sequence[int], given: dict[str, Any]) -> None:
        """Lock for a run with these parameters, as they were written down; for an operation whose
        parameters name rows besides its targets (a new owner), in the same order."""
        self.lock(actor, ids)

    def check(self, step: Step) -> None:
        """Refuse or leave targets by set-based queries. Runs after the locks."""

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        """What would happen to these rows (a queryset), counted. Reads only."""
        return []

    def foresee(self, step: Step) -> list[Consequence]:
        """What would happen with these parameters to the targets that nothing stands against: of
        a step that was rehearsed, and is not done. Nothing: it is done without a second page."""
        return []

    def number_to_type(self, actor: Actor, rows: Any, count: int) -> int | None:
        """The number that a person types to confirm, where a lot would be lost; None for none."""
        return None

    def perform(self, step: Step) -> None:
        """Change rows for `step.open`, set-based. Rows only: mail and wake-ups go after_commit."""
        raise NotImplementedError

    @property
    def is_immediate(self) -> bool:
        """Whether it can be done without asking anything."""
        if self.item_form_class is not None:
            return False
        fields = self.form_class.base_fields.values() if self.form_class else ()
        return not self.form_class or (bool(self.ask_label) and not any(f.required for f in fields))

    def can_undo(self) -> bool:
        """Whether a run's outcome offers to take it back."""
        return bool(self.undo)

    def button_label(self, target: Any) -> Text:
        """The words on its button for this object."""
        return self.label

    def button_about(self, target: Any) -> Text:
        """What these words are about, where they do not say so themselves."""
        return ""

    def parent_of(self, actor: Actor, params: dict[str, Any]) -> int:
        """For what makes something: the row it is made below; one's own account by default."""
        return actor.account_id

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        """Where a person goes after doing it to one object; "" for the object itself."""
        return ""


operations: dict[str, Operation] = {}
nouns: dict[str, Noun] = {}


def register_noun(noun: Noun) -> Noun:
    nouns[noun.name] = noun
    return noun


def register(cls: type[Operation]) -> type[Operation]:
    """Class decorator: make the operation known to all doors."""
    operation = cls()
    if operation.bulk and operation.form_class and operation.form_class.secret_fields:
        # A run in the background has only what was written down, and secrets never are.
        raise ValueError(f"operation {operation.name} takes a secret: it is for one target")
    if operation.review and operation.form_class and operation.form_class.secret_fields:
        # A page never shows again what is secret: it would have to be typed twice.
        raise ValueError(f"operation {operation.name} takes a secret: it has no review")
    if operation.name in operations:
        raise ValueError(f"operation {operation.name} exists already")
    operations[operation.name] = operation
    return cls


def operations_of(noun: str, actor: Actor, *, bulk: bool = False) -> list[Operation]:
    """What the actor may do to objects of this noun, in the order of buttons."""
    found = [
        operation
        for operation in operations.values()
        if operation.noun == noun
        and not operation.hidden
        and not operation.creates
        and operation.may(actor)
        and (operation.bulk if bulk else operation.sidebar)
    ]
    return sorted(found, key=lambda operation: (operation.order, operation.name))


def operations_for(target: Any, noun: str, actor: Actor) -> list[Operation]:
    """What stands in the sidebar of this object for this actor."""
    removed = getattr(target, "removing_at", None) is not None
    return [
        op
        for op in operations_of(noun, actor)
        if op.in_trash == removed and op.offered(target, actor)
    ]
