"""Words of a row in a text: «{Label}» as people write it, «{name}» as it is kept, so that a renamed field stays found.

Only fields that the automation's own member sees have words; every other name is refused when it is written.
"""

import re

from database.clock import reader_day
from domain.fields.kinds import Unfit, clean, comparable
from domain.fields.records import formats
from domain.fields.records.leftover import LeftOver

NAMED = re.compile(r"\{([^{}\n]{1,120})\}")
LONGEST = 10_000  # signs of what a text says once its words are in it
_DAY = re.compile(r"today(?: ?([+-]) ?(\d{1,4}))?", re.I)


def kept(text, source):
    """A text as it was written, with names for labels. Refuses with Unfit what no field is called."""
    known = {comparable(f.label): f.name for f in reversed(source.fields)} if source else {}

    def name(found):
        said = found[1].strip()
        if source and said in source.listing.by_name:
            return f"{{{said}}}"
        if comparable(said) not in known:
            raise Unfit(f"There is no field called “{said[:60]}” here, or it isn't yours to see.")
        return f"{{{known[comparable(said)]}}}"

    return NAMED.sub(name, clean(text))


def shown(text, source):
    """The way back, for who reads it: what isn't theirs to see keeps no name."""

    def label(found):
        field = source and source.field(found[1])
        return f"{{{field.label}}}" if field else "{…}"

    return NAMED.sub(label, text or "")


def filled(text, source, row):
    """The text with the words of a row. Refuses with Unfit where a field is gone by now."""

    def words(found):
        if source is None or source.field(found[1]) is None:
            raise Unfit("It speaks of a field that isn't there any more, or isn't to be seen.")
        return source.text(row, found[1])

    return clean(NAMED.sub(words, text or ""))[:LONGEST]


def named(text):
    """The name of the one field that a text is, or None."""
    found = NAMED.fullmatch((text or "").strip())
    return found and found[1]


def read(field, text, source=None, row=None):
    """What a text says for a field, as a form has it. Refuses with Unfit.

    A text that is one field's name and nothing else gives its value; «today + 3» is a day.
    """
    kind, name = field.kind, named(text)
    of = source.field(name) if name and source else None
    if of is not None and row is not None:
        value = source.value(row, of.name)
        if value is None or value == "" or isinstance(value, LeftOver):
            return ""
        if of.kind.name == kind.name and of.kind.several == kind.several and not kind.pointing:
            return kind.text(value)
    said = filled(text, source, row).strip() if row is not None else (text or "").strip()
    if not said:
        return ""
    day = _DAY.fullmatch(said)
    if day and kind.name in ("day", "due"):
        return (reader_day().fromordinal(reader_day().toordinal() + int(f"{day[1] or '+'}{day[2] or 0}"))).isoformat()
    return kind.text(parsed(kind, said))


def parsed(kind, said):
    """A value out of words as people write them: a label, a name, a number. Refuses with Unfit."""
    if not kind.several:
        try:
            return kind.read(said)
        except Unfit:
            pass
    return kind.parse(said, formats.decide(kind, [said])[0])
