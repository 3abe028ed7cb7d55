"""Links to one file: for a day, and only while whoever made one may see it."""

import io

import pytest
from werkzeug.datastructures import MultiDict

from database.transactions import writes
from domain import NotFound
from domain.base import keys
from domain.imports import file_links
from domain.lists import attachments, rows
from domain.records import collections, listings, rules
from domain.tasks import tasks
from models import Membership, StoredFile


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


@pytest.fixture
def file(at, task):
    return attachments.add(tasks.rules, task.id, io.BytesIO(b"content"), "Plan.txt", by=at("alice"))


def token(link):
    return link[0].rpartition("/")[2]


def test_records_36_a_link_opens_one_file_for_a_day(at, task, file, clock):
    other = attachments.add(tasks.rules, task.id, io.BytesIO(b"other"), "Other.txt", by=at("alice"))
    link = token(file_links.make(tasks.rules, task.id, file.id, by=at("bob")))
    assert file_links.behind(link)[0].id == file.id
    for forged in (
        link.replace(f".{file.id}.", f".{other.id}.", 1) if file.id != task.id else link[:-1],
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.partition(".")[2],
        "",
    ):
        with pytest.raises(NotFound):
            file_links.behind(forged)
    clock.forward(hours=23)
    assert file_links.behind(link)[0].id == file.id
    clock.forward(hours=1, seconds=1)
    with pytest.raises(NotFound):
        file_links.behind(link)


def test_a_link_that_is_signed_for_longer_than_a_day_is_none(task, file, at, cast):
    about = f"{cast.acme.id}.{cast.alice.id}.tasks.{task.id}.{file.id}.9999999999"
    with pytest.raises(NotFound):
        file_links.behind(f"{about}.{keys.keyed('file link', about)}")


@writes
def leave(membership):
    membership.delete_instance()


def test_a_link_ends_with_what_its_maker_may_see(at, task, file, cast):
    link = token(file_links.make(tasks.rules, task.id, file.id, by=at("bob")))
    attachments.remove(tasks.rules, task.id, file.id, by=at("alice"))
    with pytest.raises(NotFound):
        file_links.behind(link)
    attachments.put_back(tasks.rules, task.id, file.id, by=at("alice"))
    assert file_links.behind(link)[0].id == file.id
    leave(Membership.get(Membership.user == cast.bob, Membership.organization == cast.acme))
    with pytest.raises(NotFound):
        file_links.behind(link)
    assert StoredFile.select().count() == 1


def test_records_36_a_row_that_its_maker_may_not_see_any_more_is_shut_a_second_later(at, cast, inside_acme):
    table = collections.make("Offers", by=at("alice"))
    of = lambda who: listings.of(collections.found(table.slug), at(who))  # noqa: E731
    row = rows.create(of("bob"), {"f1": "Mine"}, by=at("bob"))
    file = attachments.add(of("bob"), row.id, io.BytesIO(b"x"), "x.txt", by=at("bob"))
    link = token(file_links.make(of("bob"), row.id, file.id, by=at("bob")))
    assert file_links.behind(link)[0].id == file.id
    said = {"sees": "none", "changes": "none", "others": "see"}
    rules.change(table.slug, "role:member", MultiDict(said), by=at("alice"))
    with pytest.raises(NotFound):
        file_links.behind(link)
