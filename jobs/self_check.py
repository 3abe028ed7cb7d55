"""`python app.py --check`: does this Guildhall run on its database? It is brought up to date, the audit log walked, and
pages are asked in this process: no port, no job, no letter. Copies are proven by it."""

from domain.base import audit, configuration
from domain.fields.number import counted
from domain.people import factors, sessions
from models import Membership, Organization, User

PAGES = ("/health", "/", "/sign-in")


def sentences(app):
    """What was looked at, a sentence each; raises Unwell with the first that isn't as it should be."""
    told = audit.verify()
    if told.findings:
        raise Unwell(told.findings[0])
    yield f"the audit log is whole: {counted(told.rows, 'event')}"
    sealed = list(User.select().where(User.totp_secret.is_null(False)).limit(20))
    if sealed and all(map(factors.is_lost, sealed)):
        raise Unwell("None of the secrets of authenticator apps opens: SECRET_KEY is another one.")
    for page in PAGES:
        _ask(app, page)
    yield f"{', '.join(PAGES)} answer"
    owner = (
        Membership.select(Membership, Organization, User)
        .join(Organization)
        .switch(Membership)
        .join(User, on=(Membership.user == User.id))
        .where(Membership.role == "owner", User.status == "active", Organization.status == "active")
        .order_by(Organization.is_personal, Membership.id)
        .first()
    )
    if owner is None:
        yield "no organization has an owner, so no list was asked"
        return
    page = f"/{owner.organization.slug}/tasks"
    answered = _ask(app, page, sessions.start(owner.user, way="check"))
    yield f"{page} answers its owner" if answered == 200 else f"{page} sends its owner elsewhere ({answered})"


class Unwell(Exception):
    """With the sentence for whoever looks."""


def _ask(app, page, token=None):
    chosen = configuration.active
    with app.test_client() as client:
        if token:
            with client.session_transaction(base_url=chosen.site_url) as kept:
                kept["_user_id"], kept["_fresh"] = token, True
        answer = client.get(page, base_url=chosen.site_url)
    if answer.status_code >= 400:
        raise Unwell(f"{page} answers {answer.status_code}.")
    return answer.status_code
