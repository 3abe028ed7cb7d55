"""What the demo made, removed again: its organizations with all that is in them, its accounts, its news. Nothing else.

The demo notes by number what it made, so that what people made beside it stays. A job removes it, organization by
organization; what a kill cuts off goes on.
"""

from datetime import timedelta

from database.transactions import writes
from domain import Refused, existing
from domain.base import audit, long_jobs, stepup
from domain.operations import purges
from domain.organizations import organizations
from domain.people import accounts, admins
from models import Alert, Campaign, Organization, Setting, Subscriber, User

JOB = "demo_removal"
KEY = "demo"  # of the setting that says what it made
AGAIN = timedelta(seconds=10)


@writes
def note():
    """Note that all there is was made by the demo, once it is there."""
    made = {table: [row.id for row in model.select(model.id)] for table, model in _TABLES.items()}
    Setting.insert(key=KEY, value=made).on_conflict_ignore().execute()


_ROWS = {"alerts": Alert, "campaigns": Campaign, "subscribers": Subscriber}  # of the site, which go as they are
_TABLES = {"users": User, "organizations": Organization} | _ROWS


def made():
    """What the demo made and is still here: table → ids; None where there is nothing of it."""
    row = Setting.one(Setting.key == KEY)
    return row and row.value


def newest():
    """The removal that was asked for last, or None."""
    return long_jobs.newest(JOB)


def in_the_way():
    """What must be settled first, as sentences: what people have that would be nobody's."""
    told = made()
    if told is None:
        return []
    found = []
    if not [one for one in admins.people() if one.id not in told["users"]]:
        found.append("Its accounts are the only admins. Put somebody else on the admin list first.")
    for user in User.select().where(User.id << told["users"], User.status != "deleted"):
        names = [one.name for one in accounts.ties(user) if one.id not in told["organizations"]]
        found += [f"{user.name} is the only owner of {name}. Hand it over first." for name in names]
    return found


@writes
def ask(*, by=None):
    """Have it removed; staff after step-up L4, `by` None from the command line. Refuses with NotFound where there is no
    demo, and with what is in the way."""
    told = existing(made(), "The demo made nothing here, or it was removed already.")
    if found := in_the_way():
        raise Refused(" ".join(found))
    if by is not None:
        if by.id in told["users"]:
            raise Refused("You are of the demo yourself. Somebody else has to do it.")
        stepup.demand("admin.remove_demo")
    total = len(told["organizations"]) + len(told["users"])
    if long_jobs.begin(JOB, by=by, total=total, **told) is None:
        raise Refused("It is being removed already.")
    audit.record("demo.removal_asked", "Asked for what the demo made to be removed", by=by)


@long_jobs.worker(JOB)
def work(job):
    """Go on with what was asked for."""
    mine = Organization.id << job.facts["organizations"]
    for organization in Organization.select().where(mine, ~Organization.slug.startswith(purges.GONE)):
        _let_go(organization)
    while purges.work():
        pass
    left = Organization.select().where(mine, ~Organization.slug.startswith(purges.GONE)).count()
    long_jobs.progress(job, len(job.facts["organizations"]) - left, lasting=True)
    if left:  # another process removes them
        return long_jobs.put_off(job, AGAIN)
    for user in User.select().where(User.id << job.facts["users"], User.status != "deleted"):
        accounts.erase_again(user)
        long_jobs.progress(job, job.done + 1, lasting=True)
    return _finish(job)


@writes
def _let_go(organization):
    if organization.status != "deleted":
        organizations.close(organization, by=None)
    purges.begin(organization.id, is_whole=True)


@writes
def _finish(job):
    for name, model in _ROWS.items():
        model.delete().where(model.id << job.facts.get(name, [])).execute()
    Setting.delete().where(Setting.key == KEY).execute()
    users, teams = len(job.facts["users"]), len(job.facts["organizations"])
    audit.record("demo.removed", "What the demo made was removed", users=users, organizations=teams)
    long_jobs.finish(job)
