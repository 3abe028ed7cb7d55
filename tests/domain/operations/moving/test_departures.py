"""What is in an organization's file, who may have it, and what never leaves."""

import io
import json
import zipfile

import pytest

import jobs
from domain import Forbidden, NotFound, Refused
from domain.base import configuration, stepup
from domain.files import made_files, stores
from domain.lists import attachments, rows
from domain.moderation import reports, subjects
from domain.operations.moving import departures, row_lines
from domain.tasks import tasks
from models import OWNED, AuditEvent, InvitationLink, ModerationItem
from tests.fixtures.events import TIMES, make_event
from tests.fixtures.threads import write


def made(by, proven):
    proven(by.user, "organization.export", by.organization.id)
    departures.ask(by=by)
    jobs.run("organization_export")
    return departures.newest(by)


def test_all_of_it_is_in_one_file_with_a_hash_of_each_part(at, inside_acme, proven):
    task = rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))
    attachments.add(tasks.rules, task.id, io.BytesIO(b"hello"), "note.txt", by=at("alice"))
    job = made(at("alice"), proven)
    assert (job.status, job.error) == ("done", None)
    with zipfile.ZipFile(made_files.path(job)) as packed:
        names = set(packed.namelist())
        assert names >= {f"rows/{row_lines.name_of(table)}.jsonl" for table in row_lines.parents_last()}
        manifest = json.loads(packed.read("manifest.json"))
        assert set(manifest["sha256"]) == names - {"manifest.json"}
        (told,) = [json.loads(line) for line in packed.read("rows/task.jsonl").splitlines()]
        assert (told["title"], told["id"], manifest["counts"]["task"]) == ("Call the printer", task.id, 1)
        people = [json.loads(line) for line in packed.read("people.jsonl").splitlines()]
        assert {(p["email"], p["role"]) for p in people} >= {
            ("alice@example.org", "owner"),
            ("vera@example.org", "viewer"),
        }
        assert {key for person in people for key in person} == {"id", "name", "email", "timezone", "role", "status"}
        actions = [json.loads(line)["action"] for line in packed.read("audit.jsonl").splitlines()]
        assert "organization.created" in actions
    assert AuditEvent.select().where(AuditEvent.action == "organization.exported").count() == 1


def test_nothing_that_opens_leaves(at, inside_acme, proven):
    write(
        lambda: InvitationLink.create(
            role="member", secret_hash="s" * 64, most=5, expires_at=departures.now(), made_by=at("alice").user
        )
    )
    with zipfile.ZipFile(made_files.path(made(at("alice"), proven))) as packed:
        whole = b"".join(packed.read(name) for name in packed.namelist())
    assert b"s" * 64 not in whole
    assert b"password_hash" not in whole


SECRET_WORDS = ("hash", "secret", "sealed", "token", "key")
NO_SECRETS = {
    *("event.draw_seed",),
    *("credit_hold.key", "credit_entry.idempotency_key", "ticket_refund.key", "buyer.key", "flyer_phase.key"),
    *("record_key.key", "record_unique.key", "record_field.is_keyed", "ticket_order.form_key", "place.form_key"),
    "public_answer.form_key",
    *(
        "billing_checkout.plan_key",
        "subscription.plan_key",
        "subscription.pending_plan_key",
        "billing_payment.plan_key",
    ),
    *("licence.plan_key", "billing_grant.plan_key", "flyer_batch.hold_key"),
    *("api_answer.key", "api_answer.word_hash", "api_answer.asked_hash", "api_name_use.key"),
    "tier.code_hash",  # it shows a kind of ticket, under the key of this site
    *("flyer.content_hash", "flyer.address_hash", "moderation_item.content_hash"),
}


def test_every_column_that_sounds_like_a_secret_is_one_or_is_none():
    found = {
        f"{row_lines.name_of(table)}.{field.name}"
        for table in OWNED
        for field in table._meta.sorted_fields
        if any(word in field.name for word in SECRET_WORDS)
    }
    assert found - {".".join(one) for one in row_lines.SECRETS} - NO_SECRETS == set()


def test_owners_alone_have_it_after_proving_who_they_are(at, inside_acme, proven, signed_in_as):
    with pytest.raises(Forbidden):
        departures.ask(by=at("bob"))
    signed_in_as("alice")
    with pytest.raises(stepup.VerificationRequired):
        departures.ask(by=at("alice"))
    proven("alice", "organization.export", inside_acme.id)
    departures.ask(by=at("alice"))
    with pytest.raises(Refused, match="being made already"):
        departures.ask(by=at("alice"))


def test_it_is_kept_for_a_week(at, inside_acme, proven, clock):
    job = made(at("alice"), proven)
    assert made_files.path(job).exists()
    clock.forward(days=8)
    with pytest.raises(NotFound, match="isn't kept any more"):
        made_files.path(job)
    departures.work()
    assert list((configuration.active.data / "archives").glob("*")) == []


def test_a_file_whose_content_is_gone_is_named(at, inside_acme, proven):
    task = rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))
    file = attachments.add(tasks.rules, task.id, io.BytesIO(b"hello"), "note.txt", by=at("alice"))
    stores.active().remove(attachments.key(inside_acme.id, file.sha256))
    job = made(at("alice"), proven)
    assert (job.status, "“note.txt” is missing" in job.error) == ("failed", True)


def test_nobody_learns_who_reported_them_or_who_decided(at, inside_acme, cast, proven):
    event, _ = make_event(at("alice"), **TIMES)
    form = {"reason": "spam", "note": "They are my neighbour", "reply_to": "neighbour@example.org"}
    reports.report(subjects.find("event", event.slug), form, by="the neighbour's network")
    write(lambda: ModerationItem.update(note="Look at Ada first", reviewer=cast.stella).execute())
    with zipfile.ZipFile(made_files.path(made(at("alice"), proven))) as packed:
        assert not [name for name in packed.namelist() if "moderation" in name]
        whole = b"".join(packed.read(name) for name in packed.namelist() if name != "audit.jsonl")
    for word in (b"neighbour", b"Look at Ada", b"stella"):
        assert word not in whole
