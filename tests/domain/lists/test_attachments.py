"""Files on a row: who puts and sees them, what is kept, and what is let go."""

import io

import pytest
from PIL import Image

import jobs
from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import configuration, settings
from domain.files import stores
from domain.lists import attachments, rows
from domain.organizations import organizations
from domain.tasks import tasks
from models import AuditEvent, StoredFile
from tests.fixtures.threads import write


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


def put(task, by, data=b"hello", name="note.txt"):
    return attachments.add(tasks.rules, task.id, io.BytesIO(data), name, by=by)


def lying():
    """The files in the data folder."""
    return sorted(path for path in (configuration.active.data / "files").rglob("*") if path.is_file())


def picture():
    out = io.BytesIO()
    Image.new("RGB", (100, 100), "teal").save(out, "PNG")
    return out.getvalue()


def test_a_file_has_the_type_of_its_bytes_and_a_clean_name(at, task):
    made = put(task, at("bob"), picture(), "../../holiday.pdf")
    assert (made.type, made.name, made.size, made.by_id) == (
        "image/png",
        "holiday.pdf",
        len(picture()),
        at("bob").user.id,
    )
    assert b"".join(attachments.content(made)) == picture()


def test_the_same_bytes_are_kept_and_counted_once_for_an_organization(cast, at, task):
    for name in ("a.txt", "b.txt"):
        put(task, at("alice"), name=name)
    assert (len(lying()), attachments.used()) == (1, 5)
    with inside(cast.globex):
        theirs = rows.create(tasks.rules, {"title": "Theirs"}, by=at("charlie", "globex"))
        put(theirs, at("charlie", "globex"))
    assert len(lying()) == 2


def test_who_only_looks_puts_none_and_who_does_not_see_the_row_finds_none(cast, at, task):
    made = put(task, at("alice"))
    with pytest.raises(Forbidden):
        put(task, at("vera"))
    assert attachments.get(tasks.rules, task.id, made.id, at("vera")).id == made.id
    with inside(cast.globex), pytest.raises(NotFound):
        attachments.get(tasks.rules, task.id, made.id, at("charlie", "globex"))
    write(
        lambda: (
            organizations.Organization.update(own_tasks_only=True)
            .where(organizations.Organization.id == cast.acme.id)
            .execute()
        )
    )
    with pytest.raises(NotFound):
        attachments.get(tasks.rules, task.id, made.id, at("bob"))


def test_a_file_of_another_row_is_not_here(at, task):
    made = put(task, at("alice"))
    other = rows.create(tasks.rules, {"title": "Another"}, by=at("alice"))
    with pytest.raises(NotFound):
        attachments.get(tasks.rules, other.id, made.id, at("alice"))


def test_what_can_not_be_kept_is_refused_and_nothing_is_noted(at, task, monkeypatch):
    with pytest.raises(Invalid):
        put(task, at("alice"), b"")
    settings.change("max_upload_mb", "1", by=at("alice").user)
    with pytest.raises(attachments.TooLarge, match="at most 1 MB"):
        put(task, at("alice"), b"x" * (1024**2 + 1))
    monkeypatch.setattr(attachments, "A_ROW", 0)
    with pytest.raises(Refused, match="at most 0 files"):
        put(task, at("alice"))
    monkeypatch.undo()
    settings.change("files_mb", "0", by=at("alice").user)
    with pytest.raises(Refused, match="no room"):
        put(task, at("alice"))
    assert StoredFile.select().count() == 0


def test_a_removed_file_is_put_back_by_who_removed_it_and_the_log_tells(at, task):
    made = put(task, at("bob"))
    with pytest.raises(Forbidden):
        attachments.remove(tasks.rules, task.id, made.id, by=at("dora"))
    attachments.remove(tasks.rules, task.id, made.id, by=at("alice"))
    assert attachments.on(tasks.listing, task.id) == []
    assert AuditEvent.select().where(AuditEvent.action == "file.removed").count() == 1
    with pytest.raises(NotFound):
        attachments.put_back(tasks.rules, task.id, made.id, by=at("bob"))
    attachments.put_back(tasks.rules, task.id, made.id, by=at("alice"))
    assert [file.id for file in attachments.on(tasks.listing, task.id)] == [made.id]


def test_bytes_go_when_nothing_points_to_them_any_more(at, task, clock):
    first, second = put(task, at("alice"), name="a"), put(task, at("alice"), name="b")
    for file, left in ((first, 1), (second, 0)):
        attachments.remove(tasks.rules, task.id, file.id, by=at("alice"))
        clock.forward(days=29)
        assert attachments.purge(10) == 0
        clock.forward(days=200)  # the bytes were put just now by the clock of the disk
        assert (attachments.purge(10), len(lying())) == (1, left)
    assert StoredFile.select().count() == 0


def test_bytes_that_were_put_just_now_stay_for_whoever_is_about_to_note_them(at, task, clock, monkeypatch):
    made = put(task, at("alice"))
    attachments.remove(tasks.rules, task.id, made.id, by=at("alice"))
    clock.forward(days=31)
    monkeypatch.setattr(stores.Folder, "changed_at", lambda self, key: clock())
    assert (attachments.purge(10), len(lying())) == (1, 1)


def test_a_small_picture_is_drawn_in_a_job_and_a_broken_one_has_none(at, task):
    good, bad = put(task, at("alice"), picture()), put(task, at("alice"), picture()[:60], "broken.png")
    with pytest.raises(NotFound):
        attachments.content(good, small=True)
    jobs.run("thumbnails")
    states = {file.id: file.thumbnail for file in attachments.on(tasks.listing, task.id)}
    assert states == {good.id: "made", bad.id: "none"}
    made = attachments.get(tasks.rules, task.id, good.id, at("bob"))
    assert b"".join(attachments.content(made, small=True))[8:12] == b"WEBP"


def test_a_file_of_which_the_bytes_are_lost_is_not_here(at, task):
    made = put(task, at("alice"))
    lying()[0].unlink()
    with pytest.raises(NotFound):
        attachments.content(made)
