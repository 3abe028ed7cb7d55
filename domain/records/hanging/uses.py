"""What goes by a field: gathered from every part that can, before it is put away or becomes another kind.

A part that holds fields of people's tables is a line in PARTS: (row of the field, Becoming or None) → its Uses.
Nothing of what is found is written when a field is put away: it waits with what it asked, and runs again as it did
when the field is back. What lets somebody see rows lets nobody through meanwhile.
"""

from typing import NamedTuple
from urllib.parse import parse_qsl

from domain.fields.person import members
from domain.fields.records import registry
from domain.records import links, rules, shapes
from domain.records.computed import scopes
from domain.records.handling import buttons
from domain.records.hanging import queries
from models import CalendarFeed, Collection, ImportFile, Membership, RecordRule, SavedChart, SavedView

OTHERS = "of other people"


class Use(NamedTuple):
    """One thing that goes by a field: what it is, how it does, and where it stands below the organization.

    `becomes` says what the field's new kind does to it; empty where nothing.
    """

    what: str
    how: str
    link: str = ""
    becomes: str = ""


def of(row, by, becoming=None):
    """All Uses of a field, for who builds; of what is somebody's own only how many there are."""
    return [use for part in PARTS for use in part(row, by, becoming)]


def _rules(row, by, becoming):
    collection = Collection.get_by_id(row.collection_id)
    shape, names = shapes.read(collection), members()
    for rule in RecordRule.select().where(RecordRule.collection == collection):
        if any(str(row.id) in kept["about"].split(".") for kept in rule.where):
            rests = (
                ""
                if not becoming or becoming.new.name == becoming.old.name
                else "they see nothing until it is said anew"
            )
            yield Use("A rule", rules.sentence(rule, shape, names), f"/records/{collection.slug}/rules", rests)
        elif str(row.id) in rule.fields:
            said = dict(rules.LEVELS)[rule.fields[str(row.id)]].lower()
            yield Use("A rule", f"{rules.called(rule.who, names)}: {said}", f"/records/{collection.slug}/rules")


def _queries(row, by, becoming):
    others: dict[str, int] = {}
    for thing, held, link in _saved_addresses(row):
        asked = queries.asks(held.query, f"f{row.id}")
        if not asked:
            continue
        if link is None or not (held.is_shared or held.by_id == by.user.id):
            others[thing] = others.get(thing, 0) + 1
            continue
        yield Use(f"The {thing} “{held.name}”", ", ".join(asked), link, _in_words(held.query, becoming))
    for thing, count in others.items():
        yield Use(f"{count} {thing}{'s' if count > 1 else ''} {OTHERS}", "")


def _in_words(query, becoming):
    if becoming is None:
        return ""
    text, rests = queries.translated(query, becoming)
    moved = "" if sorted(parse_qsl(text)) == sorted(parse_qsl(query)) else "asks the same of the new kind"
    return "; ".join(filter(None, (moved, f"what rests: {', '.join(rests)}" if rests else "")))


def _saved_addresses(row):
    """(what it is called, the row, its address or None where only one person has it) of all that holds an address."""
    name = f"f{row.id}"
    slugs = {f"record:{one.id}": one.slug for one in Collection.select()}
    for view in SavedView.select().where(SavedView.query.contains(name)):
        at = slugs.get(view.table)
        yield "view", view, f"/records/{at}?{view.query}&saved={view.id}" if at else "/tasks"
    charts = SavedChart.select().where(SavedChart.query.contains(name), SavedChart.archived_at.is_null())
    for chart in charts:
        at = slugs.get(chart.listing)
        yield "chart", chart, f"/records/{at}?view=chart&{chart.query}&chart={chart.id}" if at else "/charts"
    feeds = CalendarFeed.select().join(Membership).where(Membership.organization == row.organization_id)
    for feed in feeds.where(CalendarFeed.query.contains(name)):
        yield "calendar link", feed, None


def _links(row, by, becoming):
    first = shapes.read(Collection.get_by_id(row.collection_id)).cells[0]
    if first.id != row.id:
        return
    for field in links.pointing(row.collection_id):
        table = Collection.get_by_id(field.collection_id)
        yield Use(f"{table.name}: {field.label}", "calls rows by it", f"/records/{table.slug}/fields/{field.id}")


def _imports(row, by, becoming):
    slug = Collection.get_by_id(row.collection_id).slug
    open_ones = ImportFile.state.in_(("taken", "rehearsing", "rehearsed", "running", "stopped"))
    for held in ImportFile.select().where(ImportFile.table == f"record:{row.collection_id}", open_ones):
        if f"f{row.id}" in held.mapping.get("fields", ()):
            yield Use(f"The import of {held.name}", "fills it and isn't done", f"/records/{slug}/imports/{held.id}")


def _formulas(row, by, becoming):
    for field, tree in scopes.computed():
        if row.id not in scopes.needs(tree) or field.id == row.id:
            continue
        table = Collection.get_by_id(field.collection_id)
        rests = "it rests where the new kind doesn't go with it" if becoming else ""
        how = registry.KINDS[field.kind].label.lower()
        link = f"/records/{table.slug}/fields/{field.id}"
        yield Use(f"{table.name}: {field.label}", f"is worked out of it: a {how}", link, rests)


def _buttons(row, by, becoming):
    collection = Collection.get_by_id(row.collection_id)
    for button in shapes.read(collection).buttons:
        if row.id in buttons.goes_by(button):
            how = "changes it" if button.options["does"] == "set" else "puts it into an address"
            rests = "it rests" if becoming and button.options["does"] == "set" else ""
            yield Use(
                f"The button “{button.label}”", how, f"/records/{collection.slug}/fields/{button.id}/button", rests
            )


PARTS = (_rules, _queries, _links, _imports, _formulas, _buttons)


def translations(row, becoming):
    """What is written so that saved addresses ask the new kind, as shape_changes.py takes it."""
    diff: dict = {}
    for _, held, _ in _saved_addresses(row):
        text, _ = queries.translated(held.query, becoming)
        if queries.asks(held.query, becoming.name) and sorted(parse_qsl(text)) != sorted(parse_qsl(held.query)):
            diff.setdefault(HOLDING[type(held)], {})[held.id] = {"query": text}
    return diff


HOLDING = {SavedView: "views", SavedChart: "charts", CalendarFeed: "feeds"}
