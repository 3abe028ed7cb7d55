"""Charts under a name: whose they are, who sees them, and in which order they stand."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Forbidden, Invalid, NotFound
from domain.charts import saved_charts
from domain.records import rules
from domain.tasks import tasks
from models import AuditEvent, SavedChart

TASKS = tasks.listing


def save(by, name="Open", query="status=pending", **more):
    return saved_charts.save(TASKS, name, query, by=by, **more)


def names(by):
    return tuple([chart.name for chart in charts] for charts in saved_charts.of(by))


@pytest.fixture
def here(inside_acme):
    return inside_acme


def test_a_chart_is_saved_without_what_was_of_one_look(at, here):
    saved = save(at("bob"), query="view=chart&tab=all&after=7&saved=3&chart=9&chart_by=priority&q=a%00b")
    assert saved.query == "tab=all&chart_by=priority&q=ab"
    assert save(at("bob"), "OPEN", "tab=all").id == saved.id  # one's own of that name is written over
    assert names(at("bob")) == ([], ["OPEN"])
    assert names(at("alice")) == ([], [])
    assert AuditEvent.select().where(AuditEvent.action.startswith("organization.chart")).count() == 0


def test_a_shared_one_is_everybodys_and_its_makers_and_admins_to_change(at, here):
    saved = save(at("bob"), shared=True)
    assert names(at("vera")) == (["Open"], [])
    with pytest.raises(Forbidden):
        saved_charts.change(saved.id, "Mine", by=at("vera"))
    with pytest.raises(Forbidden):
        saved_charts.remove(saved.id, by=at("vera"))
    assert saved_charts.change(saved.id, "Waiting", by=at("alice"), shared=True, home=True).is_home
    assert [chart.name for chart in saved_charts.pinned(at("vera"))] == ["Waiting"]
    assert saved_charts.change(saved.id, "Still", by=at("bob"), shared=True).is_home  # what isn't his stays
    with pytest.raises(Forbidden):
        saved_charts.change(saved.id, "Still", by=at("bob"), shared=True, home=False)
    assert not saved_charts.change(saved.id, "Still", by=at("alice"), home=True).is_home  # what is nobody's else
    said = [event.summary for event in AuditEvent.select().where(AuditEvent.action.startswith("organization.chart"))]
    assert said[0] == "The chart Open was saved"
    assert len(said) == 4


@pytest.mark.parametrize("name", ["", " ", "x" * 81])
def test_a_name_that_is_none_is_refused(at, here, name):
    with pytest.raises(Invalid):
        save(at("bob"), name)


def test_whoever_only_looks_keeps_charts_for_themselves(at, here):
    mine = save(at("vera"))
    with pytest.raises(Forbidden):
        save(at("vera"), "Ours", shared=True)
    with pytest.raises(Forbidden):
        saved_charts.change(mine.id, "Ours", by=at("vera"), shared=True)
    with pytest.raises(NotFound):
        saved_charts.found(mine.id, at("alice"))


def test_ones_own_are_nobodys_to_look_at_with_other_eyes(at, here):
    mine = save(at("vera"))
    eyes = at("alice").looking_as(at("vera"))
    assert names(eyes) == ([], [])
    assert saved_charts.get(mine.id, eyes) is None


def test_a_person_has_so_many_at_most(at, here, monkeypatch):
    monkeypatch.setattr(saved_charts, "MOST", 1)
    save(at("bob"))
    with pytest.raises(Invalid):
        save(at("bob"), "Another")
    assert save(at("bob"), "Open", "tab=all").query == "tab=all"


def test_charts_are_moved_among_those_they_stand_with(at, here):
    alice, bob = at("alice"), at("bob")
    first, second, third = (save(bob, name, shared=True) for name in "ABC")
    mine = [save(bob, name) for name in "XY"]
    saved_charts.move(mine[1].id, by=bob, step=-1)
    assert names(bob) == (["A", "B", "C"], ["Y", "X"])
    with pytest.raises(Forbidden):
        saved_charts.move(first.id, by=bob, step=1)
    saved_charts.move(first.id, by=alice, step=1)
    assert names(alice)[0] == ["B", "A", "C"]
    saved_charts.move(third.id, by=alice, before=second.id)
    assert names(alice)[0] == ["C", "B", "A"]
    saved_charts.move(third.id, by=alice, before=0)
    saved_charts.move(second.id, by=alice, step=-5)
    assert names(alice)[0] == ["B", "A", "C"]


def test_a_removed_one_can_be_restored_for_a_month(at, here, clock):
    bob, saved = at("bob"), save(at("bob"), shared=True)
    saved_charts.remove(saved.id, by=bob)
    assert names(bob) == ([], [])
    with pytest.raises(NotFound):
        saved_charts.remove(saved.id, by=bob)
    with pytest.raises(Forbidden):
        saved_charts.restore(saved.id, by=at("vera"))
    saved_charts.restore(saved.id, by=bob)
    assert names(at("vera")) == (["Open"], [])
    saved_charts.remove(saved.id, by=bob)
    assert saved_charts.prune(10) == 0
    clock.forward(days=31)
    assert saved_charts.prune(10) == 1
    assert SavedChart.select().count() == 0


def test_what_cannot_be_shown_whole_is_not_opened(at, offers):
    alice, bob = at("alice"), at("bob")
    query = offers.query(chart_by="State", chart_of="Worth")
    saved = saved_charts.save(offers.listing(), "Worth", query, by=alice, shared=True)
    assert saved_charts.opened(saved, bob) is not None
    rule = [
        ("sees", "all"),
        ("changes", "all"),
        ("others", "change"),
        (f"field_{offers.field('Worth')[1:]}", "nothing"),
    ]
    rules.change(offers.table.slug, "role:member", MultiDict(rule), by=alice)
    assert saved_charts.opened(saved, bob) is None
    assert saved_charts.opened(saved, alice) is not None
    rules.change(
        offers.table.slug,
        "role:member",
        MultiDict([("sees", "none"), ("changes", "none"), ("others", "change")]),
        by=alice,
    )
    plain = saved_charts.save(offers.listing(), "All", "", by=alice, shared=True)
    assert saved_charts.opened(plain, bob) is None
