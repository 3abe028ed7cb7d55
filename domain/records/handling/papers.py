"""Rows on paper: labels with a code, many to a sheet, and one row as a page by what its table says of that.

Words reach typst as data, so nothing that stands in a row or was written by a builder is read as a command.
"""

import re
from typing import Any, NamedTuple

from database.transactions import writes
from domain import Invalid, Refused
from domain.base import configuration
from domain.fields.kinds import clean, comparable, whole
from domain.fields.person import members
from domain.fields.records.leftover import LeftOver
from domain.files import qr
from domain.files.press import press
from domain.lists import lists, rows
from domain.records import collections, shape_changes, shapes

MOST = 500  # labels of one PDF
CODES = (("qr", "QR code"), ("bars", "Bar code (Code 128)"))
CODED = ("text", "qrcode", "barcode", "number", "autonumber", "url", "email", "phone")  # kinds that stand in a code
LONGEST = 5000  # signs of each text of a page


class Sheet(NamedTuple):
    """Where labels stand on paper, in millimetres."""

    name: str
    page: tuple[float, float]
    width: float
    height: float
    columns: int
    margins: tuple[float, float]  # left and right, above and below
    lines: bool = False  # whether they are to be cut


SHEETS = {
    "a4_24": Sheet("A4, 24 labels of 70 × 37 mm", (210, 297), 70, 37, 3, (0, 0.5)),
    "a4_10": Sheet("A4, ten to cut", (210, 297), 86, 54, 2, (19, 13.5), lines=True),
    "letter_30": Sheet("US Letter, 30 labels of 66 × 25 mm", (215.9, 279.4), 66.6, 25.4, 3, (8, 12.7)),
    "roll": Sheet("Roll, 62 × 29 mm, one a page", (62, 29), 62, 29, 1, (0, 0)),
}
PAGES = (("a4", "A4"), ("us-letter", "US Letter"), ("a5", "A5"))


def words(rules, row, name, people):
    """What stands in a field of a row, as its export says it to people."""
    kind, value = rules.listing.by_name[name].kind, getattr(row, name)
    if isinstance(value, LeftOver):
        return str(value)
    return people.get(value, "") if kind.names_people and not kind.several else kind.exported(value, row)


# --- labels -----------------------------------------------------------------------------------------------------------


def coded(listing):
    """(name, label) of the fields of a listing that can stand in a code, and of the row's address."""
    shape = listing.source.shape
    cells = [cell for cell in shape.of_kind(*CODED) if cell.name in listing.by_name]
    return [("", "The address of the row"), *((cell.name, cell.field.label) for cell in cells)]


def labels(rules, ask, slug, *, by, code="", how="qr", line="", sheet="a4_24"):
    """A PDF of labels for the rows that are asked for: what each is called, a `line` of another field, and a code.

    Refuses with Invalid what isn't offered, with Refused where no row is, beyond MOST, or where a bar code can't have
    what stands there, and with Overloaded.
    """
    listing, people = rules.listing, members()
    lines = {field.name for field in listing.fields}
    if code not in dict(coded(listing)) or how not in dict(CODES) or sheet not in SHEETS or line not in {"", *lines}:
        raise Invalid({"form": "Choose of what is offered."})
    found = lists.read(listing.whole, ask.but(after="", rows=MOST + 1), by).rows
    if not found:
        raise Refused("There is no row to print a label for.")
    if len(found) > MOST:
        raise Refused(f"Up to {MOST} labels are printed at once. Narrow the list first.")
    at = f"{configuration.active.site_url}/{by.organization.slug}/records/{slug}"
    made: list[dict[str, Any]] = []
    for row in found:
        said = words(rules, row, code, people) if code else f"{at}/{row.id}"
        drawn = _drawn(said, how, row.id)
        title = words(rules, row, listing.first, people) or f"#{row.id}"
        more = words(rules, row, line, people) if line else ""
        made.append({"title": title[:200], "line": more[:200], "code": drawn, "under": said if code else ""})
    chosen = SHEETS[sheet]
    about = chosen._asdict() | {"title": listing.title, "organization": by.organization.name, "how": how}
    return press.ask("typeset", template="labels", data=about | {"labels": made})


def _drawn(text, how, id):
    """A code as SVG; of nothing, none."""
    if not text:
        return ""
    try:
        return qr.svg(text, border=0) if how == "qr" else qr.bars(text)
    except ValueError:
        if how == "qr":
            raise Refused(f"Row {id} has more than a QR code can hold.") from None
        raise Refused(f"Row {id}: a bar code has up to 100 plain letters and figures. Take a QR code.") from None


# --- one row as a page ------------------------------------------------------------------------------------------------


def read_page(shape, form):
    """What a table says of the page of a row, out of a form: paper, title, above, below, and the fields between.

    {Label} in its texts is what stands in that field; it is kept by the field's number. Refuses with Invalid.
    """
    by_label = {comparable(cell.field.label): cell for cell in reversed(shape.cells)}
    made, problems = {"paper": form.get("paper") if form.get("paper") in dict(PAGES) else "a4"}, {}
    for name in ("title", "above", "below"):
        text = "\n".join(clean(line) for line in str(form.get(name, "")).splitlines()).strip()
        unknown = [one for one in re.findall(r"\{([^{}]*)\}", text) if comparable(one) not in by_label]
        if unknown:
            problems[name] = f"Nothing here is called “{unknown[0][:60]}”."
        elif len(text) > LONGEST:
            problems[name] = f"At most {LONGEST:,} characters."
        made[name] = (
            re.sub(r"\{([^{}]*)\}", lambda one: f"{{f{by_label[comparable(one[1])].id}}}", text)
            if name not in problems
            else ""
        )
    if problems:
        raise Invalid(problems)
    known = {cell.id for cell in shape.cells}
    chosen = [whole(text) for text in form.getlist("fields")]
    return made | {"fields": [id for id in dict.fromkeys(chosen) if id in known]}


def page_of(collection, shape):
    """What is said of the page of a row; where nobody said anything, all its fields."""
    said = collection.settings.get("page")
    return said or {
        "paper": "a4",
        "title": "",
        "above": "",
        "below": "",
        "fields": [cell.id for cell in shape.cells[1:]],
    }


def written_page(shape, page):
    """The same as texts of its form."""
    labels = {cell.name: cell.field.label for cell in shape.cells}
    named = lambda one: "{%s}" % labels.get(one[1], "?")  # noqa: E731, UP031
    return page | {name: re.sub(r"\{(f\d+)\}", named, page[name]) for name in ("title", "above", "below")}


def _code(listing, row, name):
    """(kind, picture) of the code that a cell shows; of others None."""
    kind, value = listing.by_name[name].kind.name, getattr(row, name)
    return (kind, qr.drawn(kind, value)) if kind in qr.KINDS and value and not isinstance(value, LeftOver) else None


@writes
def say_page(slug, form, *, by, shape=None):
    """Say what the page of a row has on it. Refuses with Invalid, NotFound, Forbidden or Stale."""
    collection = collections.to_build(slug, by)
    page = read_page(shapes.read(collection), form)
    diff = {"collections": {collection.id: {"settings": collection.settings | {"page": page}}}}
    shape_changes.make(collection, diff, f"{collection.name}: what is printed of a row", by, shape)


def page(rules, collection, id, *, by):
    """A PDF of one row, with what this member sees of it. Refuses with NotFound or Overloaded."""
    listing, shape = rules.listing, rules.listing.source.shape
    row = rows.get(rules, id, by)
    people, said = members(), page_of(collection, shape)

    def filled(text):
        seen = lambda one: words(rules, row, one[1], people) if one[1] in listing.by_name else "–"  # noqa: E731
        return re.sub(r"\{(f\d+)\}", seen, text)

    names = [f"f{id}" for id in said["fields"] if f"f{id}" in listing.by_name]
    pairs = [
        (listing.by_name[name].label, words(rules, row, name, people), _code(listing, row, name)) for name in names
    ]
    at = f"{configuration.active.site_url}/{by.organization.slug}/records/{collection.slug}/{row.id}"
    data = {
        **{"paper": said["paper"], "organization": by.organization.name, "table": collection.name},
        "title": filled(said["title"]) or words(rules, row, listing.first, people) or f"#{row.id}",
        **{name: [part for part in filled(said[name]).split("\n\n") if part] for name in ("above", "below")},
        "pairs": [pair for pair in pairs if pair[1]],
        "code": qr.svg(at, border=0),
    }
    return press.ask("typeset", template="row", data=data)
