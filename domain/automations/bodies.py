"""What an automation is told, as a form has it (a draft, all texts) and as it is kept (a body): When, If, Then.

A draft is {"name", "source", "trigger": {…}, "where": […], "steps": [{…}, …]}. `read` makes a body of it with the eyes
of whoever saves it, and refuses with a sentence beside each place: «trigger.to», «where», «s2.subject».
"""

from domain import Invalid, NotFound, Refused
from domain.automations import dates, sources, steps, texts
from domain.fields.kinds import Unfit, clean, whole
from domain.fields.records.leftover import stored_cell
from domain.lists import conditions

MOST_STEPS = 10
TRIGGERS = {
    "made": "A row is made",
    "changed": "A field changes",
    "entered": "A row comes to meet conditions",
    "date": "A date comes",
    "form": "A form is answered",
    "button": "Somebody presses a button",
    "schedule": "On certain days",
}
WITHOUT_ROW = ("schedule",)
EVERY = {"day": "Every day", "week": "Every week", "month": "Every month"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EMPTY: dict = {"name": "", "source": "", "trigger": {"kind": "made"}, "where": [], "steps": []}


def source_of(draft, by):
    """The list that a draft is about, or None for a clock alone and while none is chosen. Refuses with Invalid."""
    if draft["trigger"].get("kind") in WITHOUT_ROW or not draft["source"]:
        return None
    try:
        return sources.find(draft["source"], by)
    except Refused as refusal:
        raise Invalid({"source": refusal.sentence}) from None


def read(draft, by):
    """(name, the list or None, the body) of a draft. Refuses with Invalid, all of it at once."""
    problems: dict = {}
    name = " ".join(clean(draft["name"]).split())
    if not 2 <= len(name) <= 80:
        problems["name"] = "Write a name of 2 to 80 letters."
    kind = draft["trigger"].get("kind")
    source = source_of(draft, by)
    if kind not in TRIGGERS:
        raise Invalid(problems | {"trigger.kind": "Choose when it runs."})
    if source is None and kind not in WITHOUT_ROW:
        raise Invalid(problems | {"source": "Choose a list."})
    trigger = _trigger(draft["trigger"], source, problems)
    where = _where(draft["where"], source, kind, problems)
    todo = _steps(draft["steps"], source, by, problems)
    if problems:
        raise Invalid(problems)
    about = {"source": source.name if source else ""}
    return name, source, about | {"trigger": trigger, "where": where, "steps": todo}


def _trigger(given, source, problems):
    kind = given["kind"]
    found = {"kind": kind}
    if kind == "changed":
        return found | _watched(given, source, problems)
    if kind == "form" and not source.name.startswith(sources.RECORDS):
        problems["source"] = "Forms are answered into tables only: choose a table."
    if kind == "date":
        found |= dates.read(given, source, problems, "trigger.")
    if kind == "schedule":
        found["time"] = dates.clock(given, problems, "trigger.")
        every, weekday = given.get("every", ""), given.get("weekday", "0")
        month_day = whole(clean(given.get("month_day", "1")).strip(), 31)
        if every not in EVERY or weekday not in [str(n) for n in range(7)]:
            problems["trigger.every"] = "Choose how often."
        elif every == "month" and month_day is None:
            problems["trigger.month_day"] = "Write a day of the month, from 1 to 31."
        else:
            found |= {"every": every, "weekday": int(weekday), "month_day": month_day or 1}
    return found


def _watched(given, source, problems):
    """The fields that are waited for; of one alone also from what to what it changes."""
    names = [name for name in given.get("fields", ()) if name]
    if any(source.field(name) is None for name in names):
        problems["trigger.fields"] = "One of these fields isn't there, or isn't yours to see."
        return {}
    found: dict = {"fields": names}
    for end in ("from", "to"):
        text = clean(given.get(end, "")).strip()
        if not text:
            continue
        if len(names) != 1:
            problems[f"trigger.{end}"] = "Choose one field alone to say from what to what it changes."
            continue
        kind = source.field(names[0]).kind
        try:
            found[end] = stored_cell(kind, texts.parsed(kind, text))
        except Unfit as unfit:
            problems[f"trigger.{end}"] = str(unfit)
    return found


def _where(given, source, kind, problems):
    try:
        found = [one.written() for one in source.understood(given)] if source else []
    except NotFound as refusal:
        problems["where"] = refusal.sentence
        return []
    if len(given) > conditions.MOST:
        problems["where"] = f"At most {conditions.MOST} conditions."
    if kind == "entered" and not found:
        problems["where"] = "Add the condition that a row comes to meet."
    return found


def _steps(given, source, by, problems):
    if not given:
        problems["steps"] = "Add at least one step."
    if len(given) > MOST_STEPS:
        problems["steps"] = f"At most {MOST_STEPS} steps."
    todo = []
    for place, draft in enumerate(given[:MOST_STEPS]):
        kind = steps.KINDS.get(draft.get("kind", ""))
        if kind is None or (kind.of_row and source is None):
            problems[f"s{place}.kind"] = "Choose what is done."
            continue
        try:
            todo.append({"kind": kind.key} | kind.read(draft, source, by))
        except Invalid as refusal:
            problems |= {f"s{place}.{name}": sentence for name, sentence in refusal.fields.items()}
    return todo


# --- the way back ---------------------------------------------------------------------------------------------------


def draft_of(name, source_name, body, source):
    """A draft of a body, as whoever sees the list as `source` reads it; what isn't theirs to see has no name in it."""
    trigger = {key: "" if value is None else value for key, value in body["trigger"].items()}
    for end in ("from", "to"):
        if end in trigger and source and len(trigger["fields"]) == 1 and source.field(trigger["fields"][0]):
            kind = source.field(trigger["fields"][0]).kind
            trigger[end] = kind.plain(kind.restored(body["trigger"][end]))
        elif end in trigger:
            trigger[end] = ""
    trigger = {key: value if isinstance(value, list) else str(value) for key, value in trigger.items()}
    drawn = [_step_draft(step, source) for step in body["steps"]]
    return {"name": name, "source": source_name, "trigger": trigger, "where": list(body["where"]), "steps": drawn}


def _step_draft(step, source):
    found = {}
    for key, value in step.items():
        if key == "values":
            for place, (name, text) in enumerate(value):
                found[f"f{place}"], found[f"v{place}"] = name, texts.shown(text, source)
        elif key in ("to", "subject", "text", "title"):
            found[key] = texts.shown(value, source)
        else:
            found[key] = "" if value is None else str(value)
    return found


def warnings(body, source):
    """What may surprise about an automation that can be saved, in sentences."""
    if source is None:
        return []
    trigger, found = body["trigger"], []
    writes = {name for step in body["steps"] if step["kind"] == "change" for name, _ in step["values"]}
    reads = set(trigger.get("fields") or ()) if trigger["kind"] == "changed" else set()
    if trigger["kind"] == "entered":
        reads = {one.name for one in source.understood(body["where"])}
    both = [source.field(name).label for name in sorted(writes & reads) if source.field(name)]
    if both or (trigger["kind"] == "changed" and not trigger.get("fields") and writes):
        said = ", ".join(both) or "the row"
        found.append(f"It changes {said}, which is what sets it off. For one row it runs once in such a chain.")
    makes = [step["table"] for step in body["steps"] if step["kind"] == "make"]
    makes += [sources.TASKS for step in body["steps"] if step["kind"] == "task"]
    if trigger["kind"] in ("made", "entered") and source.name in makes:
        found.append("It makes rows in the list that sets it off. Such a chain is stopped when it is five deep.")
    return found


def said(body, source):
    """(When, If, Then) in a sentence each."""
    trigger = body["trigger"]
    listed = ", ".join(f.label for name in trigger.get("fields") or () if (f := source and source.field(name)))
    when = TRIGGERS[trigger["kind"]] + (f": {listed}" if listed else "")
    asked = [conditions.said(source.listing, one) for one in source.understood(body["where"])] if source else []
    return when, asked, [steps.KINDS[step["kind"]].label for step in body["steps"]]
