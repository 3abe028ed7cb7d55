"""Bringing a file into a list, step by step: chosen, looked at and mapped, rehearsed, done, taken back.

Each step is a page with a form; nothing of it needs a script.
"""

from contextlib import closing

from htmx_flask import request

from domain import Invalid
from domain.base.allowances import spend
from domain.fields.choice import Choice
from domain.fields.kinds import whole
from domain.fields.records import registry
from domain.imports import additions, imports, mappings, reading, targets
from domain.imports.reading import SIZE
from views import pages
from views.lists import export, workbook
from views.safety.marks import takes

LABELS = {"new": "New", "changed": "Changed", "same": "Same", "left_out": "Left out", "refused": "Refused"}
LABELS |= {"kept": "Stays", "undone": "Taken back"}
TONES = {"new": "good", "changed": "info", "refused": "bad", "kept": "warn"}


def brought(mounted, parts):
    """A file to choose, and the files that came before."""
    return _all(mounted, mounted.place(parts))


def _all(mounted, place, refusal=None):
    return pages.page(
        "lists/imports.html",
        refusal.status if refusal else 200,
        place=place,
        listing=place.listing,
        imports=imports.recent(place.rules, by=place.by),
        errors=refusal.beside("file") if refusal else {},
        here=mounted.nav,
    )


@takes(SIZE + 1_000_000)
def bring(mounted, parts):
    place = mounted.place(parts)
    spend("imports", place.by.user)
    sent = request.files.get("file")
    try:
        if not sent or not sent.filename:
            raise Invalid({"file": "Choose a file first."})
        with closing(sent):
            held = imports.take(place.rules, sent.stream, sent.filename, by=place.by)
    except Invalid as refusal:
        return _all(mounted, place, refusal)
    return pages.go(_at(place, held))


def _at(place, held):
    return f"{place.url}/imports/{held.id}"


def show_import(mounted, parts):
    place, held = _import_of(mounted, parts)
    if held.state == "taken" or (held.state in ("rehearsed", "stopped") and "columns" in request.args):
        return _columns(mounted, place, held)
    return _lines(mounted, place, held, imports.progress(held))


def _import_of(mounted, parts):
    id = parts.pop("id")
    place = mounted.place(parts)
    return place, imports.one(place.rules, id, by=place.by)


def _columns(mounted, place, held, refusal=None, mapping=None):
    mapping = mapping or held.mapping
    found = imports.look(held)
    return pages.page(
        "lists/import_columns.html",
        refusal.status if refusal else 200,
        place=place,
        listing=place.listing,
        held=held,
        at=_at(place, held),
        look=found,
        earlier=imports.earlier(held),
        mapping=mapping,
        moved=imports.moved(place.listing, held.mapping) if held.state == "stopped" else (),
        delimiters=[(sign, name.capitalize()) for sign, name in reading.DELIMITERS.items()],
        modes=mappings.MODES,
        empties=mappings.EMPTIES,
        errors=refusal.beside() if refusal else {},
        here=mounted.nav,
        **columns_shown(place, found, mapping),
    )


def columns_shown(place, found, mapping):
    """What the columns of a Look and where they go need to be drawn."""
    builds = additions.offered(place.listing, place.by)
    wide = additions.widened(place.rules, mapping).listing
    return {
        "columns": mappings.columns(wide, found, mapping),
        "fields": [(f.name, f.label) for f in mappings.fields_of(place.listing)],
        "new_fields": _new_fields(place, found, mapping) if builds else {},
        "is_new": additions.kind_of,
        "builds": builds,
        "keeps_words": place.listing.source is not None,
        "left_alone": [f.label for f in place.listing.fields if f not in place.listing.written],
        "words": _words(wide),
    }


KINDS = ("text", "long_text", "number", "money", "yes_no", "choice", "day", "moment")  # of new fields, always offered


def _new_fields(place, found, mapping):
    """place of a column → (value, label) of the fields that it can become."""
    shown = {}
    for at, name in enumerate(found.columns):
        texts = [cells[at] for _, cells in found.rows if at < len(cells)]
        named = targets.builder(place.listing.name).kind_of(name)
        guess = additions.kind_of_values(name, texts, named)
        chosen = additions.kind_of(mapping["fields"][at]) if at < len(mapping["fields"]) else None
        kinds = dict.fromkeys(kind for kind in (guess, chosen, *KINDS) if kind in registry.KINDS)
        shown[at] = [(additions.name(at, kind), f"New field: {registry.KINDS[kind].label}") for kind in kinds]
    return shown


def _words(listing):
    """Field name → (value, label) of the words that an unknown one can be taken for."""
    kinds = {f.name: f.kind for f in mappings.fields_of(listing)}
    return {
        name: kind.choices
        for name, kind in kinds.items()
        if isinstance(kind, Choice) or kind.name in ("options", "many_options")
    }


def lay_out_import(mounted, parts):
    """Read the file another way: encoding, delimiter, sheet, header."""
    place, held = _import_of(mounted, parts)
    form = request.form
    chosen = {name: form[name] for name in ("encoding", "delimiter", "sheet") if form.get(name)}
    chosen["has_header"] = form.get("has_header") == "1"
    try:
        imports.lay_out(place.rules, held, chosen, by=place.by)
    except Invalid as refusal:
        return _columns(mounted, place, held, refusal)
    return pages.go(_at(place, held))


def map_import(mounted, parts):
    """Take the mapping and have it rehearsed; or with `again`, show what is open about the columns as they are now."""
    place, held = _import_of(mounted, parts)
    mapping = None
    try:
        builds = additions.offered(place.listing, place.by)
        mapping = mappings.understood(place.listing, held.columns, request.form, builds)
        if "again" in request.form:
            return _columns(mounted, place, held, mapping=mapping)
        if held.state == "stopped":
            imports.run(place.rules, held, by=place.by, mapping=mapping)
        else:
            imports.rehearse(place.rules, held, mapping, by=place.by)
    except Invalid as refusal:
        return _columns(mounted, place, held, refusal, mapping)
    return pages.go(_at(place, held))


def _lines(mounted, place, held, job):
    verdict = request.args.get("only", "")
    verdict = verdict if verdict in LABELS else ""
    lines, more = imports.lines(held, verdict, whole(request.args.get("after")) or 0)
    wide = additions.widened(place.rules, held.mapping).listing
    return pages.page(
        "lists/import.html",
        around=None if job and job.is_open else {"import_progress": "import_area"},
        place=place,
        listing=place.listing,
        held=held,
        at=_at(place, held),
        job=job,
        running=bool(job and job.is_open),
        lines=[(line, _changes(wide, line)) for line in lines],
        added=_added(wide, held.mapping),
        left_alone=mappings.left_alone(wide, held.columns, held.mapping["fields"]) | additions.full(wide, held.mapping),
        waits_for=imports.waits_for(held, job),
        more=more,
        only=verdict,
        tabs=_tabs(place, held),
        labels=LABELS,
        tones=TONES,
        here=mounted.nav,
    )


def _tabs(place, held):
    at = _at(place, held)
    counts = {verdict: getattr(held, verdict) for verdict in (*imports.VERDICTS, "kept")}
    total = ("", "All", at, f"{sum(counts[v] for v in imports.VERDICTS):,}")
    return [
        total,
        *((v, LABELS[v], f"{at}?only={v}", f"{n:,}") for v, n in counts.items() if n or v in ("new", "refused")),
    ]


def _added(listing, mapping):
    """What the import adds to the table, in words."""
    said = []
    for at, name in enumerate(mapping["fields"]):
        words = mapping.get("made", {}).get(str(at), ())
        listed = f"{', '.join(words[:5])}{' …' if len(words) > 5 else ''}"
        if kind := additions.kind_of(name):
            more = f", with the words {listed}" if words else ""
            said.append(f"the field {mapping['columns'][at]} ({registry.KINDS[kind].label.lower()}{more})")
        elif words and name in listing.by_name:
            said.append(
                f"{len(words):,} {'word' if len(words) == 1 else 'words'} of {listing.by_name[name].label}: {listed}"
            )
    return said


def _changes(listing, line):
    """(label, before, after) of what a line changes, in words."""
    told = []
    for name, pair in line.changes.items():
        field = listing.by_name.get(name)
        if field:
            told.append((field.label, *(export.in_words(field.kind, stored) or "nothing" for stored in pair)))
    return told


def run_import(mounted, parts):
    place, held = _import_of(mounted, parts)
    try:
        imports.run(place.rules, held, by=place.by)
    except imports.Moved:
        return pages.go(f"{_at(place, held)}?columns=1")
    return pages.go(_at(place, held))


def undo_import(mounted, parts):
    place, held = _import_of(mounted, parts)
    imports.undo(place.rules, held, by=place.by)
    return pages.go(_at(place, held))


def drop_import(mounted, parts):
    place, held = _import_of(mounted, parts)
    imports.drop(held)
    return pages.go(f"{place.url}/imports", f"{held.name} wasn't brought in.", "info")


def import_errors_csv(mounted, parts):
    """The lines that didn't come in, to be mended and brought in again."""
    place, held = _import_of(mounted, parts)
    return export.download("not-brought-in", *imports.error_sheet(held, place.rules))


def import_errors_xlsx(mounted, parts):
    place, held = _import_of(mounted, parts)
    columns, found = imports.error_sheet(held, place.rules)
    return export.sent("not-brought-in", "xlsx", workbook.TYPE, workbook.made(columns, found))


def routes(listing):
    """What follows the address of a list that files can be brought into: (suffix, method, handler, capability)."""
    at, right = "/imports/<id:id>", listing.writes
    yield "/imports", "GET", brought, right
    yield "/imports", "POST", bring, right
    yield at, "GET", show_import, right
    yield f"{at}/layout", "POST", lay_out_import, right
    yield f"{at}/mapping", "POST", map_import, right
    yield f"{at}/run", "POST", run_import, right
    yield f"{at}/undo", "POST", undo_import, right
    yield f"{at}/removal", "POST", drop_import, right
    yield f"{at}/errors.csv", "GET", import_errors_csv, right
    yield f"{at}/errors.xlsx", "GET", import_errors_xlsx, right
