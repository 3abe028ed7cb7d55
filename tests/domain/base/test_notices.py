import pytest

import jobs
from domain import NotFound
from domain.base import notices, outgoing
from models import Notification, Outgoing
from tests.fixtures.threads import write


def tell(user, key="k", **more):
    return write(outgoing.notify, user, "task_due", key, "Due soon", **more)


def test_a_notice_comes_by_the_job_with_all_it_says(cast):
    tell(cast.bob, body="Call", link="/acme/tasks/1", organization=cast.acme)
    assert notices.unread(cast.bob) == 0
    jobs.work_off()
    (notice,) = notices.newest(cast.bob)
    assert (notice.type, notice.title, notice.body, notice.link) == ("task_due", "Due soon", "Call", "/acme/tasks/1")
    assert notice.organization == cast.acme
    assert notices.unread(cast.bob) == 1
    assert notices.unread(cast.alice) == 0


def test_the_same_key_shows_once_a_person(cast):
    for user in (cast.bob, cast.alice, cast.bob):
        tell(user)
    jobs.work_off()
    tell(cast.bob)
    jobs.work_off()
    assert Notification.select().count() == 2
    write(Outgoing.delete().execute)  # even when the outgoing row was removed long ago
    tell(cast.bob)
    jobs.work_off()
    assert Notification.select().count() == 2


def test_one_is_marked_read_and_keeps_its_first_reading(cast, clock):
    tell(cast.bob, "a")
    tell(cast.bob, "b")
    jobs.work_off()
    newest, _ = notices.newest(cast.bob)
    first = clock()
    assert notices.mark_read(cast.bob, newest.id).link == newest.link
    clock.forward(minutes=1)
    notices.mark_read(cast.bob, newest.id)
    assert Notification.get_by_id(newest.id).read_at == first
    assert notices.unread(cast.bob) == 1


def test_anybody_elses_notice_is_not_found(cast):
    tell(cast.bob)
    jobs.work_off()
    (notice,) = notices.newest(cast.bob)
    for who in (cast.alice, cast.charlie):
        with pytest.raises(NotFound):
            notices.mark_read(who, notice.id)
    assert notices.unread(cast.bob) == 1


def test_all_are_marked_read_and_only_ones_own(cast):
    for key in "abc":
        tell(cast.bob, key)
    tell(cast.alice)
    jobs.work_off()
    assert notices.mark_all_read(cast.bob) == 3
    assert notices.mark_all_read(cast.bob) == 0
    assert (notices.unread(cast.bob), notices.unread(cast.alice)) == (0, 1)


def test_older_ones_are_found_from_a_key(cast):
    for number in range(25):
        tell(cast.bob, f"{number}")
    jobs.work_off()
    seen, before = [], None
    while page := notices.newest(cast.bob, before=before):
        seen += [n.id for n in page]
        before = page[-1].id
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 25
