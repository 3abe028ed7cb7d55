"""The nightly walk along the audit log's chain; `python -m jobs --audit` does it now and prints what it found."""

from database import opening
from domain.automations.webhooks import endpoints
from domain.backers import backers
from domain.base import audit
from domain.events import codes
from domain.events.providers import accounts
from domain.fields.number import counted
from domain.people import admins, factors


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
    if findings := opening.damage():
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


def rekey():
    """Encrypt under the newest SECRET_KEY what is encrypted at rest: (sentences, whether all of it could be opened)."""
    done, lost = factors.seal_anew()
    said = [f"{counted(done, 'secret')} of authenticator apps encrypted under the newest key."]
    said += [f"None of the keys opens the one of {email}: a backup code or a passkey lets them in." for email in lost]
    signing, unopened = codes.seal_anew()
    if signing:
        said.append(f"{counted(signing, 'key')} of tickets encrypted under the newest key.")
    said += [f"None of the keys opens the one that signs the tickets of {name}: renew it." for name in unopened]
    paid, shut = accounts.seal_anew()
    if paid:
        said.append(f"{counted(paid, 'secret')} of accounts for tickets encrypted under the newest key.")
    said += [f"None of the keys opens the account {label}: set its key anew." for label in shut]
    told_outside, closed = endpoints.seal_anew()
    if told_outside:
        said.append(f"{counted(told_outside, 'secret')} of webhooks encrypted under the newest key.")
    said += [f"None of the keys opens the secret of the webhook {name}: give it a new one." for name in closed]
    told = audit.verify()
    if told.of_older_keys:
        said.append(f"The audit log up to event {told.of_older_keys} was written with an older key.")
    if kept := factors.codes_of_a_key():
        said.append(f"{counted(kept, 'backup code')} from up to 0.4 will end with the key they were made under.")
    if unused := backers.unused():
        said.append(
            f"{counted(unused, 'code')} of backers wait to be used: those from before the newest key end with theirs."
        )
    return said, not lost + unopened + shut + closed
