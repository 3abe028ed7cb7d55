import jobs
from domain.base import audit
from jobs import verifications
from models import AuditEvent, JobRun, Notification, Outgoing
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
    assert len(audit.seals().read_text().splitlines()) == 1
    assert verifications.report() == ([f"The audit log is whole: {count} events."], True)


def test_a_broken_log_fails_the_job_and_is_told_to_every_admin_once(cast, letters):
    run()
    gone = cut_off_the_end()
    for _ in range(2):
        done = run()
        assert not done.ok
        assert f"Event {gone} was sealed and is gone." in done.error
    assert len(audit.seals().read_text().splitlines()) == 1, "what is broken isn't sealed"
    told = [event for event in AuditEvent.select() if event.action == "system.audit_broken"]
    assert [event.result for event in told] == ["failure", "failure"]
    assert f"Event {gone} was sealed and is gone." in told[0].metadata["findings"]
    mailed = [(to, subject) for to, subject, _ in letters()]
    assert mailed.count(("stella@example.org", "The audit log of Guildhall was tampered with")) == 1
    assert {note.recipient for note in Notification.select()} == {cast.stella}
    assert Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == "alice@example.org").count() == 0
    sentences, whole = verifications.report()
    assert (sentences, whole) == ([f"Event {gone} was sealed and is gone."], False)
