"""Kiosks: one table and one button, for a tablet at a counter. A code names a row, which is shown with the button.

Who stands there sees of the row what the kiosk's maker chose, reaches no row but by its code, and does nothing else.
"""

from dataclasses import replace

from domain import Invalid, NotFound, Refused
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, clean, comparable, whole
from domain.fields.records.leftover import plain_cell
from domain.fields.text import Text
from domain.lists import conditions, lists
from domain.lists.asks import Ask
from domain.records.handling import buttons
from domain.records.public import links

FOUND_BY = ("text", "qrcode", "barcode", "autonumber", "url", "email", "phone")  # kinds whose values name a row
MOST_SHOWN = 8  # fields
PAGE, PAGES = 500, 10  # rows that have the words of a code: at once, and how often
ABOUT = Field("about", "What it says", Text(500))


def findable(shape, allowed):
    """The cells whose values can name a row: those that are searched for everybody."""
    cells = shape.of_kind(*FOUND_BY)
    return [cell for cell in cells if cell.is_open and not cell.formula and allowed.sees_field(cell.name)]


def showable(shape, allowed):
    """The cells that a kiosk can show: nobody's name, and no row of another table."""
    return [
        cell
        for cell in shape.cells
        if allowed.sees_field(cell.name)
        and not (cell.kind.names_people or cell.kind.pointing or cell.kind.holds_files or cell.kind.several)
    ]


def pressable(shape, allowed):
    """The buttons that change what somebody with these rights may change in every row; nobody in particular presses."""
    return [one for one in shape.buttons if _is_theirs(one, shape, allowed)]


def _is_theirs(button, shape, allowed):
    if button.options["does"] != "set" or any(word == "me" for *_, word in button.options["sets"]):
        return False
    names = {f"f{id}" for id in buttons.goes_by(button)}
    return allowed.changes == "all" and names <= shape.by_name.keys() and not names & (allowed.hidden | allowed.fixed)


def read(form, shape, allowed):
    """The settings of a kiosk out of form texts. Refuses with Invalid."""
    settings, problems = read_whole((ABOUT,), form), {}
    find, button = whole(form.get("find")), whole(form.get("button"))
    if find not in [cell.id for cell in findable(shape, allowed)]:
        problems["find"] = "Choose by which field a row is found."
    if button not in [one.id for one in pressable(shape, allowed)]:
        problems["button"] = "Choose a button that changes fields."
    shows = [cell.id for cell in showable(shape, allowed) if form.get(f"show_{cell.id}")]
    if not 0 < len(shows) <= MOST_SHOWN:
        problems["shows"] = f"Choose 1 to {MOST_SHOWN} fields that are shown."
    if problems:
        raise Invalid(problems)
    return {"about": settings["about"] or "", "find": find, "button": button, "shows": shows}


def narrowed(allowed, settings, shape, maker):
    """The Rights of a kiosk: to see what it shows and to change what its button does. None where that isn't its
    maker's any more."""
    button = next((one for one in pressable(shape, allowed) if one.id == settings["button"]), None)
    if button is None or settings["find"] not in [cell.id for cell in findable(shape, allowed)]:
        return None
    sets = {f"f{id}" for id in buttons.goes_by(button)}
    names = {f"f{settings['find']}", *(f"f{id}" for id in settings["shows"]), *sets}
    left = links.narrowed_to(allowed, names, (), shape)
    return left and replace(left, changes="all", fixed=left.fixed | (names - sets))


KIOSK = links.declare(links.Purpose("kiosk", "Kiosk", "kiosk", "records.write", read, narrowed))


def button_of(opened):
    """The button of a kiosk, as it is called now."""
    return next(one for one in opened.shape.buttons if one.id == opened.link.settings["button"])


def found(opened, code):
    """The row that a code names. Refuses with NotFound, and with Refused where several have it, or where so many have
    its words that not all were looked at."""
    cell, said = opened.seen(opened.link.settings["find"]), clean(code).strip()[:200]
    same = (_by_key(opened, cell, said) or _by_words(opened, cell, said)) if said else []
    if len(same) > 1:
        raise Refused("Several have this code. Ask somebody who works here.")
    if not same:
        raise NotFound("Nothing here has this code.")
    return same[0]


def _by_key(opened, cell, said):
    """The rows whose field has a code, where its keys tell."""
    listing = opened.rules.listing
    where = (conditions.Condition(cell.name, "is", (said,)),)
    if not cell.is_keyed or conditions.asked(listing, where[0]) is None:
        return []
    rows = lists.read(listing, Ask(tab="all", where=where, rows=PAGE), opened.by).rows
    return _having(cell, rows, said)


def _by_words(opened, cell, said):
    """The same out of the rows that have its words in any field."""
    ask, same = Ask(tab="all", q=said, rows=PAGE), []
    for _ in range(PAGES if ask.words else 0):
        answer = lists.read(opened.rules.listing, ask, opened.by)
        same += _having(cell, answer.rows, said)
        if not answer.more or len(same) > 1:
            return same
        ask = ask.but(after=answer.more)
    if ask.words:
        raise Refused("Too many rows have these words to find one. Ask somebody who works here.")
    return same


def _having(cell, rows, said):
    return [row for row in rows if comparable(plain_cell(cell.kind, getattr(row, cell.name))) == comparable(said)]


def shown(opened, row):
    """(label, words) of what a kiosk shows of a row; what is empty is left out."""
    cells = [cell for cell in showable(opened.shape, opened.allowed) if cell.id in opened.link.settings["shows"]]
    pairs = [(cell.field.label, plain_cell(cell.kind, getattr(row, cell.name))) for cell in cells]
    return [pair for pair in pairs if pair[1]]


def press(opened, code):
    """Press the button on the row that a code names; returns it. Refuses as `found` and the button do."""
    row = found(opened, code)
    buttons.press(opened.rules, opened.shape.collection, opened.link.settings["button"], row.id, by=opened.by)
    return row
