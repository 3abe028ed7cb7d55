import dataclasses
import json
import threading
import time
from datetime import timedelta

import pytest

from database.clock import now
from database.connections import database
from database.transactions import writes
from domain.base import audit, configuration
from models import AuditEvent
from tests.fixtures.threads import refused, together, write


def newest():
    return AuditEvent.select().order_by(AuditEvent.id.desc()).first()


def test_an_event_says_who_what_where_and_from_where(cast):
    token = audit.origin.set({"ip": "10.0.0.1", "request_id": "r1"})
    write(
        audit.record, "member.joined", "Bob joined", by=cast.bob, organization=cast.acme, target=cast.bob, role="member"
    )
    audit.origin.reset(token)
    event = newest()
    assert (event.category, event.action, event.result) == ("member", "member.joined", "success")
    assert (event.actor, event.actor_email, event.organization) == (cast.bob, "bob@example.org", cast.acme)
    assert (event.target_type, event.target_id) == ("user", str(cast.bob.id))
    assert (event.metadata, event.ip, event.request_id) == ({"role": "member"}, "10.0.0.1", "r1")


def test_every_event_is_of_a_category_that_the_log_is_filtered_by(cast):
    whose = {"by": cast.bob, "organization": cast.acme}
    said = [("billing.x", whose, "billing"), ("order.x", whose, "organization"), ("mail.x", {"by": cast.bob}, "admin")]
    for action, about, category in [*said, ("mail.x", {}, "system"), ("order.x", {"category": "member"}, "member")]:
        write(audit.record, action, "x", **about)
        assert newest().category == category in audit.CATEGORIES


@pytest.mark.parametrize(
    "name", ["password", "new_password", "api_token", "code", "Secret", "cookie", "api_key", "password_hash"]
)
def test_secrets_are_not_written_down(house, name):
    write(audit.record, "auth.x", "x", **{name: "s3cret", "plain": "seen"})
    assert AuditEvent.get().metadata == {name: "•••", "plain": "seen"}


def test_an_event_is_gone_with_the_transaction_it_belongs_to(house):
    def fails():
        audit.record("auth.x", "x")
        raise ValueError

    with pytest.raises(ValueError):
        write(fails)
    assert AuditEvent.select().count() == 0


def test_a_long_summary_is_cut(house):
    write(audit.record, "auth.x", "x" * 5000)
    assert len(AuditEvent.get().summary) == 500


# --- the chain ------------------------------------------------------------------------------------------


@pytest.fixture
def ten(house):
    """Ten events in the chain; returns their ids."""

    def fill():
        for number in range(10):
            audit.record("auth.x", f"Event {number}", number=number)

    write(fill)
    return [row.id for row in AuditEvent.select().order_by(AuditEvent.id)]


@pytest.fixture
def tamper(house):
    """Change the table as somebody with the database in hands would: past the trigger that forbids it."""

    def change(query):
        def by_force():
            if database.dialect == "sqlite":
                (trigger,) = database.execute_sql(
                    "SELECT sql FROM sqlite_master WHERE name = 'audit_event_write_once'"
                ).fetchone()
                database.execute_sql("DROP TRIGGER audit_event_write_once")
                query.execute()
                database.execute_sql(trigger)
            else:
                database.execute_sql("ALTER TABLE audit_event DISABLE TRIGGER audit_event_write_once")
                query.execute()
                database.execute_sql("ALTER TABLE audit_event ENABLE TRIGGER audit_event_write_once")

        write(by_force)

    return change


def test_an_untouched_log_is_whole(ten):
    told = audit.verify()
    assert (told.rows, told.from_before, told.findings, told.is_whole) == (10, 0, [], True)
    assert told.ends == {newest().chain: (ten[-1], newest().hash)}
    links = [(row.previous, row.hash) for row in AuditEvent.select().order_by(AuditEvent.id)]
    assert links[0][0] is None
    assert [previous for previous, _ in links[1:]] == [hash for _, hash in links[:-1]]


def test_an_empty_log_is_whole(house):
    assert audit.verify().is_whole
    audit.seal(audit.verify().ends)
    assert not audit.seals_file().exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"before": {"name": "Ä", "n": 1.0}, "after": {"name": "\U0001f600", "n": None}},
        {"number": 1e22, "small": 1e-7, "half": 0.5, "yes": True, "many": 10**15},
        {"list": [1, "two", {"three": 3}], "pair": ("a", "b"), "empty": {}},
    ],
)
def test_whatever_the_facts_are_the_row_reads_back_as_it_was_written(house, facts):
    write(audit.record, "auth.x", "x", **facts)
    assert audit.verify().findings == []


def test_the_trigger_forbids_a_change_and_a_forced_one_is_found(ten, tamper):
    change = AuditEvent.update(summary="Nothing happened").where(AuditEvent.id == ten[4])
    with pytest.raises(Exception, match="write-once"):
        write(change.execute)
    tamper(AuditEvent.update(summary="Nothing happened").where(AuditEvent.id == ten[4]))
    assert audit.verify().findings == [f"Event {ten[4]} was changed after it was written."]


@pytest.mark.parametrize("column", ["actor_email", "metadata", "result", "ip", "at", "previous", "hash"])
def test_each_covered_column_counts(ten, tamper, column):
    value = {"metadata": {"number": 99}, "at": now() - timedelta(days=1), "result": "denied"}.get(column, "x")
    tamper(AuditEvent.update({column: value}).where(AuditEvent.id == ten[4]))
    assert f"Event {ten[4]} was changed after it was written." in audit.verify().findings


def test_an_account_that_is_gone_doesnt_break_the_chain(cast):
    write(audit.record, "auth.x", "x", by=cast.bob, organization=cast.acme)
    write(AuditEvent.update(actor=None, organization=None).where(AuditEvent.id == newest().id).execute)
    assert audit.verify().is_whole


def test_a_removed_row_is_found(ten, tamper):
    tamper(AuditEvent.delete().where(AuditEvent.id == ten[4]))
    told = audit.verify()
    assert told.findings == [f"Something between event {ten[3]} and event {ten[5]} is gone, or was put there."]


def test_a_removed_beginning_is_found(ten, tamper):
    tamper(AuditEvent.delete().where(AuditEvent.id <= ten[2]))
    assert audit.verify().findings == [f"Events before {ten[3]} are gone."]


def test_two_rows_that_changed_places_are_found(ten, tamper):
    columns = [getattr(AuditEvent, name) for name in (*audit.COVERED, "previous", "hash")]
    rows = {row.pop("id"): row for row in AuditEvent.select(AuditEvent.id, *columns).dicts()}
    for one, other in ((ten[3], ten[6]), (ten[6], ten[3])):
        tamper(AuditEvent.update(rows[other]).where(AuditEvent.id == one))
    assert len(audit.verify().findings) >= 3


def test_a_row_that_guildhall_didnt_write_is_found(ten, house):
    write(AuditEvent.insert(category="auth", action="auth.x", summary="Slipped in").execute)
    slipped = newest().id
    assert audit.verify().findings == [f"Event {slipped} stands outside the chain: it wasn't written by Guildhall."]


def test_rows_from_before_the_chain_are_left_alone(house):
    write(AuditEvent.insert(category="auth", action="auth.x", summary="Long ago").execute)
    write(audit.record, "auth.x", "x")
    told = audit.verify()
    assert (told.rows, told.from_before, told.findings) == (2, 1, [])


def test_a_removed_end_is_found_by_its_seal(ten, tamper):
    audit.seal(audit.verify().ends)
    tamper(AuditEvent.delete().where(AuditEvent.id >= ten[7]))
    assert audit.verify().findings == [f"Event {ten[9]} was sealed and is gone."]
    write(audit.record, "auth.x", "Later")
    assert f"Event {ten[9]} was sealed and is gone." in audit.verify().findings


def test_a_chain_that_was_made_anew_with_the_key_is_found_by_its_seal(ten, tamper):
    audit.seal(audit.verify().ends)
    previous = None
    for row in list(AuditEvent.select().order_by(AuditEvent.id)):
        values = {name: getattr(row, name) for name in ("chain", *audit.COVERED)} | {"summary": "Nothing at all"}
        link = audit._link(values | {"previous": previous})
        forged = AuditEvent.update(summary="Nothing at all", previous=previous, hash=link)
        tamper(forged.where(AuditEvent.id == row.id))
        previous = link
    assert audit.verify().findings == [f"Event {ten[9]} isn't the one that was sealed."]


def test_the_same_is_sealed_once_and_each_seal_counts(ten):
    for _ in range(2):
        audit.seal(audit.verify().ends)
    write(audit.record, "auth.x", "x")
    audit.seal(audit.verify().ends)
    lines = [json.loads(line) for line in audit.seals_file().read_text().splitlines()]
    assert [line["id"] for line in lines] == [ten[9], newest().id]
    assert audit.verify().is_whole


def test_a_line_of_the_seals_that_cant_be_read_is_told(ten):
    audit.seals_file().write_text("{}\nnonsense\n")
    told = audit.verify().findings
    assert told == ["Line 1 of audit.seals can't be read.", "Line 2 of audit.seals can't be read."]


def test_another_key_fits_nothing_and_that_is_said(ten):
    configuration.use(dataclasses.replace(configuration.active, secret_key="another" * 6))
    told = audit.verify().findings
    assert "SECRET_KEY" in told[0]
    assert len(told) == 11


# --- retention leaves a chain ------------------------------------------------------------------------------


@pytest.fixture
def old(house, clock):
    """Thirty events of thirty days; retention is ten days."""

    def fill():
        audit.record("auth.x", "x")

    for _ in range(30):
        write(fill)
        clock.forward(days=1)
    return [row.id for row in AuditEvent.select().order_by(AuditEvent.id)]


def kept():
    return [row.id for row in AuditEvent.select().order_by(AuditEvent.id)]


def test_after_each_batch_of_retention_the_chain_is_whole(old):
    gone = 0
    while done := audit.prune(6, 10):
        gone += done
        told = audit.verify()
        assert told.findings == [], gone
    assert gone == 20
    assert kept()[:10] == old[20:]
    (event,) = AuditEvent.select().where(AuditEvent.action == "system.audit_pruned")
    oldest = AuditEvent.get_by_id(old[20])
    assert event.metadata == {"up_to": old[19], "links": {str(oldest.chain): oldest.previous}}
    assert audit.prune(6, 10) == 0
    assert AuditEvent.select().where(AuditEvent.action == "system.audit_pruned").count() == 1


def test_what_was_sealed_may_be_pruned(old):
    audit.seal(audit.verify().ends)
    while audit.prune(6, 0):
        pass
    assert AuditEvent.select().count() == 1
    assert audit.verify().is_whole


def test_retention_again_and_again_stays_whole(old, clock):
    for _ in range(5):
        while audit.prune(4, 10):
            pass
        assert audit.verify().is_whole
        clock.forward(days=3)
    clock.forward(days=30)
    while audit.prune(4, 10):
        pass
    (only,) = AuditEvent.select()
    assert only.action == "system.audit_pruned"
    assert audit.verify().is_whole


def test_more_than_retention_removed_is_found(old, tamper):
    while audit.prune(50, 10):
        pass
    first = kept()[0]
    tamper(AuditEvent.delete().where(AuditEvent.id == first))
    assert audit.verify().findings == [f"Events before {first + 1} are gone."]


def test_a_forged_word_of_retention_excuses_nothing(ten, tamper):
    tamper(AuditEvent.delete().where(AuditEvent.id <= ten[4]))
    link = AuditEvent.get_by_id(ten[5]).previous
    write(
        AuditEvent.insert(
            category="system",
            action="system.audit_pruned",
            summary="x",
            metadata={"up_to": ten[4], "link": link},
            chain=newest().chain,
            previous=newest().hash,
            hash="f" * 64,
        ).execute
    )
    told = audit.verify().findings
    assert told[0] == f"Events before {ten[5]} are gone."
    assert len(told) == 2


@pytest.mark.usefixtures("sqlite")
def test_what_0_3_0_announced_before_there_were_several_chains_still_counts(ten, tamper):
    """Its rows were those of chain 0, which SQLite writes."""
    link = AuditEvent.get_by_id(ten[5]).previous
    write(audit.record, audit.PRUNED, "x", up_to=ten[4], link=link)
    tamper(AuditEvent.delete().where(AuditEvent.id <= ten[4]))
    assert audit.verify().findings == []


def test_rows_from_before_the_chain_are_pruned_too(house, clock):
    for _ in range(3):
        write(AuditEvent.insert(category="auth", action="auth.x", summary="Long ago").execute)
    write(audit.record, "auth.x", "x")
    clock.forward(days=11)
    while audit.prune(2, 10):
        assert audit.verify().is_whole
    assert AuditEvent.select().count() == 1


# --- many, and at once -------------------------------------------------------------------------------------


def test_writers_at_once_make_whole_chains(cast):
    before = AuditEvent.select().count()

    def several():
        for number in range(8):
            write(audit.record, "auth.x", "x", by=cast.bob, number=number)

    assert refused(together(*[several] * 6)) == []
    rows = list(AuditEvent.select())
    assert len(rows) == before + 48
    assert audit.verify().is_whole
    assert len({(row.chain, row.previous) for row in rows}) == len(rows)


@pytest.fixture
def side_by_side(house, postgres):
    """Two events, whose transactions are open at once: they get chains of their own. SQLite has one writer."""
    first, second = threading.Event(), threading.Event()

    @writes
    def waits():
        audit.record("auth.x", "First")
        first.set()
        assert second.wait(10)

    @writes
    def passes():
        assert first.wait(10)
        audit.record("auth.x", "Second")
        audit.record("auth.x", "Third")

    def one_after_the_other():
        passes()
        second.set()

    assert refused(together(waits, one_after_the_other)) == []
    return {row.summary: row for row in AuditEvent.select()}


def test_events_of_two_transactions_dont_wait_for_each_other(side_by_side):
    first, second, third = (side_by_side[name] for name in ("First", "Second", "Third"))
    assert first.chain != second.chain == third.chain
    assert (first.previous, second.previous, third.previous) == (None, None, second.hash)
    assert audit.verify().ends == {first.chain: (first.id, first.hash), third.chain: (third.id, third.hash)}


def test_without_a_free_chain_nothing_is_written(house, postgres, monkeypatch):
    monkeypatch.setattr(audit, "CHAINS", 1)
    held, over = threading.Event(), threading.Event()

    @writes
    def holds():
        audit.record("auth.x", "First")
        held.set()
        assert over.wait(60)
        audit.record("auth.x", "Second")  # in the chain that it holds

    def one_more():
        assert held.wait(60)
        try:
            write(audit.record, "auth.x", "Third")
        finally:
            over.set()

    _, refusal = together(holds, one_more)
    assert isinstance(refusal, RuntimeError)
    assert [row.summary for row in AuditEvent.select().order_by(AuditEvent.id)] == ["First", "Second"]
    assert audit.verify().is_whole


def test_each_chain_is_sealed_and_may_be_pruned(side_by_side, clock, tamper):
    audit.seal(audit.verify().ends)
    assert len(audit.seals_file().read_text().splitlines()) == 2
    clock.forward(days=11)
    write(audit.record, "auth.x", "Much later")
    while audit.prune(1, 10):
        assert audit.verify().is_whole
    assert {row.summary for row in AuditEvent.select()} > {"Much later"}
    for _ in range(3):  # what an earlier round removed of a chain is still known
        clock.forward(days=11)
        write(audit.record, "auth.x", "Again")
        while audit.prune(5, 10):
            assert audit.verify().is_whole


def test_a_row_that_is_put_into_another_chain_is_found(side_by_side, tamper):
    row = side_by_side["Third"]
    tamper(AuditEvent.update(chain=side_by_side["First"].chain).where(AuditEvent.id == row.id))
    assert f"Event {row.id} was changed after it was written." in audit.verify().findings


def test_an_end_that_is_cut_off_is_found_by_its_seal_in_each_chain(side_by_side, tamper):
    audit.seal(audit.verify().ends)
    for name in ("First", "Third"):
        tamper(AuditEvent.delete().where(AuditEvent.id == side_by_side[name].id))
    gone = sorted(side_by_side[name].id for name in ("First", "Third"))
    assert audit.verify().findings == [f"Event {id} was sealed and is gone." for id in gone]


def test_five_thousand_rows_are_walked_quickly(house):
    def fill():
        for number in range(5000):
            audit.record("auth.x", "x", number=number)

    write(fill)
    began = time.perf_counter()
    told = audit.verify()
    took = time.perf_counter() - began
    assert (told.rows, told.findings) == (5000, [])
    assert took < 60, f"{took:.1f} s for 5,000 rows"


def test_a_record_reads_the_newest_row_alone(house):
    def fill():
        for number in range(300):
            audit.record("auth.x", "x", number=number)

    write(fill)
    plan = " ".join(
        str(row)
        for row in database.execute_sql(
            ("EXPLAIN " if database.dialect == "postgres" else "EXPLAIN QUERY PLAN ")
            + "SELECT hash FROM audit_event WHERE chain = 0 ORDER BY id DESC LIMIT 1"
        ).fetchall()
    )
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


# --- reading -----------------------------------------------------------------------------------------------


@pytest.fixture
def log(clock, cast):
    """Events of two organizations and two people, a minute apart."""

    def fill():
        clock.forward(minutes=1)
        audit.record("member.joined", "Bob joined", by=cast.bob, organization=cast.acme)
        clock.forward(minutes=1)
        audit.record("billing.updated", "Acme pays", by=cast.alice, organization=cast.acme)
        clock.forward(minutes=1)
        audit.record("billing.updated", "Globex pays", by=cast.charlie, organization=cast.globex)
        audit.record("organization.access_denied", "Denied", by=cast.bob, organization=cast.acme, result="denied")

    write(fill)


def test_about_somebody_is_what_they_did_and_what_was_done_to_them(log, cast):
    write(audit.record, "security.x", "Locked out", by=cast.stella, target=cast.bob)
    found = [event.summary for event in audit.about(cast.bob)]
    assert found[:3] == ["Locked out", "Denied", "Bob joined"]
    assert "Acme pays" not in found


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"before": "a", "after": "b", "reason": "x"}, [("", "a", "b")]),
        ({"before": {"name": "a"}, "after": {"name": "b", "zone": "UTC"}}, [("name", "a", "b"), ("zone", None, "UTC")]),
        ({"after": {"name": "b"}}, [("name", None, "b")]),
        ({"role": "member"}, []),
    ],
)
def test_what_a_change_touched(house, facts, told):
    write(audit.record, "auth.x", "x", **facts)
    event = AuditEvent.get()
    assert audit.changed(event) == told
    assert "before" not in audit.facts(event)
