import pytest

from domain import Forbidden, Invalid, NotFound
from domain.lists import saved_views
from domain.tasks import tasks

LISTING = tasks.listing


@pytest.fixture
def hers(at, inside_acme):
    return saved_views.save(LISTING, "Open ones", "status=pending&after=7&rows=200", by=at("alice"))


def names(by):
    return [view.name for view in saved_views.of(LISTING, by)]


def test_a_view_is_what_was_asked_and_not_the_look_at_it(hers):
    assert hers.query == "status=pending"


def test_report_07_nothing_invisible_is_kept(at, inside_acme):
    view = saved_views.save(LISTING, "a\x00b", "q=a%00b&tab=all\x00", by=at("alice"))
    assert (view.name, view.query) == ("ab", "q=ab&tab=all")


def test_ones_own_are_ones_own_and_shared_ones_are_everybodys(hers, at):
    saved_views.save(LISTING, "Everybody's", "tab=all", by=at("alice"), shared=True)
    assert names(at("alice")) == ["Everybody's", "Open ones"]
    assert names(at("bob")) == ["Everybody's"]


def test_the_same_name_writes_ones_own_over_and_nobody_elses(hers, at):
    saved_views.save(LISTING, "open ONES", "status=completed", by=at("alice"))
    assert [view.query for view in saved_views.of(LISTING, at("alice"))] == ["status=completed"]
    shared = saved_views.save(LISTING, "Late", "due=overdue", by=at("alice"), shared=True)
    other = saved_views.save(LISTING, "Late", "due=week", by=at("bob"))
    assert other.id != shared.id


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "www.example.org/x"])
def test_a_name_that_is_none_is_refused(at, inside_acme, name):
    with pytest.raises(Invalid):
        saved_views.save(LISTING, name, "", by=at("alice"))


def test_viewers_save_for_themselves_and_share_nothing(at, inside_acme):
    saved_views.save(LISTING, "Mine", "", by=at("vera"))
    with pytest.raises(Forbidden):
        saved_views.save(LISTING, "Ours", "", by=at("vera"), shared=True)


def test_who_made_it_and_admins_remove_it(hers, at):
    shared = saved_views.save(LISTING, "Ours", "", by=at("bob"), shared=True)
    with pytest.raises(NotFound):
        saved_views.remove(LISTING, hers.id, by=at("bob"))
    other = saved_views.save(LISTING, "Alice's", "", by=at("alice"), shared=True)
    with pytest.raises(Forbidden, match="Only Alice"):
        saved_views.remove(LISTING, other.id, by=at("bob"))
    saved_views.remove(LISTING, shared.id, by=at("alice"))
    assert names(at("bob")) == ["Alice's"]
