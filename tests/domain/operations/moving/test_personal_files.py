"""All that names a person, for them alone; and what is left of it once they are gone."""

import json
import zipfile

import pytest
from PIL import Image

import jobs
from database.scope import inside
from domain import NotFound, Refused
from domain.base import outgoing, stepup
from domain.files import made_files
from domain.lists import comments, rows
from domain.operations.moving import personal_files
from domain.organizations import faces
from domain.people import accounts, sessions
from domain.tasks import tasks
from models import Letter, Notification, User
from tests.fixtures.flyers import saved
from tests.fixtures.threads import write


def file_of(user):
    """table → its rows, of the file that was made last."""
    with zipfile.ZipFile(made_files.path(personal_files.newest(user))) as packed:
        tables = [name for name in packed.namelist() if name.endswith(".json")]
        return {name.removesuffix(".json"): json.loads(packed.read(name)) for name in tables}


def filled(cast, at):
    with inside(cast.acme):
        form = {"title": "A secret of Acme's", "assigned_to": str(cast.bob.id)}
        task = rows.create(tasks.rules, form, by=at("alice"))
        comments.add(tasks.rules, task.id, {"text": "I wrote this"}, by=at("bob"), page="/x")
        comments.add(tasks.rules, task.id, {"text": "Alice wrote this"}, by=at("alice"), page="/x")
        return task


def test_what_names_them_is_in_it_and_nothing_that_opens(cast, at, proven):
    task = filled(cast, at)
    write(lambda: Notification.create(recipient=cast.bob, type="test", title="You have news"))
    sessions.start(cast.bob, user_agent="Firefox")
    proven("bob", "account.export")
    personal_files.ask(cast.bob)
    with pytest.raises(Refused, match="being made already"):
        personal_files.ask(cast.bob)
    assert jobs.run("personal_export") == 1
    told = file_of(cast.bob)
    assert [user["email"] for user in told["user"]] == ["bob@example.org"]
    assert told["profile"][0]["full_name"] == "Bob"
    assert told["user_session"][-1]["user_agent"] is not None
    assert [comment["text"] for comment in told["row_comment"]] == ["I wrote this"]
    assert {(row["row"], *row["names you as"]) for row in told["task"]} == {(task.id, "assigned_to")}
    assert [row["title"] for row in told["notification"]] == ["You have news"]
    whole = json.dumps(told)
    assert "A secret of Acme's" not in whole
    assert "argon2" not in whole
    assert not [name for table in told.values() for row in table for name in row if "hash" in name]


def test_their_picture_is_in_it(cast, proven):
    faces.put(cast.bob, saved(Image.new("RGB", (300, 300), "#0000ff")), "bob.jpg")
    proven("bob", "account.export")
    personal_files.ask(cast.bob)
    assert jobs.run("personal_export") == 1
    with zipfile.ZipFile(made_files.path(personal_files.newest(cast.bob))) as packed:
        assert packed.read("picture.webp") == faces.content(cast.bob.public_id, cast.bob)[1]


def test_only_after_proving_who_one_is_and_for_a_week(cast, proven, signed_in_as, clock):
    signed_in_as("bob")
    with pytest.raises(stepup.VerificationRequired):
        personal_files.ask(cast.bob)
    proven("bob", "account.export")
    job = personal_files.ask(cast.bob)
    assert jobs.run("personal_export") == 1
    assert personal_files.newest(cast.alice) is None
    clock.forward(days=8)
    with pytest.raises(NotFound):
        made_files.path(personal_files.newest(cast.bob))
    personal_files.work()
    assert not made_files.place(job).exists()


def test_once_they_are_gone_the_log_of_letters_doesnt_name_them(cast, at, proven, letters):
    write(lambda: outgoing.letter("test_letter", "bob@example.org", "then", name="Bob"))
    letters()
    assert Letter.select().where(Letter.email_norm == "bob@example.org").count() == 1
    proven("bob", "account.delete", cast.bob.id)
    accounts.delete(cast.bob)
    assert "bob@example.org" in [to for to, *_ in letters()]  # the receipt
    assert Letter.get(Letter.template == "test_letter").recipient == ""
    assert User.get_by_id(cast.bob.id).email == f"deleted-{cast.bob.id}@deleted.invalid"


def test_a_file_goes_with_the_account_and_one_that_waits_isnt_made(cast, proven):
    proven("bob", "account.export")
    made = personal_files.ask(cast.bob)
    jobs.run("personal_export")
    waiting = personal_files.ask(cast.bob)
    assert made_files.place(made).exists()
    write(accounts.erase_again, cast.bob)
    jobs.run("personal_export")
    assert not made_files.place(made).exists()
    assert not made_files.place(waiting).exists()
    assert personal_files.newest(cast.bob).error == "Their account was closed."
