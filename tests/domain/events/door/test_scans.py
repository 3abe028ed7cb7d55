import json
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from database.clock import now
from database.scope import inside
from domain.events import codes
from domain.events.door import devices, scans
from models import AuditEvent, Checkpoint, Device, EventSession, Pass, Presence, Scan
from tests.fixtures.doors import an_event, at_the_door, code_of, passes_of
from tests.fixtures.threads import together, write

nonces = count(1)


@pytest.fixture
def door(cast, clock):
    """(event, keeper, phone, passes of Ada and Bob), inside Acme."""
    with inside(cast.acme):
        event = an_event()
        passes = passes_of(event, ["Ada", "Bob"])
        keeper, phone, _ = at_the_door(cast.bob, event)
        yield event, keeper, phone, passes


def asked(one=None, **more):
    code = code_of(one) if one is not None and "serial" not in more else ""
    return scans.Asked(**{"nonce": f"n{next(nonces)}", "code": code} | more)


def scan(door, one=None, phone=None, **more):
    _, keeper, first, _ = door
    return scans.take(keeper, phone or first, [asked(one, **more)])[0]


def gate(event, **more):
    return write(lambda: Checkpoint.create(event=event, **{"name": "Gate B"} | more))


def test_a_good_pass_comes_in_and_its_name_and_ticket_are_shown_and_no_more(door):
    said = scan(door, door[3][0])
    assert (said["result"], said["name"], said["tier"]) == ("ok", "Ada", "Standard")
    assert "secret@example.org" not in json.dumps(said)


def test_event_case_41_the_same_code_again_says_when_it_was_first_and_where(door, clock):
    scan(door, door[3][0])
    clock.forward(minutes=3)
    said = scan(door, door[3][0])
    assert (said["result"], said["code"]) == ("used", "PASS_ALREADY_USED")
    assert said["first"]["gate"] == "Entrance"
    assert said["first"]["phone"] == "Phone"


def test_event_case_41_held_before_the_same_phone_a_little_longer_is_no_alarm(door, clock, cast):
    scan(door, door[3][0])
    clock.forward(seconds=3)
    assert scan(door, door[3][0])["result"] == "just"
    _, other, _ = at_the_door(cast.alice, door[0], "Other")
    keeper = devices.reach(cast.alice, door[0].public_id)
    assert scans.take(keeper, other, [asked(door[3][0])])[0]["result"] == "used"


def test_a_code_that_an_ended_key_signed_is_an_old_one_and_the_tickets_page_has_the_new_one(door, at, proven, cast):
    one = door[3][0]
    old = code_of(one)
    for act in (codes.renew, codes.end_earlier):
        proven("alice", "events.renew_key", cast.acme.id, 3)
        act(by=at("alice"))
    assert scan(door, code=old)["result"] == "outdated"
    assert scan(door, code=code_of(one))["result"] == "ok"


def test_event_case_42_another_events_ticket_says_which(door):
    other = an_event("Poetry", venue="Other hall")
    said = scan(door, passes_of(other, ["Eve"])[0])
    assert (said["result"], said["other"]["title"], said["other"]["venue"]) == ("other_event", "Poetry", "Other hall")
    assert said["code"] == "PASS_WRONG_EVENT"


@pytest.mark.parametrize(
    ("code", "result"), [("hello", "unreadable"), ("GH1:" + "A" * 127, "unreadable"), ("\0" * 300, "unreadable")]
)
def test_what_is_no_ticket_is_answered_too(door, code, result):
    assert scan(door, code=code)["result"] == result


def test_a_ticket_of_another_house_is_forged_here(door, cast):
    event, _, _, passes = door
    with inside(cast.globex):
        forged = codes.code(event.id, passes[0].tier_id, passes[0].serial)
    assert scan(door, code=forged)["result"] == "forged"
    assert not Presence.one(Presence.ticket == passes[0])


@pytest.mark.parametrize(("state", "result"), [("void", "void"), ("suspended", "suspended")])
def test_event_case_29_a_pass_that_is_void_or_being_refunded_stays_out(door, state, result):
    write(Pass.update(state=state).where(Pass.id == door[3][0].id).execute)
    assert scan(door, door[3][0])["result"] == result


def test_a_typed_serial_does_as_well(door):
    serial = door[3][0].serial
    assert scan(door, serial=f" {serial[:4].upper()} {serial[4:]} ")["result"] == "ok"


def test_a_repeat_is_answered_as_the_first_was(door):
    one = asked(door[3][0])
    _, keeper, phone, _ = door
    first, second = scans.take(keeper, phone, [one, one])
    assert first == second
    assert Scan.select().count() == 1


def test_many_phones_at_once_let_in_one(door, cast):
    event, keeper, _, passes = door
    phones = [at_the_door(cast.bob, event, f"Phone {n}")[1] for n in range(8)]

    def take(phone):
        with inside(cast.acme):
            return scans.take(keeper, phone, [asked(passes[0])])[0]["result"]

    said = together(*(partial(take, phone) for phone in phones))
    assert sorted(said) == ["ok", *["used"] * 7]


# --- rules of a gate -----------------------------------------------------------------------------------------------


def test_in_and_out_and_in_again(door):
    entrance = gate(door[0], rule="in_out").id
    said = [
        scan(door, door[3][0], gate=entrance, kind=kind)["result"]
        for kind in ("exit", "entry", "entry", "exit", "entry")
    ]
    assert said == ["not_inside", "ok", "just", "out", "ok"] or said == ["not_inside", "ok", "inside", "out", "ok"]
    assert Presence.get(Presence.ticket == door[3][0]).entries == 2


def test_once_a_day_by_the_events_day_that_begins_at_five(door, clock):
    event = door[0]
    write(
        type(event)
        .update(timezone="Asia/Tokyo", starts_at=now() - timedelta(days=1), ends_at=now() + timedelta(days=3))
        .where(type(event).id == event.id)
        .execute
    )
    keeper = devices.reach(door[1].user, event.public_id)
    entrance = gate(event, rule="daily").id
    said = []
    for at in (timedelta(), timedelta(minutes=20), timedelta(minutes=20)):  # 4:30 in Tokyo is still the day before
        clock.moment = (clock.moment if said else now().replace(hour=19, minute=30)) + at
        said.append(scans.take(keeper, door[2], [asked(door[3][0], gate=entrance)])[0]["result"])
    assert said == ["ok", "used", "ok"]


def test_a_gate_for_one_ticket_a_closed_gate_and_a_sessions_door(door):
    event, _, _, passes = door
    vip = passes_of(event, ["Vip"], "VIP")[0]
    only = gate(event, tier=vip.tier).id
    assert scan(door, passes[0], gate=only)["result"] == "other_gate"
    assert scan(door, vip, gate=only)["result"] == "ok"
    assert scan(door, passes[0], gate=gate(event, is_closed=True).id)["result"] == "closed"
    late = write(
        lambda: EventSession.create(
            event=event, title="Talk", starts_at=now() + timedelta(hours=1), ends_at=now() + timedelta(hours=2)
        )
    )
    assert scan(door, passes[0], gate=gate(event, session=late).id)["result"] == "early"


def test_before_the_door_opens_and_after_the_end(door, clock):
    event, _, _, passes = door
    write(type(event).update(starts_at=now() + timedelta(hours=3)).where(type(event).id == event.id).execute)
    keeper = devices.reach(door[1].user, event.public_id)
    assert scans.take(keeper, door[2], [asked(passes[0])])[0]["result"] == "early"
    clock.forward(hours=6)
    assert scans.take(keeper, door[2], [asked(passes[0])])[0]["result"] == "late"


# --- taken back ----------------------------------------------------------------------------------------------------


def test_an_admission_is_taken_back_within_ten_minutes_and_not_later(door, clock):
    one = asked(door[3][0])
    _, keeper, phone, _ = door
    scans.take(keeper, phone, [one])
    clock.forward(minutes=9)
    assert scan(door, serial=one.nonce, kind="undo")["result"] == "undone"
    assert scan(door, serial=one.nonce, kind="undo")["result"] == "nothing_to_undo"
    (undone,) = AuditEvent.select().where(AuditEvent.action == "checkin.undone")
    assert (undone.actor, undone.target_id) == (keeper.user, str(door[3][0].id))
    again = asked(door[3][0])
    assert scans.take(keeper, phone, [again])[0]["result"] == "ok"
    clock.forward(minutes=11)
    assert scan(door, serial=again.nonce, kind="undo")["result"] == "nothing_to_undo"


# --- without a network ---------------------------------------------------------------------------------------------


def test_two_phones_that_let_in_the_same_pass_make_one_conflict_and_nobody_is_thrown_out(door, cast):
    event, keeper, phone, passes = door
    _, other, _ = at_the_door(cast.bob, event, "Other")
    hour = now() - timedelta(minutes=30)
    first = [asked(one, at=hour, decision="ok") for one in passes]
    second = [asked(passes[0], at=hour + timedelta(minutes=1), decision="ok")]
    assert [said["result"] for said in scans.take(keeper, phone, first)] == ["ok", "ok"]
    said = scans.take(keeper, other, second)[0]
    assert (said["result"], said["first"]["phone"]) == ("twice", "Phone")
    assert Scan.select().where(Scan.result << scans.CONFLICTS).count() == 1
    assert Presence.select().count() == 2


def test_whoever_was_let_in_with_a_pass_that_is_void_by_now_is_told_as_such(door):
    write(Pass.update(state="void").where(Pass.id == door[3][0].id).execute)
    assert scan(door, door[3][0], decision="ok", at=now())["result"] == "despite"


def test_who_was_refused_out_there_stays_refused(door):
    assert scan(door, door[3][0], decision="void", at=now())["result"] == "void"
    assert not Presence.one(Presence.ticket == door[3][0])


def test_sold_after_the_last_sync_comes_in_and_is_known_here(door):
    assert scan(door, door[3][0], decision="ok_unknown", at=now())["result"] == "ok"


def test_a_wrong_clock_is_set_right_and_one_from_the_future_is_noted(door):
    said = scan(door, door[3][0], at=now() - timedelta(days=400), drift=timedelta(days=400), decision="ok")
    assert said["at"][:10] == f"{now():%F}"
    scan(door, door[3][1], at=now() + timedelta(days=1), decision="ok")
    assert "yet to come" in Scan.get(Scan.ticket == door[3][1]).note


def test_a_snapshot_tells_no_address_and_only_what_changed_since(door, clock):
    _, keeper, phone, passes = door
    whole = scans.snapshot(keeper, phone)
    assert [one[2] for one in whole["passes"]] == ["Ada", "Bob"]
    assert "secret@example.org" not in json.dumps(whole)
    assert whole["keys"] == codes.public_keys()
    clock.forward(minutes=1)
    scan(door, passes[1])
    since = now() - timedelta(seconds=30)
    later = scans.snapshot(keeper, phone, since)
    assert [one[2] for one in later["passes"]] in (["Bob"], ["Ada", "Bob"])  # stamps of rows are the database's own
    assert any(one[4] for one in later["passes"])


def test_people_are_found_by_parts_of_their_name(door):
    assert [one.holder for one in scans.found(door[1], "aD")] == ["Ada"]
    assert scans.found(door[1], " ") == []


def test_counters_tell_who_is_inside(door):
    scan(door, door[3][0])
    inside_now, good = scans.counters(door[0])
    assert (list(inside_now.values()), good) == ([(1, 1)], 2)


def test_when_a_phone_was_seen_is_written_down_now_and_then_and_what_it_has_yet_to_send_at_once(door, clock):
    _, keeper, phone, (ada, _) = door

    def seen(waiting=0):
        scans.take(keeper, Device.get_by_id(phone.id), [asked(ada)], waiting=waiting)
        there = Device.get_by_id(phone.id)
        return (now() - there.seen_at).total_seconds(), there.waiting

    clock.forward(seconds=10)
    assert seen() == (10, 0)
    clock.forward(seconds=10)
    assert seen() == (0, 0)
    clock.forward(seconds=3)
    assert seen() == (3, 0)
    assert seen(waiting=7) == (0, 7)
