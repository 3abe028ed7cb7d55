"""The demo's volunteers: a table that strangers fill by a public form, and what is done by itself with their words."""

from datetime import timedelta

from database.clock import now, set_clock
from domain.automations import automations
from domain.base import stepup
from domain.lists import rows
from domain.people.sessions import SignedIn
from domain.records import collections, listings
from domain.records.public import answers, forms, links, spam
from models import PublicAnswer, Session

FORM = "Lend a hand at the festival"
ABOUT = "Acme Festival is made by its neighbours. Say what you like to do, and we write to you within three days."
THANKS = "Thank you. We write to you within three days."
FIELDS = (
    ("Name", "text"),
    ("State", "choice", ("New", "Talking", "On the list", "Not this time")),
    ("Mail", "email"),
    ("Helps with", "choice", ("Bar", "Stage", "Door", "Kitchen")),
    ("Evenings", "choices", ("Friday", "Saturday", "Sunday")),
    ("Has run a mixing desk", "yes_no"),
    ("Comes on", "day"),
    ("Notes", "long_text"),
)
WANTED = ("Name", "Mail")
ASKED = (*WANTED, "Helps with", "Has run a mixing desk", "Evenings", "Notes")
# name, what they help with, evenings, whether they know the desk, notes
PEOPLE = (
    ("Imke Janssen", "Bar", "Friday; Saturday", "", "I worked at the Kaai for two summers."),
    ("Tomas Rivera", "Stage", "Saturday; Sunday", "yes", ""),
    ("Aiko Tanaka", "Door", "Friday", "", "I speak Japanese, English and some Dutch."),
    ("Bram de Wit", "Kitchen", "Friday; Saturday; Sunday", "", "No nuts near me, please."),
    ("Fatou Sarr", "Stage", "Sunday", "no", "Happy to learn."),
    ("Jonas Lindqvist", "Bar", "Saturday", "", ""),
    ("Carmen Ortega", "Kitchen", "Saturday; Sunday", "", "Vegetarian food only."),
    ("Lev Abramov", "Door", "Friday; Sunday", "", "Only until midnight: the last tram."),
)
STATES = ("", "", "Talking", "", "Talking", "Not this time", None, None)  # what became of each; None still waits
TOLD = ("Imke Janssen", "Tomas Rivera")  # who are on the list once automations are on
LETTER = (
    "Dear {Name},\n\nyou are on the list for {Evenings}. We write again two days before.\n\nUntil then,\nAcme Festival"
)
REMINDER = "Dear {Name},\n\nin two days we see you at the festival. The crew meets at five.\n\nAcme Festival"


def make(owner, start):
    """The table, its form, and what came in by it: (the table, the rows by name). Time moves from `start` on."""
    _at(start)
    table = collections.make("Volunteers", by=owner, fields=FIELDS)
    link = _open_form(table, owner)
    made = {}
    for number, (person, state) in enumerate(zip(PEOPLE, STATES, strict=True)):
        _at(start + timedelta(days=1.6 * number, hours=9))
        answer = _answer(link, person)
        if state is None:
            continue
        _at(now() + timedelta(hours=5))
        answers.let_in(answer.id, by=owner)
        made[person[0]] = PublicAnswer.get_by_id(answer.id).record.id
        if state:
            _change(table, owner, made[person[0]], State=state)
    return table, made


def furnish(table, made, owner):
    """Two automations that are on, and what one of them has to do at once."""
    known, source = _names(table, owner), f"record:{table.id}"
    letter = {"kind": "letter", "to": "{Mail}", "subject": "You are on the list", "text": LETTER}
    wait = {"kind": "wait", "field": known["Comes on"], "side": "before", "days": "2", "time": "9:00"}
    again = letter | {"subject": "In two days", "text": REMINDER}
    button = {"kind": "change", "f0": known["State"], "v0": "On the list"}
    listed = {"kind": "changed", "fields": [known["State"]], "to": "On the list"}
    for name, trigger, steps in (
        ("Write to who is on the list", listed, [letter, wait, again]),
        ("Put on the list", {"kind": "button"}, [button]),
    ):
        draft = {"name": name, "source": source, "trigger": trigger, "where": [], "steps": steps}
        automations.make(draft, by=owner, on=True)
    for days, name in enumerate(TOLD, 9):
        coming = f"{now() + timedelta(days=days):%Y-%m-%d}"
        _change(table, owner, made[name], **{"Comes on": coming, "State": "On the list"})


def _at(moment):
    set_clock(lambda: moment)


def _names(table, by):
    return {f.label: f.name for f in listings.of(table, by).listing.fields}


def _text(field, words):
    """The text that a form has for words."""
    of = {label: str(key) for key, label in getattr(field.kind, "choices", ())}
    return [of.get(part, part) for part in words.split("; ")]


def _open_form(table, owner):
    fields = {field.label: field for field in listings.of(table, owner).listing.fields}
    id = {label: field.name[1:] for label, field in fields.items()}
    form = {"name": FORM, "about": ABOUT, "thanks": THANKS, "button": "Offer to help", "own": "change"}
    form |= {"own_days": "30", "tells": "1", f"fixed_{id['State']}": _text(fields["State"], "New")[0]}
    for place, label in enumerate(ASKED, 1):
        form |= {f"use_{id[label]}": "1", f"place_{id[label]}": str(place)}
    form |= {f"required_{id[label]}": "1" for label in WANTED}
    form[f"if_{id['Has run a mixing desk']}"] = f"{id['Helps with']}~any_of~{_text(fields['Helps with'], 'Stage')[0]}"
    form[f"help_{id['Mail']}"] = "For this only; it is shown to nobody."
    token = stepup.present.set(SignedIn(owner.user, Session(user=owner.user, created_at=now()), ""))
    try:
        return links.make(table.slug, "form", form, by=owner)
    finally:
        stepup.present.reset(token)


def _answer(link, person):
    """The answer that one of them sends by a browser without scripts, so that it waits for a look."""
    opened = links.opened(link)
    name, helps, evenings, desk, notes = person
    words = {"Name": name, "Mail": f"{name.split()[0].lower()}@example.org", "Helps with": helps, "Notes": notes}
    words |= {"Evenings": evenings, "Has run a mixing desk": desk}
    fields = {question.field.label: question.field for question in forms.questions(opened)}
    sent = {fields[label].name: _text(fields[label], text) for label, text in words.items() if text}
    stamp, begun = spam.stamp(link), now()
    _at(begun + timedelta(minutes=4))
    return answers.take(opened, answers.Sent(sent | {"stamp": [stamp]}), {}, network="demo")[0]


def _change(table, owner, id, **words):
    rules = listings.of(table, owner)
    fields = {field.label: field for field in rules.listing.fields}
    form = {fields[label].name: _text(fields[label], text)[0] for label, text in words.items()}
    rows.change(rules, id, form, by=owner)
