"""Comments on a row: who writes and reads them, who is told, and what a text can and can't do."""

import pytest

import jobs
from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Stale
from domain.base import notices
from domain.base.allowances import TooOften, limiter
from domain.lists import comments, rows
from domain.records import collections, listings
from domain.tasks import tasks
from models import AuditEvent, Change, Comment, Membership, Organization, Outgoing, Profile
from tests.fixtures.threads import write

PAGE = "/acme/tasks"
KEY = "k" * 20


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


def say(task, by, text, **more):
    return comments.add(tasks.rules, task.id, {"text": text}, by=by, page=PAGE, **more)


def heard(user):
    jobs.work_off()
    return [(n.title, n.link) for n in notices.newest(user, limit=50)][::-1]


def letters(user):
    return Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == user.email).count()


# --- who may ------------------------------------------------------------------------------------------------------


def test_whoever_sees_a_task_and_may_write_comments_on_it_also_where_they_may_not_change_it(at, task):
    made, unseen = say(task, at("bob"), "Is it **done**?")
    assert [one.id for one in comments.thread(tasks.listing, task.id)] == [made.id]
    assert (made.text, unseen) == ("Is it **done**?", [])


def test_a_viewer_says_nothing_and_a_stranger_finds_nothing(cast, at, task):
    with pytest.raises(Forbidden):
        say(task, at("vera"), "Hello")
    with inside(cast.globex), pytest.raises(NotFound):
        say(task, at("charlie", "globex"), "Hello")
    assert Comment.select().count() == 0


def test_who_sees_only_their_own_tasks_comments_on_no_other(cast, at, task):
    write(Organization.update(own_tasks_only=True).where(Organization.id == cast.acme.id).execute)
    with pytest.raises(NotFound):
        say(task, at("bob"), "Hello")


def test_only_its_writer_changes_a_comment_and_admins_remove_any_of_which_the_log_tells(at, task):
    made, _ = say(task, at("bob"), "Hello")
    for refused in (
        lambda: comments.change(tasks.rules, task.id, made.id, {"text": "x"}, by=at("alice"), page=PAGE),
        lambda: comments.remove(tasks.rules, task.id, made.id, by=at("dora")),
    ):
        with pytest.raises(Forbidden):
            refused()
    comments.change(tasks.rules, task.id, made.id, {"text": "Hello all"}, by=at("bob"), page=PAGE)
    assert (Comment.get().text, Comment.get().edited_at is not None) == ("Hello all", True)
    comments.remove(tasks.rules, task.id, made.id, by=at("alice"))
    assert Comment.select().count() == 0
    assert AuditEvent.select().where(AuditEvent.action == "comment.removed").count() == 1
    with pytest.raises(NotFound):
        comments.remove(tasks.rules, task.id, made.id, by=at("alice"))


def test_a_comment_of_another_row_or_another_organization_isnt_here(cast, at, task):
    made, _ = say(task, at("alice"), "Hello")
    other = rows.create(tasks.rules, {"title": "Another"}, by=at("alice"))
    with pytest.raises(NotFound):
        comments.remove(tasks.rules, other.id, made.id, by=at("alice"))
    with inside(cast.globex):
        assert comments.thread(tasks.listing, task.id) == []


def test_a_form_sent_twice_says_it_once(at, task):
    first, _ = say(task, at("alice"), "Hello", key=KEY)
    again, _ = say(task, at("alice"), "Hello", key=KEY)
    assert (first.id, Comment.select().count()) == (again.id, 1)


def test_who_changed_it_in_another_tab_is_told_and_nothing_is_lost(at, task):
    made, _ = say(task, at("alice"), "One")
    comments.change(tasks.rules, task.id, made.id, {"text": "Two"}, by=at("alice"), page=PAGE)
    was = {"text": "One"}
    with pytest.raises(Stale):
        comments.change(tasks.rules, task.id, made.id, {"text": "Three"}, by=at("alice"), page=PAGE, was=was)
    assert Comment.get().text == "Two"


@pytest.mark.parametrize("text", ["", "  \u200b\n", "x" * 5001])
def test_what_is_no_comment_is_refused_with_a_sentence(at, task, text):
    with pytest.raises(Invalid) as refusal:
        say(task, at("alice"), text)
    assert refusal.value.fields["text"]


def test_beyond_thirty_a_minute_one_waits(at, task):
    limiter.enabled = True
    for number in range(30):
        say(task, at("alice"), str(number))
    with pytest.raises(TooOften):
        say(task, at("alice"), "one more")
    assert Comment.select().count() == 30


# --- who is told --------------------------------------------------------------------------------------------------


def test_who_is_mentioned_whose_row_it_is_and_who_spoke_are_told_once_and_nobody_of_themselves(cast, at, task):
    say(task, at("dora"), "I look into it.")
    made, _ = say(task, at("bob"), "@Alice and @alice, and @Dora: done? @Bob")
    link = f"{PAGE}/{task.id}"
    assert heard(cast.alice) == [
        ("Dora commented: Call the printer", link),
        ("Bob mentioned you: Call the printer", link),
    ]
    assert heard(cast.dora) == [("Bob mentioned you: Call the printer", link)]
    assert (heard(cast.bob), heard(cast.vera), letters(cast.alice), letters(cast.bob)) == ([], [], 2, 0)
    assert (
        made.text == f"@{{{cast.alice.id}}} and @{{{cast.alice.id}}}, and @{{{cast.dora.id}}}: done? @{{{cast.bob.id}}}"
    )


def test_a_changed_comment_tells_only_who_is_mentioned_now(cast, at, task):
    made, _ = say(task, at("alice"), "Hello @Bob")
    for text in ("Hello @Bob and @Dora", "Hello @Bob, and @Dora too"):
        comments.change(tasks.rules, task.id, made.id, {"text": text}, by=at("alice"), page=PAGE)
    assert (len(heard(cast.bob)), len(heard(cast.dora)), letters(cast.dora)) == (1, 1, 1)


def test_who_cant_see_the_row_isnt_told_and_the_writer_hears_it(cast, at, task):
    write(Organization.update(own_tasks_only=True).where(Organization.id == cast.acme.id).execute)
    _, unseen = say(task, at("alice"), "@Bob, look")
    assert (unseen, heard(cast.bob), letters(cast.bob)) == (["Bob"], [], 0)


def test_who_has_left_hears_nothing(cast, at, task):
    say(task, at("bob"), "Mine")
    say(task, at("alice"), "@Bob, look")
    mine = Membership.user == cast.bob, Membership.organization == cast.acme
    write(Membership.delete().where(*mine).execute)
    say(task, at("alice"), "Bob was here")
    assert heard(cast.bob) == []


def test_only_members_are_mentioned_and_a_typed_number_names_nobody(cast, at, task):
    made, _ = say(task, at("alice"), f"@Charlie @{{{cast.charlie.id}}} a@Bob.org @Bobby https://x.org/@Bob")
    assert made.mentions == []
    assert made.text == f"@Charlie @{{{cast.charlie.id}}} a@Bob.org @Bobby https://x.org/@Bob"


def test_namesakes_are_told_apart_by_their_address(cast, at, task):
    write(Profile.update(full_name="Bob").where(Profile.user == cast.dora).execute)
    made, _ = say(task, at("alice"), "@Bob (dora@example.org) it is")
    assert made.mentions == [cast.dora.id]
    assert comments.editable(made) == "@Bob (dora@example.org) it is"


def test_a_mention_follows_the_persons_name(cast, at, task):
    made, _ = say(task, at("alice"), "@Bob, look")
    write(Profile.update(full_name="Robert").where(Profile.user == cast.bob).execute)
    assert comments.editable(made) == "@Robert, look"


def test_a_thousand_mentions_of_one_person_tell_once_and_of_too_many_are_refused(cast, at, task, monkeypatch):
    made, _ = say(task, at("alice"), "@Bob " * 1000)
    assert (made.mentions, letters(cast.bob)) == ([cast.bob.id], 1)
    monkeypatch.setattr(comments, "MENTIONED", 1)
    with pytest.raises(Invalid) as refusal:
        say(task, at("alice"), "@Bob @Dora")
    assert refusal.value.fields["text"] == "Mention at most 1 people in one comment; this has 2."


def test_the_history_keeps_no_words_of_a_comment(at, task):
    say(task, at("alice"), "Hello @Bob")
    noted = Change.one(Change.table == "task:comments")
    assert (noted.verb, noted.fields) == ("created", {})


def test_rows_of_peoples_tables_have_comments_by_the_same_line(cast, at, inside_acme):
    table = collections.make("Repairs", by=at("alice"), fields=(("Name", "text"),))
    rules = listings.of(table, at("alice"))
    row = rows.create(rules, {"f1": "Toaster"}, by=at("alice"))
    comments.add(rules, row.id, {"text": "@Bob, fix"}, by=at("alice"), page="/acme/records/repairs")
    assert heard(cast.bob) == [("Alice mentioned you: Toaster", f"/acme/records/repairs/{row.id}")]
    assert len(comments.thread(rules.listing, row.id)) == 1
