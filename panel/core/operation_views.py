"""The page of an operation: for one from its sidebar, for many from a list, for adding."""

from collections.abc import Container
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from panel.core import chunks, reasons, review, runs
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.http import PanelRequest
from panel.core.item_forms import MOST, ItemForms
from panel.core.lists import Listing, ListPage
from panel.core.operations import Operation, Result, nouns, operations
from panel.core.path_bar import crumbs, step_to_list
from panel.core.views import go, nothing_selected
from panel.core.work import State

SHOWN = 20
MANY = 25
MAX_ID = 2**63 - 1


def parse_ids(texts: list[str]) -> list[int]:
    """Numbers among what was posted; anything else is no id. ASCII only: '²'.isdigit() is true."""
    found = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 19]
    return [number for number in dict.fromkeys(found) if 0 < number <= MAX_ID]


def find(noun: str, verb: str, actor: Actor) -> Operation:
    """The operation behind a piece of an address; 404 if none, 403 if not for this role."""
    operation = operations.get(f"{noun}.{verb}")
    if operation is None or operation.hidden:
        raise Http404
    if not operation.may(actor):
        raise PermissionDenied
    return operation


class OperationView(View):
    """Shared by the doors below: forms, refusals, consequences, running, where to go after."""

    noun: ClassVar[str] = ""
    request: PanelRequest
    http_method_names = ["get", "head", "post"]

    def form(
        self, operation: Operation, rows: list[Any], data: QueryDict | None, initial: dict[str, Any]
    ) -> Any:
        if operation.form_class is None:
            return None
        files = self.request.FILES
        given = {"initial": initial} if data is None else {"data": data, "files": files}
        return operation.form_class(actor=self.request.actor, targets=rows, **given)

    def items(
        self, operation: Operation, queryset: Any, data: QueryDict | None
    ) -> ItemForms | None:
        """The forms that ask something of each target."""
        rows = list(queryset[: MOST + 1]) if operation.item_form_class else []
        return ItemForms.make(operation, self.request.actor, rows, data)

    def page(self, operation: Operation, queryset: Any, form: Any, **more: Any) -> HttpResponse:
        """The page that says what will happen, to which, and what stands against it."""
        actor = self.request.actor
        count = more.pop("count")
        rows = list(queryset[:SHOWN])
        noun = nouns[operation.noun]
        is_making, is_single = bool(operation.creates), more.pop("single", False)
        items = more.pop("items", None) or self.items(operation, queryset, None)
        shown = {
            "title": more.pop("title", None) or operation.title or operation.label,
            "lead": more.pop("lead", ""),
            "targets": []
            if is_making or is_single
            else [{"label": str(row), "url": noun.url(row.pk), "detail": ""} for row in rows],
            "more": 0 if is_making else max(0, count - len(rows)),
            "target_count": count,
            "refusals": more.pop("refusals", None) or self.refusals(operation, queryset, count),
            "consequences": [
                *([] if is_making else operation.consequences(actor, queryset)),
                *more.pop("foreseen", []),
            ],
            "form": form,
            "item_rows": items.rows() if items else [],
            "shared": items.shared if items and items.shared.fields else None,
            "hidden": more.pop("hidden", []),
            "submit_label": self.submit_label(operation, is_last=more.pop("is_last", False)),
            "submit_tone": "danger" if operation.destructive else "primary",
            "cancel_url": more.pop("cancel_url"),
            "type_number": operation.number_to_type(actor, queryset, count),
            "error_summary": [
                *error_summary(form),
                *(error_summary(items.shared) if items else []),
                *(
                    line
                    for row in (items.rows() if items else [])
                    for line in error_summary(row["form"])
                ),
            ],
        }
        status = 422 if shown["error_summary"] else more.pop("status", 200)
        return self.render(shown, more.pop("path", []), status)

    def render(self, shown: dict[str, Any], path: Any, status: int) -> HttpResponse:
        context = {"page": shown, "path": path}
        return render(self.request, "core/operation.html", context, status=status)

    def submit_label(self, operation: Operation, *, is_last: bool) -> Any:
        """The words on the button; "Next" where what would happen is said first."""
        if operation.review and not is_last:
            return operation.review_label or _("Next")
        return operation.submit_label or (_("Yes") if operation.destructive else _("OK"))

    def review(
        self, operation: Operation, queryset: Any, form: Any, items: ItemForms | None, around: dict
    ) -> HttpResponse | None:
        """What would happen with what was typed; None once that has been seen."""
        seal = review.seal(form, items)
        if not operation.review or self.request.POST.get(review.FIELD) == seal:
            return None
        rows = list(queryset[: review.REHEARSED])
        step = review.rehearse(operation, self.request.actor, rows, form, items)
        foreseen = operation.foresee(step) if step.open_ids else []
        if len(step.open_ids) == around["count"] and not foreseen:
            return None
        can_go_on = bool(step.open_ids) or around["count"] > len(rows)
        hidden = [*around["hidden"], (review.FIELD, seal)] if can_go_on else around["hidden"]
        shown = {
            "lead": _("Nothing has been changed yet.") if can_go_on else "",
            "foreseen": [*foreseen, *review.unchanged(step)],
            "refusals": self.problems(step, {Result.REFUSED, Result.MISSING}),
            "is_last": can_go_on,
            "hidden": hidden,
        }
        return self.page(operation, queryset, form, items=items, **{**around, **shown})

    def refusals(self, operation: Operation, queryset: Any, count: int) -> list[dict[str, Any]]:
        """What stands against it, as far as is known before anything is typed."""
        if operation.form_class is not None or count > review.REHEARSED:
            return []
        ids = list(queryset.values_list("pk", flat=True))
        return self.problems(runs.rehearse(operation, self.request.actor, ids))

    def problems(
        self, step: Any, told: Container[Result] = frozenset(Result) - {Result.DONE}
    ) -> list[dict[str, Any]]:
        noun = nouns[step.operation.noun]
        return [
            refusal(
                str(step.targets.get(pk, f"#{pk}")),
                noun.url(pk) if pk in step.targets else None,
                code,
                params,
            )
            for pk, (result, code, params) in step.results.items()
            if result in told
        ]

    def typed_wrong(self, operation: Operation, queryset: Any, count: int) -> str:
        """What is wrong with the number that was to be typed; "" if nothing is."""
        expected = operation.number_to_type(self.request.actor, queryset, count)
        if expected is None or self.request.POST.get("typed_number", "").strip() == str(expected):
            return ""
        return _("Type %(number)s to confirm.") % {"number": expected}


def refusal(label: str, url: str | None, code: str, params: dict[str, Any]) -> dict[str, Any]:
    """One target that is refused, for the page: why, and where something can be done about it."""
    return {
        "label": label,
        "url": url,
        "reason": reasons.render(code, params),
        "action": reasons.action(code, params),
    }


def all_valid(form: Any, items: ItemForms | None) -> bool:
    """Whether everything that was typed is; both are asked, so that all errors show at once."""
    sound = [form is None or form.is_valid(), items is None or items.is_valid()]
    return all(sound)


def error_summary(form: Any) -> list[tuple[str, str, str]]:
    """Errors of a form for the summary on top: (label, message, id of the field)."""
    if form is None or not form.is_bound:
        return []
    found = []
    for name, errors in form.errors.items():
        field = form[name] if name in form.fields else None
        label = str(field.label) if field else ""
        found += [(label, str(error), field.id_for_label if field else "") for error in errors]
    return found


class SingleOperationView(OperationView):
    """One object, from its sidebar. GET shows the page, POST does it."""

    # Where one lands if the object is gone afterwards and can no longer say so itself.
    landing_before = ""

    def get(self, request: PanelRequest, pk: int, verb: str) -> HttpResponse:
        operation, queryset, target = self.target(pk, verb)
        form = self.form(operation, [target], None, operation.initial(request.actor, [target]))
        return self.page(operation, queryset, form, **self.surroundings(operation, target))

    def target(self, pk: int, verb: str) -> tuple[Operation, Any, Any]:
        actor = self.request.actor
        queryset = None
        operation = operations.get(f"{self.noun}.{verb}")
        if operation is not None and not operation.hidden:
            queryset = operation.visible(actor).filter(pk=pk)
        target = queryset.first() if queryset is not None else None
        # What one may not see is not found, before the role is asked: 403 would tell it exists.
        if operation is None or target is None:
            raise Http404
        if not operation.may(actor):
            raise PermissionDenied
        return operation, queryset, target

    def surroundings(self, operation: Operation, target: Any) -> dict[str, Any]:
        noun = nouns[self.noun]
        url = noun.url(target.pk)
        return {
            "count": 1,
            "single": True,
            "title": f"{operation.title or operation.label}: {target}",
            "cancel_url": url,
            "hidden": [("confirmed", "1")],
            "path": crumbs(
                step_to_list(noun, self.request.actor),
                (str(target), url),
                (operation.label, None),
            ),
        }

    def post(self, request: PanelRequest, pk: int, verb: str) -> HttpResponse:
        operation, queryset, target = self.target(pk, verb)
        around = self.surroundings(operation, target)
        direct = operation.is_immediate and operation.confirm != "always"
        if not direct and "confirmed" not in request.POST:
            return self.get(request, pk, verb)
        form = self.form(operation, [target], request.POST, {})
        items = self.items(operation, queryset, request.POST)
        if not all_valid(form, items):
            return self.page(operation, queryset, form, items=items, **around)
        if page := self.review(operation, queryset, form, items, around):
            return page
        if wrong := self.typed_wrong(operation, queryset, 1):
            told = [{"label": str(target), "url": None, "reason": wrong}]
            return self.page(operation, queryset, form, refusals=told, status=422, **around)
        plain, secret = form.raw_params() if form is not None else ({}, {})
        self.landing_before = operation.landing(request.actor, pk, None)
        if items is not None:
            plain[chunks.FOR_ALL], _each = items.raw()
        outcome = runs.perform(operation, request.actor, [pk], params=plain, secrets=secret)
        finding = outcome.findings[0]
        asked = form is not None or items is not None
        if asked and finding.result == Result.REFUSED and not direct:
            told = [refusal(str(target), None, finding.code, finding.params)]
            around |= {"refusals": told, "items": items, "status": 409}
            return self.page(operation, queryset, form, **around)
        return go(self.after(operation, pk, finding, outcome))

    def after(self, operation: Operation, pk: int, finding: Any, outcome: Any) -> str:
        actor, noun = self.request.actor, nouns[self.noun]
        landing = operation.landing(actor, pk, finding.created_id)
        if not landing and finding.created_id and nouns[operation.creates].url_name:
            landing = nouns[operation.creates].url(finding.created_id)
        if not landing:
            still = noun.visible_to(actor).filter(pk=pk).exists()
            landing = noun.url(pk) if still else self.landing_before or noun.list_url()
        return f"{landing}{'&' if '?' in landing else '?'}run={outcome.run_id}"


class BulkOperationView(OperationView):
    """Many objects, from a list; `add` makes a new one."""

    list_page: ClassVar[type[ListPage]] = ListPage

    def list_url(self) -> str:
        return reverse(f"{nouns[self.noun].url_name}_list")

    def back(self, query: str, run: BulkRun | None = None) -> str:
        """The same list, filter and page; never anything but the query string is the client's."""
        values = QueryDict(query.removeprefix("?")[:2000], mutable=True)
        values.pop("run", None)
        if run is not None:
            values["run"] = str(run.pk)
        encoded = values.urlencode()
        return f"{self.list_url()}?{encoded}" if encoded else self.list_url()

    def get(self, request: PanelRequest, verb: str) -> HttpResponse:
        operation = find(self.noun, verb, request.actor)
        run = self.draft(operation, request.GET.get("selection", ""))
        if run is None:
            nothing_selected(request, self.noun)
            return go(self.list_url())
        queryset = self.targets(operation, run)
        form = self.form(
            operation, list(queryset[:SHOWN]), None, operation.initial(request.actor, [])
        )
        return self.page(operation, queryset, form, **self.surroundings(operation, run))

    def post(self, request: PanelRequest, verb: str) -> HttpResponse:
        operation = find(self.noun, verb, request.actor)
        if not operation.bulk:
            raise Http404
        if "selection" in request.POST:
            return self.confirmed(operation)
        return self.selected(operation)

    def draft(self, operation: Operation, text: str) -> BulkRun | None:
        ids = parse_ids([text])
        drafts = BulkRun.objects.visible_to(self.request.actor).filter(
            operation=operation.name, state=State.DRAFT
        )
        return drafts.filter(pk=ids[0]).first() if ids else None

    def targets(self, operation: Operation, run: BulkRun) -> Any:
        chosen = BulkTarget.objects.filter(run=run).values("target_id")
        return operation.visible(self.request.actor).filter(pk__in=chosen).order_by("pk")

    def surroundings(self, operation: Operation, run: BulkRun) -> dict[str, Any]:
        label = operation.bulk_label or operation.label
        return {
            "count": run.total,
            "title": operation.title or label,
            "cancel_url": self.back(run.back),
            "hidden": [("selection", str(run.pk))],
            "path": crumbs((nouns[self.noun].labels, self.back(run.back)), (label, None)),
        }

    def selected(self, operation: Operation) -> HttpResponse:
        """A selection arrives from the list: ask first, or do it."""
        request, actor = self.request, self.request.actor
        query = request.POST.get("query", "")
        if request.POST.get("all"):
            params = QueryDict(query.removeprefix("?")).dict()
            listing = Listing(self.list_page(), actor, params)
            if not listing.filterset.is_valid():
                nothing_selected(request, self.noun)
                return go(self.back(query))
            run = runs.start_matching(operation, actor, listing.matching, back=query)
        else:
            ids = parse_ids(request.POST.getlist("ids"))
            run = runs.start(operation, actor, ids, back=query, state=State.DRAFT)
        if not run.total:
            run.delete()
            nothing_selected(request, self.noun)
            return go(self.back(query))
        size = request.POST.get("size", "")
        many = run.total > (int(size) if size in {"25", "50", "100"} else MANY)
        ask = "ask" in request.GET or not operation.is_immediate
        if ask or operation.confirm == "always" or (operation.confirm == "many" and many):
            url = reverse(f"{nouns[self.noun].url_name}_bulk", args=[operation.verb])
            return go(f"{url}?selection={run.pk}")
        return self.carry_out(operation, run, {}, {})

    def confirmed(self, operation: Operation) -> HttpResponse:
        """The page was answered: check what was typed, then do it."""
        request = self.request
        run = self.draft(operation, request.POST["selection"])
        if run is None:
            # Sent twice, or too old: show what came of it rather than doing it again.
            ids = parse_ids([request.POST["selection"]])
            old = BulkRun.objects.visible_to(request.actor).filter(pk__in=ids).first()
            return go(reverse("run_detail", args=[old.pk]) if old else self.list_url())
        queryset, around = self.targets(operation, run), self.surroundings(operation, run)
        form = self.form(operation, list(queryset[:SHOWN]), request.POST, {})
        items = self.items(operation, queryset, request.POST)
        if not all_valid(form, items):
            return self.page(operation, queryset, form, items=items, **around)
        if page := self.review(operation, queryset, form, items, around):
            return page
        if wrong := self.typed_wrong(operation, queryset, run.total):
            around |= {"refusals": [{"label": "", "url": None, "reason": wrong}], "status": 422}
            return self.page(operation, queryset, form, items=items, **around)
        plain, secret = form.raw_params() if form is not None else ({}, {})
        if items is not None:
            plain[chunks.FOR_ALL], each = items.raw()
            runs.give_items(run, each)
        return self.carry_out(operation, run, plain, secret)

    def carry_out(
        self, operation: Operation, run: BulkRun, params: dict, secret: dict
    ) -> HttpResponse:
        run.params, run.state = params, State.QUEUED
        if run.total > runs.IN_REQUEST:
            run.save(update_fields=["params", "state"])
            return go(reverse("run_detail", args=[run.pk]))
        runs.begin(run)
        runs.carry_out(run, self.request.actor, secrets=secret)
        return go(self.back(run.back, run))
