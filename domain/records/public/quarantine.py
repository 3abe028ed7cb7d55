"""Files that strangers sent: apart from all others, and seen by nobody but who decides about them, until one is let in.

A row says that a file comes before its bytes do, so that a kill leaves nothing that nobody knows of.
"""

import hashlib
import io
from datetime import timedelta

from peewee import fn

from database.clock import now
from database.columns import public_id
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import settings
from domain.files import names, stores
from domain.lists import attachments
from models import PublicAnswer, PublicFile

MOST_FILES, MOST = 3, 10 * 1024 * 1024  # of an answer; bytes of one
COMING = timedelta(hours=1)  # a file that didn't arrive
KEPT = timedelta(days=30)  # what was thrown away


def _place(file):
    return f"{file.organization_id}/quarantine/{hashlib.sha256(file.public_id.encode()).hexdigest()}"


def looked_at(sent):
    """[(name of the question, facts, bytes)] of the files of a form, {question: [(name, stream)]}. Refuses with Invalid
    more or larger ones than an answer may have."""
    found = []
    for question, files in sent.items():
        for called, stream in files:
            data = stream.read(MOST + 1)
            if not data:
                continue
            if len(data) > MOST:
                raise Invalid({question: f"“{names.cleaned(called)}” is larger than {MOST // 1024**2} MB."})
            facts = {"name": names.cleaned(called), "size": len(data), "type": names.type_of(data[: names.HEAD])}
            found.append((question, facts | {"sha256": hashlib.sha256(data).hexdigest()}, data))
            if len(found) > MOST_FILES:
                raise Invalid({question: f"Send {MOST_FILES} files at most."})
    return found


def check_room(files):
    """Refuse with Refused files for which the organization has no room; those that wait count too."""
    waiting = PublicFile.select(fn.sum(PublicFile.size)).where(PublicFile.state != "gone").scalar() or 0
    if attachments.used() + waiting + sum(facts["size"] for _, facts, _ in files) > settings.get("files_mb") * 1024**2:
        raise Refused("There is no room for files here at present. Send it without them, or try again later.")


def announce(answer, files):
    """Note the files of an answer before their bytes come, in the present transaction."""
    for question, facts, _ in files:
        about = {"answer": answer, "field_id": int(question[1:]), "public_id": public_id()}
        PublicFile.create(**about, **facts)


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
    parts = stores.active().read(_place(file))
    if parts is None:
        raise NotFound("The content of this file isn't here any more.")
    return parts


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
    """Remove bytes of files that were let go of or never came, and what was thrown away long ago; returns how many."""
    with everywhere("what is let go of goes for every organization alike"):
        lost = (PublicFile.state == "coming") & (PublicFile.created_at < now() - COMING)
        gone = list(PublicFile.select().where((PublicFile.state == "gone") | lost).order_by(PublicFile.id).limit(limit))
        long_ago = (PublicAnswer.state == "thrown") & (PublicAnswer.decided_at < now() - KEPT)
        thrown = list(PublicAnswer.select().where(long_ago).order_by(PublicAnswer.decided_at).limit(limit))
    for file in gone:
        remove_bytes(file)
        _forget(file)
    for answer in thrown:
        _forget_answer(answer)
    return len(gone) + len(thrown)


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
