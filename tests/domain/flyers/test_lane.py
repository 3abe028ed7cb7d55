import io
import threading
import time

import pytest
from PIL import Image

import jobs
from domain.files import stores
from domain.flyers import composing, keeping, lane
from models import Flyer
from tests.fixtures.flyers import again, corners, make_flyer, make_version, portrait, saved
from tests.fixtures.threads import together


@pytest.fixture
def version(inside_acme):
    return make_version()


def files(flyer):
    """The names of what lies in the store for a flyer."""
    folder = stores.active().folder / "flyers" / flyer.public_id[:2] / flyer.public_id
    return sorted(file.name for file in folder.glob("*"))


def test_a_flyer_that_waits_is_drawn_and_its_photo_is_gone(version):
    flyer = make_flyer(version, photo=saved(portrait()))
    assert files(flyer) == ["photo"]
    assert jobs.run("flyers") == 1
    flyer = again(flyer)
    assert (flyer.state, flyer.photo, flyer.tries) == ("ready", None, 1)
    assert files(flyer) == ["card", "flyer", "small"]
    data = b"".join(keeping.read(flyer, flyer.file))
    assert Image.open(io.BytesIO(data)).size == (1080, 1350)
    assert keeping.read(flyer, "0" * 64) is None


def test_those_of_many_are_drawn_in_their_order_and_none_twice(version, monkeypatch):
    drawn = []
    monkeypatch.setattr(lane, "drawn", lambda flyer: drawn.append(flyer.id) or dict.fromkeys(lane._MADE, "x" * 64))
    flyers = [make_flyer(version, f"Ada {number}") for number in range(lane.TAKEN + 3)]
    assert jobs.run("flyers") == len(flyers)
    assert sorted(drawn) == [flyer.id for flyer in flyers]
    assert set(drawn[: lane.TAKEN]) == {flyer.id for flyer in flyers[: lane.TAKEN]}
    assert jobs.run("flyers") == 0


def test_few_are_drawn_at_the_same_time(version, monkeypatch):
    draw, counted, now_drawn, most = composing.drawn, threading.Lock(), [], []

    def watched(*asked):
        with counted:
            now_drawn.append(1)
            most.append(len(now_drawn))
        time.sleep(0.01)
        made = draw(*asked)
        with counted:
            now_drawn.pop()
        return made

    monkeypatch.setattr(composing, "drawn", watched)
    flyers = [make_flyer(version, f"Ada {number}") for number in range(4 * lane.THREADS)]
    assert jobs.run("flyers") == len(flyers)
    assert max(most) <= lane.THREADS


def test_two_runs_at_once_draw_each_once(version, monkeypatch):
    drawn, draw = [], lane.drawn
    monkeypatch.setattr(lane, "drawn", lambda flyer: drawn.append(flyer.id) or draw(flyer))
    flyers = [make_flyer(version, f"Ada {number}") for number in range(4)]
    together(*[lambda: jobs.run("flyers")] * 2)
    jobs.run("flyers")
    assert sorted(drawn) == [flyer.id for flyer in flyers], "its lease is one process's"


def test_what_a_kill_cut_off_is_drawn_at_the_next_start(version, monkeypatch):
    flyer = make_flyer(version, photo=saved(portrait()))

    def killed(*_):
        raise SystemExit("killed after the files, before the row")

    with monkeypatch.context() as then:
        then.setattr(lane, "_settle", killed)
        with pytest.raises(SystemExit):
            lane.work()
    assert (again(flyer).state, files(flyer)) == ("pending", ["card", "flyer", "photo", "small"])
    jobs.run("flyers")
    assert (again(flyer).state, again(flyer).tries, files(flyer)) == ("ready", 2, ["card", "flyer", "small"])


def test_what_takes_the_process_down_is_removed_after_three_tries_and_takes_no_other_along(version, monkeypatch):
    bad, others = make_flyer(version, "Bad"), [make_flyer(version, name) for name in ("Eva", "Ida")]
    tried = lane._tried

    def deadly(flyer, **more):
        if flyer.id == bad.id:
            raise SystemExit
        return tried(flyer, **more)

    monkeypatch.setattr(lane, "_tried", deadly)

    def until_none_is_left():
        while lane.work():
            pass

    for _ in range(lane.TRIES):
        with pytest.raises(SystemExit):
            until_none_is_left()
    until_none_is_left()
    assert (again(bad).state, again(bad).why, files(bad)) == ("removed", "failed", [])
    assert [again(one).state for one in others] == ["ready", "ready"]


def test_an_error_is_tried_again_and_given_up_after_three(version, monkeypatch, caplog):
    flyer = make_flyer(version)
    monkeypatch.setattr(composing, "drawn", lambda *_: 1 / 0)
    for tries in (1, 2):
        lane.work()
        assert (again(flyer).state, again(flyer).tries) == ("pending", tries)
    lane.work()
    assert (again(flyer).state, again(flyer).why) == ("removed", "failed")
    assert "a flyer wasn't drawn" in caplog.text


def test_a_damaged_photo_is_given_up_at_once(version):
    whole = saved(corners(), quality=95)
    flyer = make_flyer(version, photo=whole[: len(whole) // 2])
    assert jobs.run("flyers") == 1
    flyer = again(flyer)
    assert (flyer.state, flyer.why, flyer.photo, flyer.fields, files(flyer)) == ("removed", "failed", None, {}, [])


def test_a_store_that_is_down_costs_no_try(version, monkeypatch):
    flyer = make_flyer(version, photo=saved(portrait()))

    class Down:
        def read(self, key):
            raise stores.StoreDown

    with monkeypatch.context() as then:
        then.setattr(stores, "active", Down)
        assert lane.work() == 0, "so that the lane rests until the next tick"
    assert (again(flyer).state, again(flyer).tries) == ("pending", 0)
    jobs.run("flyers")
    assert again(flyer).state == "ready"


def test_a_disk_that_is_full_while_it_is_drawn_costs_no_try_and_leaves_nothing_half(version, monkeypatch):
    flyer, keep = make_flyer(version, photo=saved(portrait())), stores.Folder.put

    def full(self, key, file):
        if key.endswith("card"):
            raise stores.StoreFull
        keep(self, key, file)

    with monkeypatch.context() as then:
        then.setattr(stores.Folder, "put", full)
        assert lane.work() == 0
    assert (again(flyer).state, again(flyer).tries, again(flyer).file) == ("pending", 0, None)
    jobs.run("flyers")
    assert (again(flyer).state, files(flyer)) == ("ready", ["card", "flyer", "small"])


def test_who_deletes_it_while_it_is_drawn_leaves_nothing(version, monkeypatch):
    flyer, draw = make_flyer(version, photo=saved(portrait())), lane.drawn

    def deleted(drawing):
        made = draw(drawing)
        keeping.end(again(flyer), "removed", "owner")
        return made

    monkeypatch.setattr(lane, "drawn", deleted)
    monkeypatch.setattr(lane, "_pool", lambda: type("Here", (), {"map": staticmethod(map)}))
    lane.work()
    assert (again(flyer).state, again(flyer).file, files(flyer)) == ("removed", None, [])
    assert Flyer.select().where(Flyer.state == "ready").count() == 0


def test_a_photo_that_is_gone_from_the_store_is_no_flyer_without_a_face(version):
    flyer = make_flyer(version, photo=saved(portrait()))
    keeping.forget_photo(flyer)
    lane.work()
    assert (again(flyer).state, again(flyer).why) == ("removed", "failed")
