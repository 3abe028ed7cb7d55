"""Public forms: which fields of a table are asked, in which order and when, and what was answered.

What a question is shown for is evaluated here, question by question in their order; the page only hides what it can
tell by itself, so that without scripts all are there.
"""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from domain import Invalid
from domain.fields import forms
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit, clean, whole
from domain.fields.number import Number
from domain.fields.records.leftover import LeftOver
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists import conditions
from domain.organizations.key_bounds import Lines
from domain.records.public import links

# People and links would tell strangers who and what there is.
ASKED = {
    *("text", "long_text", "number", "money", "percent", "yes_no", "choice", "choices", "day", "moment", "duration"),
    *("email", "phone", "url", "qrcode", "barcode", "rating", "files"),
}
WORDED = ("choice", "choices", "yes_no")  # kinds whose answers are few words
MOST_WORDS = 50
TOLD_BY_PAGE = {"any_of", "none_of", "has_any", "has_none", "is", "is_not", "empty", "not_empty"}
OWN = Choice(
    (
        ("", "Nothing more", ""),
        ("see", "See what they answered", ""),
        ("change", "See and change what they answered", ""),
    )
)


def _origin(line):
    """The origin of a page, as browsers write it."""
    try:
        parts = urlsplit(line)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts = port = None
    host = parts and (parts.hostname or "")
    is_web = (
        parts and parts.scheme in ("https", "http") and not (parts.path.strip("/") or parts.query or parts.username)
    )
    if not is_web or not (_HOST.fullmatch(host) or _is_number(host)) or parts.fragment:
        raise Unfit(f"“{line[:60]}” is no origin: write https://www.example.org")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*")


def _is_number(host):
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


ABOUT = Field("about", "What it says first", Text(2000, long=True))
EMBED = Field(
    *("embed", "May stand inside pages of", Lines(each=_origin)),
    help="Origins, one a line, such as https://www.example.org. None: it stands by itself alone.",
)
SETTINGS = (
    ABOUT,
    Field("thanks", "What is said after sending", Text(2000, long=True)),
    Field("button", "On the button", Text(40)),
    Field("own", "Afterwards people may", OWN, default=""),
    Field("own_days", "For so many days", Number(1, 365), default=30),
    Field("tells", "Tell me of each answer", Switch(), default=True),
    EMBED,
)


# --- as it is built --------------------------------------------------------------------------------------------------


def askable(shape, allowed):
    """The cells that a form can ask for, of those that somebody with these rights may fill."""
    return [
        cell for cell in shape.cells if cell.kind_name in ASKED and not cell.formula and allowed.may_fill(cell.name)
    ]


def given(shape, allowed, asked):
    """The cells of choices that aren't asked and can be given to what comes in: "New", say."""
    return [cell for cell in askable(shape, allowed) if cell.kind_name == "choice" and cell.id not in asked]


def read(form, shape, allowed):
    """The settings of a form out of form texts. Refuses with Invalid."""
    settings, problems = read_whole(SETTINGS, form), {}
    known = {cell.id: cell for cell in askable(shape, allowed)}
    chosen = sorted((id for id in known if form.get(f"use_{id}")), key=lambda id: place_in(form, id))
    questions: list[dict] = []
    for id in chosen:
        try:
            questions.append(_question(form, known[id], [known[one["field"]] for one in questions]))
        except Unfit as unfit:
            problems[f"if_{id}"] = str(unfit)
    if not chosen:
        problems["questions"] = "Choose at least one field."
    for cell in shape.cells:
        if cell.field.required and cell.field.begins is None and not (cell.formula or cell.kind.counts):
            problems |= _unanswered(cell, questions, form)
    if problems:
        raise Invalid(problems)
    fixed = {str(cell.id): form.get(f"fixed_{cell.id}", "") for cell in given(shape, allowed, set(chosen))}
    fixed = {id: text for id, text in fixed.items() if whole(text) in known[int(id)].kind.words}
    return {f.name: forms.as_text(f, settings[f.name]) if f is EMBED else settings[f.name] for f in SETTINGS} | {
        "questions": questions,
        "fixed": fixed,
    }


def place_in(form, id):
    """Where a field stands among those that were chosen in a form."""
    return whole(form.get(f"place_{id}", ""), 10_000) or 10_000, id


def _unanswered(cell, questions, form):
    """Why a field that must have an answer in the table would be left empty: name → sentence."""
    asked = next((one for one in questions if one["field"] == cell.id), None)
    if asked and not asked["if"]:
        return {}
    if form.get(f"fixed_{cell.id}"):
        return {}
    if asked:
        return {f"if_{cell.id}": f"{cell.field.label} can't be empty in the table, so it is always asked."}
    return {"questions": f"{cell.field.label} can't be empty in the table, so the form must ask for it."}


def _question(form, cell, before):
    text = lambda name, most: " ".join(clean(form.get(f"{name}_{cell.id}", "")).split())[:most]  # noqa: E731
    return {
        "field": cell.id,
        "label": text("label", 200),
        "help": clean(form.get(f"help_{cell.id}", "")).strip()[:500],
        "required": cell.field.required or bool(form.get(f"required_{cell.id}")),
        "prefill": bool(form.get(f"prefill_{cell.id}")),
        "if": _condition(form, cell, before),
    }


def _condition(form, cell, before):
    about, _, said = form.get(f"if_{cell.id}", "").partition("~")
    if not about:
        return None
    other = next((one for one in before if str(one.id) == about), None)
    if other is None or other.kind_name == "files":
        raise Unfit("It can depend on a question that stands before it, and on no other.")
    operator, *texts = (clean(part).strip() for part in said.split("~"))
    kept = {"about": other.id, "operator": operator, "texts": [one for one in texts if one][:50]}
    if _asked(kept, other.field) is None:
        raise Unfit(f"Say what {other.field.label} is to be compared with.")
    return kept


def reasons_to_ask(cells):
    """(text that `read` takes, in words) of all that a question can depend on."""
    found = []
    for cell in cells:
        label, key = cell.field.label, cell.id
        if cell.kind_name in WORDED:
            operator = next(one.key for one in cell.kind.operators if one.key in ("any_of", "has_any", "is"))
            words = cell.kind.choices[:MOST_WORDS]
            found += [(f"{key}~{operator}~{text}", f"{label} is {word}") for text, word in words]
        if cell.kind_name != "files":
            found += [(f"{key}~not_empty", f"{label} is answered"), (f"{key}~empty", f"{label} isn’t answered")]
    return found


def written_reason(kept):
    """The text of a kept condition as `reasons_to_ask` has it."""
    return "~".join([str(kept["about"]), kept["operator"], *kept["texts"]]) if kept else ""


def _asked(kept, field):
    """The conditions.Asked of a kept one, or None where it means nothing (any more)."""
    operator = next((one for one in field.kind.operators if one.key == kept["operator"]), None)
    if operator is None or operator.key == "left_over":
        return None
    try:
        return conditions.Asked(field, operator, field.kind.operand(operator, list(kept["texts"]) or [""]))
    except Unfit:
        return None


# --- as it is shown --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A field as a form asks for it; `shown_if` is (name of the question, Asked) or None."""

    field: Any
    kind_name: str
    prefill: bool
    shown_if: Any = None
    wanted: bool = False  # must be answered, where it is shown
    hint: tuple = ()  # (name, operator, texts) that the page can tell by itself
    why: str = ""  # in words, what it is shown for

    @property
    def name(self):
        return self.field.name


def questions(opened):
    """The questions of a form that its maker may still fill, in their order. One whose condition means nothing any more
    isn't asked: it would be asked of all."""
    known = {cell.id: cell for cell in askable(opened.shape, opened.allowed)}
    by_id: dict[int, Question] = {}
    for one in opened.link.settings["questions"]:
        cell = known.get(one["field"])
        if cell is None:
            continue
        field = replace(
            cell.field,
            label=one["label"] or cell.field.label,
            help=one["help"] or cell.field.help,
            required=False,
            missing="",
        )
        question = Question(field, cell.kind_name, one["prefill"], wanted=one["required"] or cell.field.required)
        if one["if"]:
            other = by_id.get(one["if"]["about"])
            asked = other and _asked(one["if"], other.field)
            if other is None or asked is None:
                continue
            hint = _hint(other, asked, one["if"]["texts"])
            question = replace(question, shown_if=(other.name, asked), hint=hint, why=_why(other, asked, one["if"]))
        by_id[cell.id] = question
    return list(by_id.values())


def _hint(other, asked, texts):
    bare = asked.operator.key in ("empty", "not_empty")
    is_told = asked.operator.key in TOLD_BY_PAGE and (bare or other.kind_name in WORDED)
    return (other.name, asked.operator.key, tuple(texts)) if is_told else ()


def _why(other, asked, kept):
    words = dict(other.field.kind.choices) if other.kind_name in WORDED else {}
    said = " or ".join(words.get(text, text) for text in kept["texts"])
    label = asked.operator.label.partition(" (")[0].replace("is any of", "is").replace("has any of", "has")
    return f"Only if “{other.field.label}” {label} {said}".strip() + "."


def narrowed(allowed, settings, shape, maker):
    """The Rights of a form: to add rows with these fields, and to see and change them in one's own answer."""
    if not (allowed.adds and maker.may("records.write")):
        return None
    names = {f"f{one['field']}" for one in settings["questions"]}
    left = links.narrowed_to(allowed, names, (), shape)
    return left and replace(left, adds=True, changes="all" if allowed.changes == "all" else "none")


def fixed(opened):
    """name → value of what rows that come in are given besides what was answered."""
    found = {}
    for id, text in opened.link.settings["fixed"].items():
        cell = opened.shape.by_name.get(f"f{id}")
        if cell and cell.kind_name == "choice" and whole(text) in cell.kind.words and opened.whole.may_fill(cell.name):
            found[cell.name] = whole(text)
    return found


def prefilled(asked, args):
    """name → text (or texts) that the address gives, of the questions that may be given so."""
    found = {}
    for question in asked:
        texts = [clean(text)[:2000] for text in args.getlist(question.name)[:50]] if question.prefill else []
        if texts and question.kind_name != "files":
            found[question.name] = texts if question.field.kind.several else texts[0]
    return found


def answered(asked, form, files=(), known=None):
    """name → value of what was answered, without what isn't asked in the light of the rest; `files` are names of
    questions that files were sent for, `known` are values that are as they are, whatever the form says. Refuses with
    Invalid, question by question."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for question in asked:
        if not _is_shown(question, values):
            continue
        if known and question.name in known:
            values[question.name] = known[question.name]
            continue
        if question.kind_name == "files":
            values[question.name] = (True,) if question.name in files else None
        else:
            try:
                values |= read_whole((question.field,), form)
            except Invalid as refusal:
                problems |= refusal.fields
                values[question.name] = LeftOver("")
                continue
        if question.wanted and values[question.name] in (None, ()):
            problems[question.name] = f"{question.field.label} can't be empty."
    if problems:
        raise Invalid(problems)
    return values


def _is_shown(question, values):
    if question.shown_if is None:
        return True
    name, asked = question.shown_if
    return name in values and asked.meets(values[name])


FORM = links.declare(links.Purpose("form", "Public form", "form", "records.write", read, narrowed))
