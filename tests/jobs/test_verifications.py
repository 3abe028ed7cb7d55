from dataclasses import replace

import jobs
from domain.base import audit, configuration, keys
from jobs import verifications
from models import AuditEvent, JobRun, Notification, Outgoing, User
from tests.fixtures.threads import write


def run():
    jobs.run("audit_chain")
    return JobRun.select().where(JobRun.job == "audit_chain").order_by(JobRun.id.desc()).first()


def cut_off_the_end():
    last = AuditEvent.select().order_by(AuditEvent.id.desc()).first()
    write(AuditEvent.delete().where(AuditEvent.id == last.id).execute)
    return last.id


def test_a_whole_log_is_walked_once_and_sealed(cast):
    count = AuditEvent.select().count()
    assert count > 3
    done = run()
    assert (done.ok, done.affected, done.error) == (True, count, None)
    assert len(audit.seals_file().read_text().splitlines()) == 1
    assert verifications.report() == ([f"The audit log is whole: {count} events."], True)


def test_a_broken_log_fails_the_job_and_is_told_to_every_admin_once(cast, letters):
    run()
    gone = cut_off_the_end()
    for _ in range(2):
        done = run()
        assert not done.ok
        assert f"Event {gone} was sealed and is gone." in done.error
    assert len(audit.seals_file().read_text().splitlines()) == 1, "what is broken isn't sealed"
    told = [event for event in AuditEvent.select() if event.action == "system.audit_broken"]
    assert [event.result for event in told] == ["failure", "failure"]
    assert f"Event {gone} was sealed and is gone." in told[0].metadata["findings"]
    mailed = [(to, subject) for to, subject, _ in letters()]
    assert mailed.count(("stella@example.org", "The audit log of Guildhall was tampered with")) == 1
    assert {note.recipient for note in Notification.select()} == {cast.stella}
    assert Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == "alice@example.org").count() == 0
    sentences, whole = verifications.report()
    assert (sentences, whole) == ([f"Event {gone} was sealed and is gone."], False)


def test_after_a_new_key_it_is_said_what_was_encrypted_anew_and_what_still_needs_an_older_one(cast):
    write(User.update(totp_secret=keys.seal("A" * 32)).where(User.id == cast.bob.id).execute)
    write(User.update(totp_secret="2.AAAA").where(User.id == cast.vera.id).execute)
    last = AuditEvent.select().order_by(AuditEvent.id.desc()).first().id
    old = configuration.active
    configuration.use(replace(old, secret_key="n" * 40, secret_key_fallbacks=(old.secret_key,)))
    assert verifications.rekey() == (
        [
            "1 secret of authenticator apps encrypted under the newest key.",
            "None of the keys opens the one of vera@example.org: a backup code or a passkey lets them in.",
            f"The audit log up to event {last} was written with an older key.",
        ],
        False,
    )
    configuration.use(replace(old, secret_key="n" * 40))
    assert keys.unseal(User.get_by_id(cast.bob.id).totp_secret) == "A" * 32
