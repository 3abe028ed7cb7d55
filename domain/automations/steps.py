"""What an automation does: one kind of step a class, which reads its form, says what it would do, and does it.

`plan` gives lines of what a step would do to a row and changes nothing: the trial shows it, and `do` goes by the same.
`do` stands in a write transaction with the mark that it was done, so everything in it happens once; what leaves the
house is a row there, under a key of its own.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from database.clock import now, reader_day
from domain import Invalid, NotFound, Refused, existing
from domain.automations import dates, linked, pairs, sources, texts
from domain.automations.webhooks import deliveries, endpoints
from domain.base import allowances, outgoing
from domain.fields.email import Usable, normalized
from domain.fields.kinds import Unfit, clean, whole
from domain.fields.person import emails, members
from domain.fields.text import Text
from models import User

MOST_TO = 5  # addresses of one letter
SHOWN = 10  # linked rows of one that a trial shows
LETTERS, LETTERS_TO = "automation_letters", "automation_letters_to"  # the limits: allowances.SPENT
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}
LONGEST_WAIT = 366 * 86_400


@dataclass(frozen=True)
class At:
    """Where a step stands: the list and the row it is about (None for a clock alone), whose hand it is, and its key."""

    source: Any
    row: Any
    by: Any
    run: Any = None
    key: str = ""

    @property
    def link(self):
        return (
            self.source.link(self.row.id) if self.source and self.row is not None else f"/{self.by.organization.slug}"
        )

    def filled(self, text):
        return texts.filled(text, self.source, self.row)


class NotYet(Refused):
    """What is waited for hasn't come."""

    def __init__(self, until):
        seconds = max(1, math.ceil((until - now()).total_seconds()))
        super().__init__("Its date was moved: it waits for it again.", retry_after=seconds)


class Step(ABC):
    """A kind of step. `of_row` ones need a row; `read` refuses with Invalid, by the names of what it asks for."""

    key, label, icon = "", "", ""
    of_row = False

    def read(self, form, source, by):
        return {}

    def plan(self, step, at):
        return []

    @abstractmethod
    def do(self, step, at):
        """What was done, in words that tell nothing of the row; and how many seconds to wait."""

    def hold(self, step, at):  # noqa: B027
        """Stands before the step that follows this one. Refuses with NotYet."""


def _words(name, label, text, source, problems, most, required=True):
    """A text as it is kept; what is wrong with it goes to `problems`."""
    try:
        found = texts.kept(text, source)
        Text(most, long=True).read(found or "-")
        if required and not found.strip():
            raise Unfit(f"{label} can't be empty.")
        return found.strip()
    except Unfit as unfit:
        problems[name] = str(unfit)
        return ""


class Change(Step):
    key, label, icon, of_row = "change", "Change this row", "pencil", True

    def read(self, form, source, by):
        problems: dict = {}
        if not source.is_written:
            raise Invalid({"kind": "Rows of this list aren't changed by automations."})
        values = pairs.read(form, source, source, problems)
        if problems:
            raise Invalid(problems)
        return {"values": values}

    def plan(self, step, at):
        return _changes(pairs.form_of(step["values"], at.source, at), at.source, at.row)

    def do(self, step, at):
        form = pairs.form_of(step["values"], at.source, at)
        labels = ", ".join(at.source.field(name).label for name in form)
        noted = at.source.change(at.row.id, form)
        return (f"Changed {labels}." if noted else "Nothing was different."), 0


def _changes(form, target, row):
    """What a form would change of a row, in words."""
    told = ((field, target.text(row, field.name), text) for field, text in pairs.plain(form, target))
    return [f"{field.label}: {before or '–'} → {after or '–'}" for field, before, after in told]


class ChangeLinked(Step):
    key, label, icon, of_row = "linked", "Change linked rows", "table", True

    def read(self, form, source, by):
        problems: dict = {}
        try:
            way = linked.find(source, form.get("way", ""))
        except NotFound:
            raise Invalid({"way": "Choose which rows."}) from None
        values = pairs.read(form, way.target, source, problems)
        if problems:
            raise Invalid(problems)
        return {"way": way.key, "values": values}

    def plan(self, step, at):
        way = linked.find(at.source, step["way"])
        form, ids = pairs.form_of(step["values"], way.target, at), linked.ids(way, at.source, at.row)
        lines = [] if ids else ["No row is linked with it."]
        for row in map(way.target.row, ids[:SHOWN]):
            lines.append(f"{way.target.title(row)}: {'; '.join(_changes(form, way.target, row))}")
        return [*lines, f"and {len(ids) - SHOWN} more"] if len(ids) > SHOWN else lines

    def do(self, step, at):
        way = linked.find(at.source, step["way"])
        form, ids = pairs.form_of(step["values"], way.target, at), linked.ids(way, at.source, at.row)
        changed = [id for id in ids if way.target.change(id, form)]
        return f"Changed {len(changed)} of {len(ids)} linked {'row' if len(ids) == 1 else 'rows'}.", 0


class Make(Step):
    key, label, icon = "make", "Make a row in a table", "plus"

    def read(self, form, source, by):
        problems: dict = {}
        try:
            target = sources.find(form.get("table", ""), by)
        except NotFound:
            raise Invalid({"table": "Choose a table."}) from None
        if not target.is_written:
            raise Invalid({"table": "Rows of this list aren't made by automations."})
        values = pairs.read(form, target, source, problems)
        if problems:
            raise Invalid(problems)
        return {"table": target.name, "values": values}

    def plan(self, step, at):
        target = sources.find(step["table"], at.by)
        form = pairs.form_of(step["values"], target, at)
        said = [f"{field.label}: {text or '–'}" for field, text in pairs.plain(form, target)]
        return [f"A new {target.listing.thing} in {target.label}", *said]

    def do(self, step, at):
        target = sources.find(step["table"], at.by)
        made = target.make(pairs.form_of(step["values"], target, at), at.key)
        return f"Made row {made.id} in {target.label}.", 0


def _whom(form, source, problems, may_be_empty=False):
    """Who somebody is: «me», a member's number, or a field that names people."""
    said = form.get("who", "")
    if said.startswith("field:"):
        field = source and source.field(said.removeprefix("field:"))
        if field is not None and field.kind.names_people:
            return said
    elif said == "me" or whole(said) in members() or (may_be_empty and not said):
        return said
    problems["who"] = "Choose who."
    return ""


def _people(said, at):
    """The ids of the members that this is at this moment."""
    if said == "me":
        return [at.by.user.id]
    if not said.startswith("field:"):
        return [id for id in [whole(said)] if id in members()]
    name = said.removeprefix("field:")
    if at.source is None or at.source.field(name) is None:
        raise NotFound("It names people by a field that isn't there any more, or isn't to be seen.")
    value = at.source.value(at.row, name)
    ids = value if isinstance(value, list | tuple) else [value]
    return [id for id in ids if isinstance(id, int) and id in members()]


class Task(Step):
    key, label, icon = "task", "Make a task", "checklist"

    def read(self, form, source, by):
        problems: dict = {}
        step = {
            "title": _words("title", "The title", form.get("title", ""), source, problems, 200),
            "text": _words("text", "The text", form.get("text", ""), source, problems, 4000, required=False),
            "who": _whom(form, source, problems, may_be_empty=True),
            "days": clean(form.get("days", "")).strip(),
        }
        if step["days"] and not (step["days"].isascii() and step["days"].isdigit() and int(step["days"]) <= 3650):
            problems["days"] = "Write a number of days, from 0 to 3650."
        if problems:
            raise Invalid(problems)
        return step

    def _form(self, step, at):
        people = _people(step["who"], at) if step["who"] else []
        days = reader_day() + timedelta(days=int(step["days"])) if step["days"] else None
        return {
            "title": " ".join(at.filled(step["title"]).split())[:200] or "A task without a title",
            "description": at.filled(step["text"]),
            "assigned_to": str(people[0]) if people else "",
            "due_at": days.isoformat() if days else "",
        }

    def plan(self, step, at):
        form = self._form(step, at)
        who = members().get(whole(form["assigned_to"]), "nobody yet")
        due = f", due {form['due_at']}" if form["due_at"] else ""
        return [f"A task “{form['title']}” for {who}{due}"]

    def do(self, step, at):
        made = sources.find(sources.TASKS, at.by).make(self._form(step, at), at.key)
        return f"Made task {made.id}.", 0


class Notice(Step):
    key, label, icon = "notice", "Tell a colleague", "bell"

    def read(self, form, source, by):
        problems: dict = {}
        step = {
            "title": _words("title", "The notice", form.get("title", ""), source, problems, 200),
            "who": _whom(form, source, problems),
        }
        if problems:
            raise Invalid(problems)
        return step

    def plan(self, step, at):
        names = members()
        people = [names[id] for id in _people(step["who"], at)]
        return [f"A notice to {', '.join(people) or 'nobody'}: {at.filled(step['title'])}"]

    def do(self, step, at):
        title, people = (
            " ".join(at.filled(step["title"]).split())[:200] or "An automation ran",
            _people(step["who"], at),
        )
        about = {"link": at.link, "organization": at.by.organization}
        for user in User.select().where(User.id.in_(people)) if people else ():
            outgoing.notify(user, "automation.notice", at.key, title, **about)
        return f"Told {len(people)} {'person' if len(people) == 1 else 'people'}.", 0


class Letter(Step):
    key, label, icon = "letter", "Write a letter", "mail"

    def read(self, form, source, by):
        problems: dict = {}
        step = {
            "to": _words("to", "Who it goes to", form.get("to", ""), source, problems, 500),
            "subject": _words("subject", "The subject", form.get("subject", ""), source, problems, 200),
            "text": _words("text", "The text", form.get("text", ""), source, problems, 8000),
        }
        if "to" not in problems and not texts.NAMED.search(step["to"]):
            try:
                _addresses(step["to"])
            except Unfit as unfit:
                problems["to"] = str(unfit)
        if problems:
            raise Invalid(problems)
        return step

    def _to(self, step, at):
        name = texts.named(step["to"])
        field = at.source.field(name) if name and at.source else None
        if field is not None and field.kind.names_people:
            return list(emails(_people(f"field:{name}", at)).values())
        try:
            return _addresses(at.filled(step["to"]))
        except Unfit as unfit:
            raise Invalid({"to": str(unfit)}) from None

    def _values(self, step, at):
        subject = " ".join(at.filled(step["subject"]).split())[:200]
        return {"subject": subject or "A letter without a subject", "text": at.filled(step["text"])}

    def plan(self, step, at):
        values = self._values(step, at)
        to = ", ".join(self._to(step, at))
        return [f"To: {to or 'nobody, it is empty'}", f"Subject: {values['subject']}", values["text"]]

    def do(self, step, at):
        values = self._values(step, at) | {"organization": at.by.organization.name}
        to = {address: normalized(address)[:254] for address in self._to(step, at)}
        if not to:
            return "Nobody to write to: the address is empty.", 0
        full = [norm for norm in to.values() if allowances.is_spent(LETTERS_TO, norm)]
        asked = [address for address, norm in to.items() if norm not in full]
        left = [to[one] for one in asked if outgoing.write_by_itself(one, f"{at.key}:{normalized(one)}", values)]
        if full and not left:  # for nobody else's sake: it waits
            raise allowances.too_often(LETTERS_TO, full[0])
        # A refusal leaves no letter either.
        allowances.spend_all((LETTERS, at.by.organization, len(left)), *((LETTERS_TO, norm, 1) for norm in left))
        said = f"Wrote {len(left)} {'letter' if len(left) == 1 else 'letters'}."
        kept = len(asked) - len(left)
        said += f" {kept} chose to have none." if kept else ""
        if full:
            said += f" Left out: {len(full)}, for having had as many as an address gets in an hour."
        return said, 0


def _addresses(text):
    found = [Usable().read(part) for part in clean(text).replace(";", ",").split(",") if part.strip()]
    if len(found) > MOST_TO:
        raise Unfit(f"A letter goes to {MOST_TO} addresses at most.")
    return list(dict.fromkeys(found))


class Webhook(Step):
    key, label, icon = "webhook", "Tell an address outside", "link"

    def read(self, form, source, by):
        endpoint = endpoints.present(whole(form.get("endpoint", "")))
        if endpoint is None:
            raise Invalid({"endpoint": "Choose an address; owners and admins add them under Webhooks."})
        return {"endpoint": endpoint.id}

    def _body(self, at):
        data = {"automation": at.run and at.run.automation_id}
        if at.row is not None:
            data |= {"list": at.source.name, "row": at.source.as_json(at.row.id), "link": at.link}
        if at.run is not None and at.source is not None:
            data["changed"] = sorted(name for name in at.run.fields if at.source.field(name))
        return data

    def plan(self, step, at):
        endpoint = existing(endpoints.present(step["endpoint"]), "The address that it tells was removed.")
        return [f"A message to {endpoint.name}", deliveries.written(self._body(at))]

    def do(self, step, at):
        endpoint = existing(endpoints.present(step["endpoint"]), "The address that it tells was removed.")
        if deliveries.leave(endpoint, at.key, self._body(at), run=at.run):
            allowances.spend_all(("automation_webhooks", at.by.organization, 1))  # a refusal leaves no message either
        return f"Left a message for {endpoint.name}.", 0


class Wait(Step):
    key, label, icon = "wait", "Wait", "clock"

    def read(self, form, source, by):
        if form.get("field"):
            problems: dict = {}
            about = dates.read(form, source, problems) if source else {}
            if problems or not about:
                raise Invalid(problems or {"field": "Choose a date of this list."})
            return about
        count, unit = whole(clean(form.get("count", "")).strip(), 10_000), form.get("unit", "")
        if count is None or unit not in UNITS or count * UNITS[unit] > LONGEST_WAIT:
            raise Invalid({"count": "Write how long: a number, and at most a year."})
        return {"count": count, "unit": unit}

    def _until(self, step, at):
        """The moment until which a date of the row says to wait. Refuses with NotFound, and where it is empty."""
        field = at.source.field(step["field"])
        if field is None:
            raise NotFound("The date that it waits for isn't there any more, or isn't to be seen.")
        zone = at.by.organization.timezone
        found = dates.moment(step, at.source.value(at.row, field.name), zone)
        if found is None:
            raise Refused(f"It waits for {field.label}, which is empty.")
        return found

    def _so_long(self, step):
        return f"{step['count']} {step['unit'][:-1] if step['count'] == 1 else step['unit']}"

    def plan(self, step, at):
        return [f"Wait {f'until {self._until(step, at):%-d %b %Y, %H:%M}' if 'field' in step else self._so_long(step)}"]

    def do(self, step, at):
        if "field" not in step:
            return f"Waits {self._so_long(step)}.", step["count"] * UNITS[step["unit"]]
        seconds = math.ceil((self._until(step, at) - now()).total_seconds())
        return ("Waits until its date comes.", seconds) if seconds > 0 else ("Its date had come.", 0)

    def hold(self, step, at):
        """A date that was moved on meanwhile is waited for again."""
        if "field" in step and (until := self._until(step, at)) > now():
            raise NotYet(until)


KINDS = {kind.key: kind for kind in (Change(), ChangeLinked(), Letter(), Notice(), Task(), Make(), Webhook(), Wait())}
