"""Public links as who builds a table sees them: made, changed, listed, and the answers that wait for a look."""

from typing import Any

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid, Refused, Stale
from domain.fields.kinds import Unfit, whole
from domain.fields.moment import Moment
from domain.fields.person import members
from domain.lists import rows
from domain.records.public import desk, forms, kiosks, links, shared
from domain.records.rows import row_conditions
from models import PublicLink
from views import access, pages
from views.lists import routes

blueprint = Blueprint("public_links", __name__)
ICONS = ("world", "share", "inbox", "eye", "forms", "device-tablet")

routes.add(
    blueprint, rows.Rules(desk.links_listing), "/public-links", nav="records", template="records/public/links.html"
)


# --- sharing a table -------------------------------------------------------------------------------------------------


@blueprint.get("/<organization>/records/<table>/sharing")
@access.member("records.publish")
def sharing(table):
    """What of a table is open to strangers, and what can be."""
    collection, *_ = links.to_share(table, g.by)
    made = list(PublicLink.select().where(PublicLink.collection == collection).order_by(PublicLink.id.desc()).limit(50))
    return pages.page(
        "records/public/sharing.html",
        collection=collection,
        purposes=PAGES,
        made=[(link, links.purpose_of(link.purpose), links.address(link), desk.waiting(link)) for link in made],
        url=_table(collection),
        here="records",
    )


def _table(collection):
    return f"/{g.by.organization.slug}/records/{collection.slug}"


@blueprint.get("/<organization>/records/<table>/sharing/<purpose>")
@access.member("records.publish")
def new(table, purpose):
    """The form for another link."""
    access.refuse_who_only_looks()
    collection, shape, allowed = links.to_share(table, g.by)
    page = _page_of(purpose)
    return _edit(page, collection, shape, allowed, page.begun(collection, shape, allowed, request.args))


@blueprint.post("/<organization>/records/<table>/sharing/<purpose>")
@access.member("records.publish")
def make(table, purpose):
    """Make a link."""
    form = request.form
    page = _page_of(purpose)
    try:
        link = links.make(table, purpose, form, by=g.by, form_key=pages.form_key())
    except Invalid as refusal:
        collection, shape, allowed = links.to_share(table, g.by)
        return _edit(page, collection, shape, allowed, page.typed(form, shape, allowed), refusal)
    return pages.go(f"/{g.by.organization.slug}/public-links/{link.id}", "It is open. Copy its address.")


@blueprint.get("/<organization>/public-links/<id:id>")
@access.member("records.publish")
def show(id):
    """A link: its address, and what it shows."""
    link, collection, shape, allowed = links.found(id, g.by)
    page = _page_of(link.purpose)
    return _edit(page, collection, shape, allowed, page.kept(link, shape, allowed, request.args), link=link)


@blueprint.post("/<organization>/public-links/<id:id>")
@access.member("records.publish")
def change(id):
    """Change what a link shows."""
    form = request.form
    try:
        link = links.change(id, form, by=g.by, was=form.get("was", ""))
    except (Invalid, Stale) as refusal:
        link, collection, shape, allowed = links.found(id, g.by)
        page = _page_of(link.purpose)
        return _edit(page, collection, shape, allowed, page.typed(form, shape, allowed), refusal, link)
    return pages.go(f"/{g.by.organization.slug}/public-links/{link.id}", f"“{link.name}” is saved.")


def _edit(page, collection, shape, allowed, values, refusal=None, link=None):
    at = f"/{g.by.organization.slug}/public-links/{link.id}" if link else f"{_table(collection)}/sharing/{page.key}"
    return pages.page(
        page.template,
        refusal.status if refusal else 200,
        collection=collection,
        shape=shape,
        purpose=links.purpose_of(page.key),
        link=link,
        was=links.as_kept(link) if link else "",
        address=links.address(link) if link else "",
        waiting=desk.waiting(link) if link else 0,
        closed=_closed(link) if link else "",
        values=values,
        errors=refusal.beside() if refusal else {},
        common={field.name: field for field in (*links.COMMON, links.MOST_ANSWERS)},
        at=at,
        url=_table(collection),
        here="records",
        **page.about(shape, allowed, values),
    )


def _closed(link):
    """Why strangers see nothing of it, in a sentence."""
    try:
        links.opened(link)
    except Refused as refusal:
        return refusal.sentence
    return "It is full." if links.is_full(link) else ""


# --- the pages of each purpose ---------------------------------------------------------------------------------------

PAGES: dict[str, Any] = {}


def _page_of(key):
    links.purpose_of(key)
    return PAGES[key]


def common_texts(link):
    """What stands in the fields that every link has, as texts."""
    moment = Moment()
    return {
        "name": link.name,
        "opens_at": moment.text(link.opens_at),
        "ends_at": moment.text(link.ends_at),
        "most": "" if link.most is None else str(link.most),
    }


class FormPage:
    """How a form is built."""

    key, label, icon = "form", "Public form", "forms"
    template = "records/public/form_built.html"

    def begun(self, collection, shape, allowed, args):
        """The values of a new one."""
        fixed = {
            f"fixed_{cell.id}": str(cell.kind.words[0]) for cell in forms.given(shape, allowed, ()) if cell.kind.words
        }
        texts = {
            "name": collection.name,
            "own": "",
            "own_days": "30",
            "tells": "1",
            "button": "",
            "thanks": "",
            "about": "",
        }
        return texts | fixed | {"embed": ""}

    def typed(self, form, shape, allowed):
        """What was sent, and is shown again."""
        return {name: form[name] for name in form}

    def kept(self, link, shape, allowed, args):
        """The values of one that is there."""
        settings = link.settings
        found = {name: settings[name] or "" for name in ("about", "thanks", "button", "own", "embed")}
        found |= {"own_days": str(settings["own_days"]), "tells": "1" if settings["tells"] else ""}
        found |= {f"fixed_{id}": text for id, text in settings["fixed"].items()}
        for place, one in enumerate(settings["questions"], 1):
            id = one["field"]
            found |= {
                f"use_{id}": "1",
                f"place_{id}": str(place),
                f"label_{id}": one["label"],
                f"help_{id}": one["help"],
            }
            found |= {f"required_{id}": "1" if one["required"] else "", f"prefill_{id}": "1" if one["prefill"] else ""}
            found |= {f"if_{id}": forms.written_reason(one["if"])}
        return common_texts(link) | found

    def about(self, shape, allowed, values):
        """What its template needs besides."""
        cells = forms.askable(shape, allowed)
        order = {cell.id: (whole(values.get(f"place_{cell.id}", "")) or 10_000, cell.id) for cell in cells}
        return {
            "cells": sorted(cells, key=lambda cell: order[cell.id]),
            "fixable": forms.given(shape, allowed, ()),
            "reasons_to_ask": forms.reasons_to_ask(cells),
            "own_choices": forms.OWN.choices,
            "labels": {field.name: field for field in forms.SETTINGS},
            "not_asked": [cell.field.label for cell in shape.cells if cell not in cells],
        }


PAGES["form"] = FormPage()


class KioskPage:
    """How a kiosk is built."""

    key, label, icon = "kiosk", "Kiosk", "device-tablet"
    template = "records/public/kiosk_built.html"

    def begun(self, collection, shape, allowed, args):
        """The values of a new one."""
        return {"name": collection.name} | {f"show_{cell.id}": "1" for cell in kiosks.showable(shape, allowed)[:1]}

    def typed(self, form, shape, allowed):
        """What was sent, and is shown again."""
        return {name: form[name] for name in form}

    def kept(self, link, shape, allowed, args):
        """The values of one that is there."""
        kept = link.settings
        found = {"about": kept["about"], "find": str(kept["find"]), "button": str(kept["button"])}
        return common_texts(link) | found | {f"show_{id}": "1" for id in kept["shows"]}

    def about(self, shape, allowed, values):
        """What its template needs besides."""
        return {
            "finds": [(str(cell.id), cell.field.label) for cell in kiosks.findable(shape, allowed)],
            "presses": [(str(one.id), one.label) for one in kiosks.pressable(shape, allowed)],
            "shows": [(cell.id, cell.field.label) for cell in kiosks.showable(shape, allowed)],
        }


PAGES["kiosk"] = KioskPage()


class ViewPage:
    """How a view is built."""

    key, label, icon = "view", "Public view", "eye"
    template = "records/public/view_built.html"

    def begun(self, collection, shape, allowed, args):
        """The values of a new one."""
        return {"name": collection.name, "look": "list", "search": "1", "where": []}

    def typed(self, form, shape, allowed):
        """What was sent, and is shown again."""
        return {name: form[name] for name in form} | {"where": form.getlist("where")}

    def kept(self, link, shape, allowed, args):
        """The values of one that is there."""
        settings = link.settings
        found = {name: settings[name] or "" for name in ("about", "look", "embed", "search", "indexed")}
        found |= {name: str(settings[name] or "") for name in ("by", "on")}
        for place, id in enumerate(settings["fields"], 1):
            found |= {f"use_{id}": "1", f"place_{id}": str(place)}
        return common_texts(link) | found | {"where": [row_conditions.written(one) for one in settings["where"]]}

    def about(self, shape, allowed, values):
        """What its template needs besides."""
        cells = shared.showable(shape, allowed)
        order = {cell.id: (whole(values.get(f"place_{cell.id}", "")) or 10_000, cell.id) for cell in cells}
        choices = lambda found: [(str(cell.id), cell.field.label) for cell in found]  # noqa: E731
        return {
            "cells": sorted(cells, key=lambda cell: order[cell.id]),
            "looks": shared.LOOK.choices,
            "by_choices": choices(shared.columns_by(shape, allowed)),
            "on_choices": choices(shared.days_by(shape, allowed)),
            "conditions": self._conditions(shape, values["where"]),
            "reasons": shared.reasons(shape),
            "labels": {field.name: field for field in shared.SETTINGS},
            "not_shown": [cell.field.label for cell in shape.cells if cell not in cells],
        }

    def _conditions(self, shape, texts):
        found = []
        for text in texts:
            try:
                (kept,) = row_conditions.read(shape, [text])
            except Unfit:
                found.append((text, "a field that is gone is something", False, True))
            else:
                found.append((text, row_conditions.said(kept, shape, members()), kept["is_or"], True))
        return found


PAGES["view"] = ViewPage()
