"""Moments between two nights: kept, brought away, put together again byte for byte, and let go of."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from database import housekeeping
from database.clock import now
from domain.base import configuration
from domain.files import stores
from domain.operations.copies import copies, deltas, drill, packing, pages, places, restoring
from models import Backup
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Deltas are made by this process, where the clock can be moved."""
    elsewhere = drill.ask
    tasks = drill.TASKS | {"delta": drill.delta}
    monkeypatch.setattr(
        drill, "ask", lambda task, **given: tasks[task](**given) if task == "delta" else elsewhere(task, **given)
    )


def file():
    return housekeeping.file_of(configuration.active.database_url)


@pytest.fixture
def night(cast, clock):
    """A copy that was proven this night, an hour ago."""
    made = copied()
    clock.forward(hours=1)
    return made


def copied():
    row = copies.begin()
    copies.folder().mkdir(exist_ok=True)
    about = {"key": packing.fingerprint()}
    told = drill.make(file(), copies.folder() / row.name, configuration.active.backup_recipients, about)
    packing.write_manifest(told | {"proven_at": told["made_at"]}, copies.folder() / f"{row.name}.json")
    write(Backup.update(state="proven", proven_at=row.made_at).where(Backup.id == row.id).execute)
    deltas.begin_from(row.name)
    return row


def rename(cast, name):
    write(type(cast.acme).update(name=name).where(type(cast.acme).id == cast.acme.id).execute)


def moments(cast, clock, count=3):
    """So many changes, each kept: (the moment in words, the sum of the database as it stood)."""
    kept = []
    for number in range(count):
        rename(cast, f"Acme {number}")
        assert deltas.keep() == 1
        target = copies.folder() / "as it stood"
        packing.snapshot(file(), target)
        kept.append((f"{now():%Y-%m-%dT%H:%M:%SZ}", packing.sum_of(target)))
        target.unlink()
        clock.forward(minutes=15)
    return kept


def sum_at(word, identity=None):
    with drill.room(copies.folder()) as here:
        packed = restoring.find(word, here, identity)
        packing.unpack(packed, here / "back.db", identity)
        return packing.sum_of(here / "back.db")


def test_each_kept_moment_comes_back_byte_for_byte(night, cast, clock):
    kept = moments(cast, clock)
    assert len({found for _, found in kept}) == 3
    assert [sum_at(moment) for moment, _ in reversed(kept)] == [found for _, found in reversed(kept)]
    assert sum_at("latest") == kept[-1][1]
    told = json.loads((copies.folder() / f"{night.name}.json").read_text())
    assert sum_at(packing.written(night.made_at)) == told["sha256"], "the night itself is still there"
    assert deltas.newest()[0] == 3


def test_the_command_brings_a_moment_between_two_nights_back(night, cast, clock):
    moment, _ = moments(cast, clock, 2)[0]
    said = []
    restoring.restore(moment, check_only=True, say=said.append)
    assert said[-1].startswith("ok  Runs")


def test_without_a_proven_copy_or_a_change_there_is_none(cast, clock):
    assert deltas.keep() == 0
    copied()
    assert deltas.keep() <= 1  # asking for the copy and its proof are changes
    assert [deltas.keep(), deltas.keep()] == [0, 0]


def test_encrypted_ones_are_opened_before_they_count_and_come_back_by_their_keepers_key(cast, clock, bucket):
    private, public = packing.new_key()
    chosen = replace(configuration.active, backup_url=f"{bucket.url}/moments", backup_recipients=(public,))
    configuration.use(chosen)
    made = copied()
    away = places.away()
    for name in (made.name, f"{made.name}.json"):
        away.put(name, copies.folder() / name)
    (moment, found), _ = moments(cast, clock, 2)
    assert len(list(away.names())) == 6
    for path in copies.folder().glob("guildhall-*"):
        path.unlink()
    assert sum_at(moment, private) == found, "also where nothing is left on this machine"
    with pytest.raises(packing.Unreadable):
        sum_at(moment, packing.new_key()[0])
    assert deltas.rehearse() == 0, "nobody here has a key"


def test_storage_that_is_away_loses_none(cast, clock, bucket):
    _, public = packing.new_key()
    configuration.use(
        replace(configuration.active, backup_url="s3+http://k:s@127.0.0.1:1/b", backup_recipients=(public,))
    )
    copied()
    rename(cast, "Other")
    with pytest.raises(stores.StoreDown):
        deltas.keep()
    clock.forward(minutes=15)
    configuration.use(replace(configuration.active, backup_url=f"{bucket.url}/later"))
    rename(cast, "Another")
    assert deltas.keep() == 1
    assert len(list(places.away().names())) == 4
    deltas.keep()
    assert len(list(places.away().names())) == 4, "each once"


def test_what_is_not_encrypted_stays_here_and_who_is_named_later_opens_all_from_the_next_copy(
    night, cast, clock, bucket
):
    moments(cast, clock, 2)
    _, public = packing.new_key()
    chosen = replace(configuration.active, backup_url=f"{bucket.url}/later", backup_recipients=(public,))
    configuration.use(chosen)
    rename(cast, "Secret")
    assert deltas.keep() == 0, "nobody could open it with what it begins from"
    copied()
    rename(cast, "Another")
    assert deltas.keep() == 1
    assert {name.partition(".")[2] for name in places.away().names()} == {"delta.zst.age", "delta.zst.age.json"}
    configuration.use(replace(chosen, backup_recipients=(packing.new_key()[1],)))
    rename(cast, "Another's")
    assert deltas.keep() == 0


def test_a_moment_is_put_together_again_each_night_and_damage_is_told(night, cast, clock):
    assert deltas.rehearse() == 0
    moments(cast, clock, 1)
    assert deltas.rehearse() == 1
    (path,) = (path for path in copies.folder().glob("*.delta.zst"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(packing.Unreadable):
        deltas.rehearse()


def test_what_a_kill_left_half_done_goes(night, cast):
    folder = copies.folder()
    (folder / ".delta-left").mkdir()
    (folder / "guildhall-20200101T000000Z-00000000.delta.zst").write_bytes(b"no manifest was written")
    rename(cast, "Other")
    assert deltas.keep() == 1
    assert not (folder / ".delta-left").exists()
    assert len(list(folder.glob("*.delta.zst"))) == 1


def test_a_kill_between_a_delta_and_its_state_leaves_two_that_both_come_back(night, cast, clock):
    before = (copies.folder() / deltas.STATE).read_bytes()
    (first, was), *_ = moments(cast, clock, 1)
    (copies.folder() / deltas.STATE).write_bytes(before)
    (second, then), *_ = moments(cast, clock, 1)
    assert [sum_at(first), sum_at(second)] == [was, then]


def test_they_go_after_a_week_and_with_their_copy(night, cast, clock):
    moments(cast, clock, 2)
    assert deltas.prune({night.name}) == 0
    clock.forward(days=7)
    assert deltas.prune({night.name}) == 2
    moments(cast, clock, 1)
    assert deltas.prune({"another"}) == 1
    assert deltas.newest() == (0, None)
    assert not list(copies.folder().glob("*.delta*"))


def test_what_deltas_begin_from_stays_as_long_as_they_are_kept(night, cast, clock):
    (moment, found), *_ = moments(cast, clock, 2)
    for _ in range(4):  # the button
        copied()
        clock.forward(minutes=5)
        copies.prune()
    assert sum_at(moment) == found
    assert Backup.get_by_id(night.id).removed_at is None
    clock.forward(days=8)
    copied()
    copies.prune()
    assert Backup.get_by_id(night.id).removed_at is not None
    assert deltas.newest()[0] == 0


def test_a_chain_that_was_not_begun_anew_for_a_week_goes_whole_or_not_at_all(night, cast, clock):
    for number in range(9):  # no night's copy was proven
        clock.forward(days=1)
        rename(cast, f"Day {number}")
        assert deltas.keep() == 1
    copied()
    copies.prune()
    with drill.room(copies.folder()) as here:
        for path in sorted(copies.folder().glob("*.delta.zst")):
            pages.rebuild(path.name, lambda name: copies.folder() / name, here)
    assert deltas.newest()[0] == 9


def test_where_a_part_is_missing_the_moment_before_it_comes_and_only_who_wants_it_gets_a_far_one(night, cast, clock):
    (first, found), _, (last, _) = moments(cast, clock)
    second = sorted(copies.folder().glob("*.delta.zst"))[1]
    second.unlink()
    said = []
    with drill.room(copies.folder()) as here:
        packing.unpack(restoring.find(last, here, say=said.append), here / "back.db")
        assert packing.sum_of(here / "back.db") == found
        assert [line.partition(":")[0] for line in said][-1] == f"The copy is of {first[:13]}"
        assert said[0].startswith(f"What is of {last} can't be put together")
        clock.forward(hours=1)
        with pytest.raises(restoring.CantRestore, match="With --older"):
            restoring.find(packing.written(now()), here)
        assert restoring.find(packing.written(now()), here, older=True)
        assert restoring.find("latest", here), "it is as new as there are any"


def test_a_copy_is_found_by_what_it_holds_and_not_by_when_it_was_asked_for(night, cast, clock):
    told = json.loads((copies.folder() / f"{night.name}.json").read_text())
    asked = copies.begin()
    clock.forward(hours=6)  # it was cut off
    rename(cast, "Written later")
    again = drill.make(file(), copies.folder() / asked.name, (), {"key": packing.fingerprint()})
    assert again["made_at"] == packing.written(now())
    assert sum_at(packing.written(asked.made_at)) == told["sha256"]
    assert sum_at("latest") == again["sha256"]


@pytest.mark.parametrize(
    ("word", "hour", "is_said"),
    [("2026-11-27T14:00+02:00", 12, False), ("2026-11-27T14:00Z", 14, False), ("2026-11-27T14:00", 14, True)],
)
def test_a_moment_is_of_the_zone_that_it_names_else_of_utc(word, hour, is_said):
    said = []
    moment = restoring._moment(word, said.append)
    assert (moment.isoformat(), bool(said)) == (f"2026-11-27T{hour}:00:00+00:00", is_said)


def test_a_copy_that_was_not_proven_is_nothing_to_begin_from(night, cast, clock):
    before = pages.read_state(copies.folder() / deltas.STATE)
    row = copies.begin()
    drill.make(file(), copies.folder() / row.name, (), {"made_at": packing.written(row.made_at), "key": ""})
    assert pages.read_state(copies.folder() / deltas.STATE) == before
    write(Backup.update(state="failed", made_at=now() - timedelta(days=8)).where(Backup.id == row.id).execute)
    copies.prune()
    assert not list(copies.folder().glob(f"{row.name}*"))
