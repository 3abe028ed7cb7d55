import pytest

from domain import Invalid, NotFound, Refused
from domain.operations.status import outages
from models import AuditEvent, Outage


@pytest.fixture
def outage(cast, clock):
    return outages.tell({"title": "Slow lists", "component": "pages", "words": "We look."}, by=cast.stella)


def test_an_outage_only_goes_on_and_never_back(outage, cast, clock):
    outages.move("known", outage.id, by=cast.stella)
    with pytest.raises(Refused):
        outages.move("looking", outage.id, by=cast.stella)
    with pytest.raises(Refused):
        outages.move("known", outage.id, by=cast.stella)
    clock.forward(hours=1)
    outages.move("over", outage.id, by=cast.stella)
    with pytest.raises(Refused):
        outages.move("watching", outage.id, by=cast.stella)
    row = Outage.get()
    assert (row.state, row.ended_at) == ("over", clock())
    assert AuditEvent.select().where(AuditEvent.action == "outages.moved").count() == 2


def test_what_becomes_known_is_added_with_the_time(outage, cast):
    outages.add(outage.id, "A disk is full.", by=cast.stella)
    assert Outage.get().words.startswith("We look.\n\n15 June")
    for words in ("", "  ", None):
        with pytest.raises(Invalid):
            outages.add(outage.id, words, by=cast.stella)
    for number in range(3):
        outages.add(outage.id, "x" * 2500 + str(number), by=cast.stella)
    with pytest.raises(Invalid):
        outages.add(outage.id, "x" * 2500, by=cast.stella)


def test_what_is_sent_twice_is_told_once(outage, cast):
    again = {"title": "Slow lists", "component": "pages", "words": "We look."}
    assert outages.tell(again, by=cast.stella).id == outage.id
    with pytest.raises(Refused):  # other words of the same aren't lost unseen
        outages.tell(again | {"words": "Still."}, by=cast.stella)
    for _ in range(2):
        outages.add(outage.id, "A disk is full.", by=cast.stella)
    assert Outage.get().words.count("A disk is full.") == 1
    outages.move("over", outage.id, by=cast.stella)
    assert outages.tell(again, by=cast.stella).id != outage.id


@pytest.mark.parametrize("form", [{}, {"title": "x"}, {"title": "Slow", "component": "moon"}, {"title": "x" * 121}])
def test_what_cannot_be_told_is_refused(cast, form):
    with pytest.raises(Invalid):
        outages.tell(form, by=cast.stella)
    assert Outage.select().count() == 0


def test_one_that_is_not_there_is_not_found(cast):
    for act in (lambda: outages.move("over", 9, by=cast.stella), lambda: outages.add(9, "x", by=cast.stella)):
        with pytest.raises(NotFound):
            act()
