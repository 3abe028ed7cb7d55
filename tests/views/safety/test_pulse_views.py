from datetime import timedelta

from database.troubles import Unavailable
from domain.operations.releases import pulses
from models import ReleaseHealth
from views.safety import pulse


def test_each_request_counts_and_a_minute_is_written_also_when_nobody_asked(browse, clock, monkeypatch):
    pulse.flush()  # what others left
    clock.forward(minutes=1)
    browse(None).get("/sign-in")
    browse(None).get("/nothing/here")
    pulse.flush()
    clock.forward(minutes=1)
    pulse.flush()
    rows = list(ReleaseHealth.select().order_by(ReleaseHealth.minute.desc()).limit(2))
    assert [row.requests for row in rows] == [0, 2]
    assert rows[0].minute == clock().replace(second=0, microsecond=0) - timedelta(minutes=1)


def test_what_could_not_be_written_is_counted_with_the_next(house, clock, monkeypatch):
    pulse.flush()
    pulse._counts.add(200, 3)

    def down(*_):
        raise Unavailable("down")

    with monkeypatch.context() as broken:
        broken.setattr(pulses, "write", down)
        pulse.flush()
    clock.forward(minutes=1)
    pulse.flush()
    assert ReleaseHealth.select().order_by(ReleaseHealth.id.desc()).first().requests == 1
