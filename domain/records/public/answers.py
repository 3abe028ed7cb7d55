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
from domain import Invalid, NotFound, Refused, Stale, existing
from domain.base import allowances, audit, keys, outgoing
from domain.fields import forms as field_forms
from domain.fields.kinds import clean, whole
from domain.fields.records.leftover import LeftOver, plain_cell
from domain.lists import rows
from domain.records import listings
from domain.records.public import forms, links, quarantine, spam
from models import PublicAnswer, PublicLink

GONE = "This answer isn't here any more, or the form doesn't show it."
SAID, LONGEST = "said", 500  # beside the words by name: all of them as they read


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
    `network` is where it comes from. The same form is the same answer. Refuses with Invalid, spam.Old also where the
    form was sent with other words before, links.Over of a form that is full, TooOften, and stores.StoreDown, after
    which the same form goes on.
    """
    link = opened.link
    stamp = spam.stamp_of(link, form.get("stamp"))
    asked = forms.questions(opened)
    sent = quarantine.looked_at({name: found for name, found in files.items() if name in _of_files(asked)})
    key = _digest(asked, form) if stamp is None else f"{stamp.key}.{_digest(asked, form, sent)}"
    made = _made(link, key) or (stamp and _made_before(link, stamp))
    if made and not quarantine.is_broken_off(made):
        if made.form_key not in (key, key.partition(".")[0]):
            raise spam.Old("You sent this page before. What you wrote now is another answer: send it again.")
        return made, _secret(link, made.form_key)
    key = made.form_key if made else key
    if made is None and links.is_full(link):
        raise links.full(link)
    there = {f"f{file.field_id}" for file in quarantine.of(made)} if made else set()
    values = forms.answered(asked, form, there | {name for name, _, _ in sent})
    sent = [one for one in sent if one[0] in values]
    words = _as_words(asked, values)
    if made:
        _say_again(made, words, list(_written(asked, values)))
        return _go_on(opened, made, sent), _secret(link, key)
    reasons = spam.judged(link, stamp, form, list(_written(asked, values)), network)
    if not sent:
        return _keep(opened, key, words, reasons), _secret(link, key)
    quarantine.check_room(sent, reasons)
    made = _keep(opened, key, words, [*reasons, "files"], sent)
    quarantine.bring(made, sent)
    return _once_there(opened, made, sent), _secret(link, key)


@writes
def _say_again(answer, words, written):
    """What a form says that is sent once more, while it waits; it is looked at again for how it is written."""
    reasons = answer.reasons.split()
    if spam.points(written) >= spam.SUSPECT and "words" not in reasons:
        reasons = ["words", *reasons]
    said = PublicAnswer.update(words=json.dumps(words), reasons=" ".join(reasons))
    said.where(_as_read(answer), PublicAnswer.reasons == answer.reasons).execute()


def _go_on(opened, answer, sent):
    """Go on with an answer that broke off while its files came: what comes now counts in place of what never came.
    Without a file it waits for a look, since one is missing."""
    if not sent:
        return answer
    quarantine.check_room(sent, answer.reasons.split(), answer)
    quarantine.announce_again(answer, sent)
    quarantine.bring(answer, sent)
    return _once_there(opened, answer, sent)


def _of_files(asked):
    return {question.name for question in asked if question.kind_name == "files"}


def _digest(asked, form, sent=()):
    """What an answer is known by, beside its page where it came with one of ours: its words and files."""
    files = sorted((name, facts["sha256"]) for name, facts, _ in sent)
    said = json.dumps([*([question.name, form.getlist(question.name)] for question in asked), *files])
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _made(link, key):
    return PublicAnswer.one(PublicAnswer.link == link, PublicAnswer.form_key == key)


def _made_before(link, stamp):
    """What was made by a page with other words: whoever goes back to it has the same page."""
    return PublicAnswer.one(PublicAnswer.link == link, PublicAnswer.form_key.between(stamp.key, f"{stamp.key}.g"))


def _written(asked, values):
    """(whether it is long, what was written) of answers that are words."""
    for question in asked:
        value = values.get(question.name)
        if isinstance(value, str) and question.kind_name in ("text", "long_text"):
            yield question.kind_name == "long_text", value


def _as_words(asked, values):
    """name → texts that the fields read back, whatever the reader's zone and language are then; under SAID how they
    read, for lists of answers."""
    fields = {question.name: question.field for question in asked if question.kind_name != "files"}
    fields = {name: field for name, field in fields.items() if name in values}
    plain = " · ".join(filter(None, (plain_cell(field.kind, values[name]) for name, field in fields.items())))
    return Sent({name: [_text(field, values[name])] for name, field in fields.items()} | {SAID: [plain[:LONGEST]]})


def _text(field, value):
    """A value as text. Of several words it has the numbers: they stay when a word is called something else."""
    if field.kind.several and not isinstance(value, LeftOver):
        return ";".join(str(id) for id in value or ())
    return field_forms.as_text(field, value)


def _present(field, text):
    """The text of a value as its field reads it by now: a word that became another is that one."""
    if not hasattr(field.kind, "word_of"):
        return text
    return ";".join(str(field.kind.word_of(whole(one)) or one) for one in text.split(";"))


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
        links.notify_of_waiting(link)
    return answer


def _come_in(opened, answer):
    """Let an answer in by itself, in the present transaction; what the table refuses waits."""
    try:
        return _put(opened, answer)
    except (links.Over, allowances.TooOften):
        raise
    except Refused:
        _hold(answer, ["refused"])
        links.notify_of_waiting(opened.link)
        return PublicAnswer.get_by_id(answer.id)


@writes
def _once_there(opened, answer, sent):
    """An answer whose files have all come: in, where only they kept it waiting."""
    answer = PublicAnswer.get_by_id(answer.id)
    if not quarantine.is_broken_off(answer) or not quarantine.are_there(answer, sent):
        return answer
    rest = [reason for reason in answer.reasons.split() if reason not in quarantine.BROKEN_OFF]
    _hold(answer, rest)
    answer = PublicAnswer.get_by_id(answer.id)
    if answer.state != "held":
        return answer
    if not rest:
        return _come_in(opened, answer)
    links.notify_of_waiting(opened.link)
    return answer


def _hold(answer, reasons):
    PublicAnswer.update(reasons=" ".join(reasons)).where(
        PublicAnswer.id == answer.id, PublicAnswer.state == "held"
    ).execute()


@writes
def _put(opened, answer, by=None):
    """Make the row of an answer as it was read; what no field takes is kept beside it. Refuses with links.Over beyond
    what the form takes, where its sender changed it meanwhile, and as the table does."""
    link = opened.link
    values, left = _row_values(opened, words_of(answer))
    decided = {"decided_by": by.user, "decided_at": now()} if by else {}
    taken = PublicAnswer.update(state="in", words=json.dumps(left), **decided)
    if not taken.where(_as_read(answer)).execute():
        said = "Somebody else was faster: this answer doesn't wait any more, or whoever sent it has just changed it."
        raise Refused(said, "INVALID_TRANSITION")
    room = PublicLink.most.is_null() | (PublicLink.taken < PublicLink.most)
    if not PublicLink.update(taken=PublicLink.taken + 1).where(PublicLink.id == link.id, room).execute():
        raise links.full(link)
    row = rows.add(opened.rules, values, by=opened.by)
    PublicAnswer.update(record=row.id).where(PublicAnswer.id == answer.id).execute()
    summary = f"{link.name}: an answer became row {row.id}"
    about = {"category": "organization", "target": ("record", row.id)}
    audit.record("public_link.answered", summary, by=by and by.user, organization=opened.by.organization, **about)
    _notify(opened, answer, row, by)
    return PublicAnswer.get_by_id(answer.id)


def _as_read(answer):
    """That an answer waits with the very words that were read."""
    same = (PublicAnswer.state == "held") & (PublicAnswer.words == answer.words)
    return (PublicAnswer.id == answer.id) & same


def _asked(opened):
    return [question for question in forms.questions(opened) if question.kind_name != "files"]


def _row_values(opened, words):
    """(name → value of the row, the words that none of its fields takes)"""
    values = forms.answered(_asked(opened), _presently(opened, words))
    left = {name: texts for name, texts in words.items() if name not in values and any(texts)}
    return rows.begun(opened.rules, values) | forms.fixed(opened), left


def _presently(opened, words):
    fields = {question.name: question.field for question in _asked(opened)}
    return Sent(words | {name: [_present(fields[name], words[name])] for name in words if name in fields})


def _notify(opened, answer, row, by):
    user, organization = opened.maker.user, opened.by.organization
    if by is None and opened.link.settings.get("tells"):
        link = f"/{organization.slug}/records/{opened.collection.slug}/{row.id}"
        title = f"{opened.link.name}: somebody answered"
        outgoing.notify(user, "records.answer", f"answer:{answer.id}", title, link=link, organization=organization)


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
        _put(links.opened(link, is_reviewed=True), answer, by)
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
    return {"words": json.dumps(words_of(answer) | words), "record": None, "reasons": "undone"}


def _words_of(opened, answer):
    """What stands in an answer's row, as a form has it; None where the row is gone."""
    try:
        row = rows.get(opened.rules, answer.record_id, opened.by)
    except NotFound:
        return None
    fields = [question.field for question in _asked(opened)]
    return {field.name: [_text(field, row.value(field.name))] for field in fields}


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
    """name → text of an answer that waits; of another, what its row has no field for."""
    words = json.loads(answer.words)
    return Sent({name: texts for name, texts in words.items() if name != SAID})


def gone():
    """The refusal for an answer that isn't there."""
    return NotFound("There is no such answer.")


def own_words(opened, answer):
    """name → text of what was answered, as the form has it: what stands in the row by now. Refuses with NotFound."""
    if answer.state == "held":
        return _presently(opened, words_of(answer))
    words = existing(_words_of(opened, answer) if answer.record_id else None, GONE)
    return Sent(words)


def plain(question, text):
    """A text of `own_words` as people read it."""
    text = _present(question.field, text)
    try:
        value = question.field.read(text)
    except ValueError:
        value = LeftOver(clean(text))
    return plain_cell(question.field.kind, value)


def is_fixed(opened, question):
    """Whether an answer stays as it was sent: what must not occur twice would tell by a refusal what others wrote."""
    return opened.shape.by_name[question.name].is_unique


def change_own(opened, secret, form, *, was):
    """Change one's own answer, but for what `is_fixed`; `was` are the texts that the page showed. Refuses with Invalid,
    NotFound, Stale where it was changed meanwhile, and TooOften."""
    answer = own(opened, secret)
    allowances.spend("answers_again", f"{answer.id}")
    if opened.link.settings["own"] != "change":
        raise NotFound(GONE)
    asked, words = _asked(opened), own_words(opened, answer)
    stands = {one.name: _standing(one, words.get(one.name, "")) for one in asked}
    fixed = {one.name: _known(stands[one.name]) for one in asked if is_fixed(opened, one)}
    values = forms.answered(asked, form, known=fixed)
    if spam.points(_written(asked, values)) >= spam.SUSPECT:
        raise Invalid({"form": "This has too many links to be saved without anybody looking."})
    asked = [one for one in asked if one.name not in fixed]
    _change_own(opened, answer, asked, {name: values[name] for name in values if name not in fixed}, was)


def _known(value):
    return None if isinstance(value, LeftOver) else value


def _standing(question, text):
    try:
        return question.field.read(text) if text else None
    except ValueError:
        return LeftOver(text)


@writes
def _change_own(opened, answer, asked, values, was):
    answer = PublicAnswer.get_by_id(answer.id)
    wanted = {question.name: None for question in asked} | values  # what isn't asked any more is emptied
    fields = [question.field for question in asked]
    if answer.state == "held":
        words = words_of(answer)
        present = _presently(opened, words)
        stands = {question.name: _standing(question, present.get(question.name, "")) for question in asked}
        field_forms.check_fresh("answer", fields, stands, wanted, was)
        words = {name: texts for name, texts in words.items() if name not in wanted} | _as_words(asked, values)
        if PublicAnswer.update(words=json.dumps(words)).where(_as_read(answer)).execute():
            return
        answer = PublicAnswer.get_by_id(answer.id)
    if answer.state != "in" or answer.record_id is None:
        raise Stale("Somebody else changed this answer at the same moment. Look again.")
    rules, by = opened.rules, opened.by
    row = rows.get(rules, answer.record_id, by)
    stands = {name: row.value(name) for name in wanted}
    field_forms.check_fresh("answer", fields, stands, wanted, was)
    for name, value in wanted.items():
        if stands[name] != value and not rules.may_change(row, name, by):
            raise NotFound(GONE)
    if rows.write(rules, row, wanted, by):
        about = {"category": "organization", "target": ("record", row.id)}
        summary = f"{opened.link.name}: an answer was changed by whoever sent it"
        audit.record("public_link.answer_changed", summary, organization=by.organization, **about)


def of_row(record_id):
    """(the answer, its link) that a row came by, or None."""
    answer = PublicAnswer.one(PublicAnswer.record == record_id)
    return answer and (answer, PublicLink.get_by_id(answer.link_id))
