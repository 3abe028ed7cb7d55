"""Files that strangers sent: apart from all others, and seen by nobody but who decides about them, until one is let in.

A row says that a file comes before its bytes do, so that a kill leaves nothing that nobody knows of.
"""

import hashlib
import io
from datetime import timedelta

from peewee import fn

from database.clock import now
from database.columns import public_id
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import settings
from domain.files import names, stores
from domain.lists import attachments
from domain.records.public import links
from models import PublicAnswer, PublicFile

MOST_FILES, MOST = 3, 10 * 1024 * 1024  # of an answer; bytes of one
COMING = timedelta(hours=1)  # a file that didn't arrive
KEPT = timedelta(days=30)  # what was thrown away
BROKEN_OFF = ("files", "lost")  # reasons of answers whose files didn't all come
SUSPECT_SHARE = 10  # what looks as if no person had sent it has one part of so many


def _place(file):
    return f"{file.organization_id}/quarantine/{hashlib.sha256(file.public_id.encode()).hexdigest()}"


def looked_at(sent):
    """[(name of the question, facts, bytes)] of the files of a form, {question: [(name, stream)]}. Refuses with Invalid
    more or larger ones than an answer may have."""
    found, most = [], min(MOST, settings.get("max_upload_mb") * 1024**2)
    for question, files in sent.items():
        for called, stream in files:
            data = stream.read(most + 1)
            if not data:
                continue
            if len(data) > most:
                raise Invalid({question: f"“{names.cleaned(called)}” is larger than {most // 1024**2} MB."})
            facts = {"name": names.cleaned(called), "size": len(data), "type": names.type_of(data[: names.HEAD])}
            found.append((question, facts | {"sha256": hashlib.sha256(data).hexdigest()}, data))
            if len(found) > MOST_FILES:
                raise Invalid({question: f"Send {MOST_FILES} files at most."})
    return found


def check_room(files, reasons, answer=None):
    """Refuse with Refused files for which the organization has no room; those that wait count too, but for those that
    were thrown away. What looks as if no person had sent it has a small room of its own, so that it takes nobody
    else's. `reasons` are those why the answer waits, `answer` is it where it was made before."""
    room, new = settings.get("files_mb") * 1024**2, sum(facts["size"] for _, facts, _ in files)
    looked_at, suspect = _waiting(answer)
    is_over = attachments.used() + looked_at + new > room
    if is_suspect(reasons):
        is_over = attachments.used() + looked_at + suspect + new > room or suspect + new > room // SUSPECT_SHARE
    if is_over:
        raise Refused("There is no room for files here at present. Send it without them, or try again later.")


def is_suspect(reasons):
    """Whether an answer waits for more than its files or its table."""
    return bool({*reasons} - {*BROKEN_OFF, "refused", "undone"})


def _waiting(but):
    """Bytes that wait, of (answers that look good or were looked at, the others), without those of one answer."""
    size = fn.sum(PublicFile.size)
    query = PublicFile.select(PublicAnswer.state, PublicAnswer.reasons, size).join(PublicAnswer)
    query = query.where(PublicFile.state != "gone", PublicAnswer.state != "thrown")
    if but is not None:
        query = query.where(PublicAnswer.id != but.id)
    found = [0, 0]
    for state, reasons, bytes in query.group_by(PublicAnswer.state, PublicAnswer.reasons).tuples():
        found[state == "held" and is_suspect(reasons.split())] += int(bytes)
    return found


def announce(answer, files):
    """Note the files of an answer before their bytes come, in the present transaction."""
    for question, facts, _ in files:
        about = {"answer": answer, "field_id": int(question[1:]), "public_id": public_id()}
        PublicFile.create(**about, **facts)


def is_broken_off(answer):
    """Whether files of an answer didn't all come, as far as is known."""
    return answer.state != "thrown" and any(reason in BROKEN_OFF for reason in answer.reasons.split())


@writes
def announce_again(answer, files):
    """Note the files that an answer is sent with once more, in place of those that never came. Refuses with Invalid
    more than an answer may have, with those that have come."""
    lock("form", f"public link {answer.link_id} {answer.form_key}")
    there = [file for file in of(answer) if _name(file) not in {_named(one) for one in files}]
    if len(there) + len(files) > MOST_FILES:
        raise Invalid({files[0][0]: f"Send {MOST_FILES} files at most; {len(there)} have come already."})
    mine = PublicFile.select().where(PublicFile.answer == answer, PublicFile.state != "gone")
    known = {_name(file): file for file in mine}
    for name, file in known.items():
        if file.state == "coming" and name not in {_named(one) for one in files}:
            throw_away(answer, file.id)
    announce(answer, [one for one in files if _named(one) not in known])


def _name(file):
    return f"f{file.field_id}", file.sha256


def _named(sent):
    question, facts, _ = sent
    return question, facts["sha256"]


def are_there(answer, files):
    """Whether all that an answer was sent with has come."""
    coming = PublicFile.one(PublicFile.answer == answer, PublicFile.state == "coming")
    return coming is None and {_named(one) for one in files} <= {_name(file) for file in of(answer)}


def bring(answer, files):
    """Keep the bytes of an answer's files that haven't come yet. Refuses with stores.StoreDown."""
    for file in PublicFile.select().where(PublicFile.answer == answer, PublicFile.state == "coming"):
        data = next((data for _, facts, data in files if facts["sha256"] == file.sha256), None)
        if data is not None:
            stores.active().put(_place(file), io.BytesIO(data))
            _arrived(file)


@writes
def _arrived(file):
    PublicFile.update(state="waiting").where(PublicFile.id == file.id, PublicFile.state == "coming").execute()


def of(answer):
    """The files of an answer that wait."""
    return list(
        PublicFile.select().where(PublicFile.answer == answer, PublicFile.state == "waiting").order_by(PublicFile.id)
    )


def get(answer, id):
    """One of them. Refuses with NotFound."""
    found = PublicFile.one(PublicFile.id == id, PublicFile.answer == answer, PublicFile.state == "waiting")
    if found is None:
        raise NotFound("This file isn't here any more: it was let in, or thrown away.")
    return found


def content(file):
    """Its bytes in parts. Refuses with NotFound."""
    return existing(stores.active().read(_place(file)), "The content of this file isn't here any more.")


def let_in(rules, answer, id, *, by):
    """Put a file into its cell of the answer's row; returns its name. Refuses with NotFound, Forbidden, Refused where
    its answer is in no table, and stores.StoreDown."""
    file = get(answer, id)
    if answer.record_id is None:
        raise Refused("Let the answer in first: its files stand in its row.")
    data, into = io.BytesIO(b"".join(content(file))), f"f{file.field_id}"
    facts = attachments.bring(rules, answer.record_id, data, file.name, by=by, field=into)
    _let_in(rules, answer, file, facts, by)
    return file.name


@writes
def _let_in(rules, answer, file, facts, by):
    if not PublicFile.update(state="gone").where(PublicFile.id == file.id, PublicFile.state == "waiting").execute():
        raise Refused("Somebody else was faster.")
    attachments.note(rules, answer.record_id, facts, by=by, field=f"f{file.field_id}")


@writes
def throw_away(answer, id=None):
    """Let go of a file of an answer, or of all; a job removes their bytes."""
    mine = (PublicFile.answer == answer) & (PublicFile.state != "gone")
    PublicFile.update(state="gone").where(mine if id is None else mine & (PublicFile.id == id)).execute()


def remove_bytes(file):
    """Remove what a file is made of; refuses with stores.StoreDown."""
    stores.active().remove(_place(file))


def purge(limit):
    """Remove bytes of files that were let go of or never came, and what was thrown away long ago; whoever made a form
    hears of answers that broke off. Returns how many."""
    with everywhere("what is let go of goes for every organization alike"):
        waits = (PublicAnswer.state == "held") & PublicAnswer.reasons.endswith("files")
        broken_off = waits & (PublicAnswer.created_at < now() - COMING)
        late = list(PublicAnswer.select().where(broken_off).order_by(PublicAnswer.id).limit(limit))
        lost = (PublicFile.state == "coming") & (PublicFile.created_at < now() - COMING)
        gone = list(PublicFile.select().where((PublicFile.state == "gone") | lost).order_by(PublicFile.id).limit(limit))
        long_ago = (PublicAnswer.state == "thrown") & (PublicAnswer.decided_at < now() - KEPT)
        thrown = list(PublicAnswer.select().where(long_ago).order_by(PublicAnswer.decided_at).limit(limit))
    for answer in late:
        _tell_of_late(answer)
    for file in gone:
        remove_bytes(file)
        _forget(file)
    for answer in thrown:
        _forget_answer(answer)
    return len(late) + len(gone) + len(thrown)


@writes
def _tell_of_late(answer):
    """An answer whose files don't come any more waits for a look."""
    with inside(answer.organization):
        lost = " ".join([*(one for one in answer.reasons.split() if one != "files"), "lost"])
        same = (PublicAnswer.state == "held") & (PublicAnswer.reasons == answer.reasons)
        if PublicAnswer.update(reasons=lost).where(PublicAnswer.id == answer.id, same).execute():
            links.notify_of_waiting(answer.link)


@writes
def _forget(file):
    with inside(file.organization):
        PublicFile.delete().where(PublicFile.id == file.id, PublicFile.state != "waiting").execute()


@writes
def _forget_answer(answer):
    """It goes once its files have."""
    with inside(answer.organization):
        throw_away(answer)
        if PublicFile.one(PublicFile.answer == answer) is None:
            PublicAnswer.delete().where(PublicAnswer.id == answer.id, PublicAnswer.state == "thrown").execute()
