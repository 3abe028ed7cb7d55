"""The nightly walk along the audit log's chain; `python -m jobs --audit` does it now and prints what it found."""

from database import housekeeping
from domain.base import audit
from domain.people import admins


class Broken(Exception):
    """The log, or the database's file, isn't as it was written. The job's run fails with this, where admins see it."""


def work():
    """Check the whole log: seal it when it is whole, else tell the admins and fail. Returns the rows walked."""
    told = audit.verify()
    if told.findings:
        admins.warn_of_the_log(told.findings)
        raise Broken(" ".join(told.findings[:5]))
    audit.seal(told.ends)
    return told.rows


def check_file():
    """Look through the database's file: tell the admins and fail where it is damaged."""
    if findings := housekeeping.damage():
        admins.warn_of_damage(findings)
        raise Broken(" ".join(findings[:5]))
    return 0


def report():
    """The same for a person at a terminal, without telling anybody else: (sentences, whether it is whole)."""
    told = audit.verify()
    if told.findings:
        return told.findings, False
    said = f"The audit log is whole: {told.rows} events"
    said += f", {told.from_before} of them from before it was a chain." if told.from_before else "."
    return [said], True
