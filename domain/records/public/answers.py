"""What strangers answer by a public form: a row of its table at once, or words that wait until somebody has looked.

An answer comes once however often its form is sent. Nobody acts in it: the row has no maker, and its history names the
form.
"""

import hashlib
import json
from datetime import timedelta

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import allowances, audit, keys, outgoing
from domain.fields import forms as field_forms
from domain.fields.kinds import clean
from domain.fields.records.leftover import LeftOver, plain_cell
from domain.lists import rows
from domain.records import listings
from domain.records.public import forms, links, quarantine, spam
from models import PublicAnswer, PublicLink

GONE = "This answer isn't here any more, or the form doesn't show it."


class Sent(dict):
    """name → texts, read as a form is."""

    def __getitem__(self, name):
        return super().__getitem__(name)[-1]

    def get(self, name, otherwise=None):
        return self[name] if self.getlist(name) else otherwise

    def getlist(self, name):
        return super().get(name) or []


def _secret(link, key):
    """What opens one's own answer; always the same for one form, so that a form that came twice shows it twice."""
    return keys.keyed("own answer", f"{link.id} {key}")[:32]


def take(opened, form, files, *, network):
    """Take an answer: (the PublicAnswer, the secret of whoever sent it). `files` are {question: [(name, stream)]},
    `network` is where it comes from. The same form is the same answer. Refuses with Invalid, spam.Old, links.Over of a
    form that is full, TooOften, and stores.StoreDown, after which the same form goes on.
    """
    link = opened.link
    stamp = spam.stamp_of(link, form.get("stamp"))
    asked = forms.questions(opened)
    sent = quarantine.looked_at({name: found for name, found in files.items() if name in _of_files(asked)})
    key = stamp.key if stamp else _digest(asked, form)
    if made := _made(link, key):
        quarantine.bring(made, sent)
        return _once_there(opened, made), _secret(link, key)
    if links.is_full(link):
        raise links.full(link)
    values = forms.answered(asked, form, {name for name, _, _ in sent})
    sent = [one for one in sent if one[0] in values]
    reasons = spam.judged(link, stamp, form, list(_written(asked, values)), network)
    words = _as_words(asked, values)
    if sent:
        quarantine.check_room(sent)
        answer = _keep(opened, key, words, [*reasons, "files"], sent)
        quarantine.bring(answer, sent)
        return _once_there(opened, answer), _secret(link, key)
    return _keep(opened, key, words, reasons), _secret(link, key)


def _of_files(asked):
    return {question.name for question in asked if question.kind_name == "files"}


def _digest(asked, form):
    """What an answer is known by that came with no page of ours: its words."""
    said = json.dumps([[question.name, form.getlist(question.name)] for question in asked])
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _made(link, key):
    return PublicAnswer.one(PublicAnswer.link == link, PublicAnswer.form_key == key)


def _written(asked, values):
    """(whether it is long, what was written) of answers that are words."""
    for question in asked:
        value = values.get(question.name)
        if isinstance(value, str) and question.kind_name in ("text", "long_text"):
            yield question.kind_name == "long_text", value


def _as_words(asked, values):
    """name → texts that the fields read back, whatever the reader's zone and language are then."""
    fields = {question.name: question.field for question in asked if question.kind_name != "files"}
    texts = {name: field_forms.as_text(field, values[name]) for name, field in fields.items() if name in values}
    return Sent({name: [text] for name, text in texts.items()})


@writes
def _keep(opened, key, words, reasons, sent=()):
    """Note an answer; one without reasons comes in. What the table refuses waits too, without a word of why."""
    link = opened.link
    lock("form", f"public link {link.id} {key}")
    if made := _made(link, key):
        return made
    about = {"link": link, "form_key": key, "secret_hash": links.hashed(_secret(link, key)), "words": json.dumps(words)}
    answer = PublicAnswer.create(**about, reasons=" ".join(reasons))
    quarantine.announce(answer, sent)
    if not reasons:
        answer = _come_in(opened, answer)
    elif reasons != ["files"]:
        _notify_of_waiting(opened, answer)
    return answer


def _come_in(opened, answer):
    """Let an answer in by itself, in the present transaction; what the table refuses waits."""
    try:
        return _put(opened, answer, json.loads(answer.words))
    except (links.Over, allowances.TooOften):
        raise
    except Refused:
        _hold(answer, ["refused"])
        _notify_of_waiting(opened, answer)
        return PublicAnswer.get_by_id(answer.id)


@writes
def _once_there(opened, answer):
    """An answer whose files have come: in, where only they kept it waiting."""
    if answer.state != "held" or "files" not in answer.reasons.split():
        return answer
    rest = [reason for reason in answer.reasons.split() if reason != "files"]
    _hold(answer, rest)
    answer = PublicAnswer.get_by_id(answer.id)
    if not rest:
        return _come_in(opened, answer)
    _notify_of_waiting(opened, answer)
    return answer


def _hold(answer, reasons):
    PublicAnswer.update(reasons=" ".join(reasons)).where(
        PublicAnswer.id == answer.id, PublicAnswer.state == "held"
    ).execute()


@writes
def _put(opened, answer, words, by=None):
    """Make the row of an answer. Refuses with links.Over beyond what the form takes, and as the table does."""
    link = opened.link
    decided = {"decided_by": by.user, "decided_at": now()} if by else {}
    taken = PublicAnswer.update(state="in", words="{}", **decided)
    if not taken.where(PublicAnswer.id == answer.id, PublicAnswer.state == "held").execute():
        raise Refused("Somebody else was faster: this answer doesn't wait any more.", "INVALID_TRANSITION")
    room = PublicLink.most.is_null() | (PublicLink.taken < PublicLink.most)
    if not PublicLink.update(taken=PublicLink.taken + 1).where(PublicLink.id == link.id, room).execute():
        raise links.full(link)
    row = rows.add(opened.rules, _row_values(opened, Sent(words)), by=opened.by)
    PublicAnswer.update(record=row.id).where(PublicAnswer.id == answer.id).execute()
    summary = f"{link.name}: an answer became row {row.id}"
    about = {"category": "organization", "target": ("record", row.id)}
    audit.record("public_link.answered", summary, by=by and by.user, organization=opened.by.organization, **about)
    _notify(opened, answer, row, by)
    return PublicAnswer.get_by_id(answer.id)


def _row_values(opened, words):
    asked = [question for question in forms.questions(opened) if question.kind_name != "files"]
    return rows.begun(opened.rules, forms.answered(asked, words)) | forms.fixed(opened)


def _notify(opened, answer, row, by):
    user, organization = opened.maker.user, opened.by.organization
    if by is None and opened.link.settings.get("tells"):
        link = f"/{organization.slug}/records/{opened.collection.slug}/{row.id}"
        title = f"{opened.link.name}: somebody answered"
        outgoing.notify(user, "records.answer", f"answer:{answer.id}", title, link=link, organization=organization)


def _notify_of_waiting(opened, answer):
    """Once a day and form."""
    user, organization = opened.maker.user, opened.by.organization
    title, key = f"{opened.link.name}: answers wait for a look", f"answers:{opened.link.id}:{now():%Y-%m-%d}"
    link = f"/{organization.slug}/public-links/{opened.link.id}/answers"
    outgoing.notify(user, "records.answer", key, title, link=link, organization=organization)


# --- decided by who builds the table ----------------------------------------------------------------------------------


def found(id, by):
    """(an answer, its link, its table, the Rights of who decides). Refuses with NotFound or Forbidden."""
    answer = PublicAnswer.one(PublicAnswer.id == id)
    if answer is None:
        raise gone()
    return answer, *links.found(answer.link_id, by)


def let_in(id, *, by):
    """Make a row of an answer that waits. Refuses with NotFound, Forbidden, links.Over beyond what the form takes, and
    with what the table refuses."""
    answer, link, *_ = found(id, by)
    try:
        _put(links.opened(link, is_reviewed=True), answer, json.loads(answer.words), by)
    except Invalid as refusal:
        raise Refused(f"It can't come in as it is: {refusal.sentence}") from None
    return "It is a row of the table now."


@writes
def throw_away(id, *, by):
    """Throw away an answer that waits; for thirty days it can be put back. Refuses with NotFound or Forbidden."""
    answer, *_ = found(id, by)
    decided = PublicAnswer.update(state="thrown", decided_by=by.user, decided_at=now())
    if not decided.where(PublicAnswer.id == answer.id, PublicAnswer.state == "held").execute():
        raise Refused("Only what waits is thrown away here.", "INVALID_TRANSITION")
    return "Thrown away. For 30 days it can be put back."


@writes
def wait_again(id, *, by):
    """Take back what was decided: what was thrown away waits again, and so does what was let in by hand, while its row
    goes to the trash. Refuses with NotFound or Forbidden."""
    answer, link, *_ = found(id, by)
    back = _taken_out(answer, link, by) if answer.state == "in" else {}
    again = PublicAnswer.update(state="held", decided_by=None, decided_at=None, **back)
    if not again.where(PublicAnswer.id == answer.id, PublicAnswer.state == answer.state).execute():
        raise Refused("Somebody else was faster.", "INVALID_TRANSITION")
    return "It waits again."


def _taken_out(answer, link, by):
    """What an answer is again whose row goes to the trash."""
    if answer.decided_at is None:
        raise Refused("It came in by itself. Put its row into the trash instead.", "INVALID_TRANSITION")
    opened = links.opened(link, is_reviewed=True)
    words = _words_of(opened, answer) if answer.record_id else None
    if words is None:
        raise Refused("Its row isn't there any more.", "INVALID_TRANSITION")
    rows.remove(listings.of(opened.collection, by), answer.record_id, by=by)
    PublicLink.update(taken=PublicLink.taken - 1).where(PublicLink.id == link.id, PublicLink.taken > 0).execute()
    return {"words": json.dumps(words), "record": None, "reasons": "undone"}


def _words_of(opened, answer):
    """What stands in an answer's row, as a form has it; None where the row is gone."""
    try:
        row = rows.get(opened.rules, answer.record_id, opened.by)
    except NotFound:
        return None
    fields = [question.field for question in forms.questions(opened) if question.kind_name != "files"]
    return {field.name: [field_forms.as_text(field, row.value(field.name))] for field in fields}


# --- one's own --------------------------------------------------------------------------------------------------------


def own(opened, secret):
    """Somebody's own answer, for as long as its form says. Refuses with NotFound."""
    settings = opened.link.settings
    answer = PublicAnswer.one(PublicAnswer.secret_hash == links.hashed(secret[:100]), PublicAnswer.link == opened.link)
    until = answer and answer.created_at + timedelta(days=settings["own_days"])
    if answer is None or not settings["own"] or until <= now() or answer.state == "thrown":
        raise NotFound(GONE)
    return answer


def until(opened, answer):
    """When it stops being shown."""
    return answer.created_at + timedelta(days=opened.link.settings["own_days"])


def words_of(answer):
    """name → text of an answer that waits."""
    return Sent(json.loads(answer.words))


def gone():
    """The refusal for an answer that isn't there."""
    return NotFound("There is no such answer.")


def own_words(opened, answer):
    """name → text of what was answered, as the form has it: what stands in the row by now. Refuses with NotFound."""
    if answer.state == "held":
        return words_of(answer)
    words = _words_of(opened, answer) if answer.record_id else None
    if words is None:
        raise NotFound(GONE)
    return Sent(words)


def plain(question, text):
    """A text of `own_words` as people read it."""
    try:
        value = question.field.read(text)
    except ValueError:
        value = LeftOver(clean(text))
    return plain_cell(question.field.kind, value)


def change_own(opened, secret, form, *, was):
    """Change one's own answer; `was` are the texts that the page showed. Refuses with Invalid, NotFound, Stale where
    somebody changed the row meanwhile, and TooOften."""
    answer = own(opened, secret)
    allowances.spend("answers_again", f"{answer.id}")
    if opened.link.settings["own"] != "change":
        raise NotFound(GONE)
    asked = [question for question in forms.questions(opened) if question.kind_name != "files"]
    values = forms.answered(asked, form)
    if spam.points(_written(asked, values)) >= spam.SUSPECT:
        raise Invalid({"form": "This has too many links to be saved without anybody looking."})
    _change_own(opened, answer, asked, values, was)


@writes
def _change_own(opened, answer, asked, values, was):
    if answer.state == "held":
        words = json.dumps(_as_words(asked, values))
        PublicAnswer.update(words=words).where(PublicAnswer.id == answer.id, PublicAnswer.state == "held").execute()
        return
    whole = {question.name: None for question in asked} | values  # what isn't asked any more is emptied
    rules, by = opened.rules, opened.by
    row = rows.get(rules, answer.record_id, by)
    stands = {name: row.value(name) for name in whole}
    fields = [question.field for question in asked]
    field_forms.check_fresh("answer", fields, stands, whole, was)
    for name, value in whole.items():
        if stands[name] != value and not rules.may_change(row, name, by):
            raise NotFound(GONE)
    if rows.write(rules, row, whole, by):
        about = {"category": "organization", "target": ("record", row.id)}
        summary = f"{opened.link.name}: an answer was changed by whoever sent it"
        audit.record("public_link.answer_changed", summary, organization=by.organization, **about)


def of_row(record_id):
    """(the answer, its link) that a row came by, or None."""
    answer = PublicAnswer.one(PublicAnswer.record == record_id)
    return answer and (answer, PublicLink.get_by_id(answer.link_id))
