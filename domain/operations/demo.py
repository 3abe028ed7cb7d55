"""A lively small team, made by the same functions that people use, from a fixed seed."""

import random
from datetime import timedelta

from database.clock import now, set_clock
from database.scope import inside
from database.transactions import writes
from domain.automations import samples
from domain.charts import saved_charts
from domain.entitlements import credits, grants
from domain.lists import rows
from domain.money import billing, pricing
from domain.money.providers import sandbox
from domain.operations import alerts, demo_removals, festival, volunteers
from domain.operations.news import bringing, campaigns
from domain.organizations import assignments, invitations, organizations, workspaces
from domain.people import accounts, passwords
from domain.records import collections, kind_changes, listings
from domain.records.computed import dependents, formulas
from domain.tasks import tasks
from models import Admin, StaffRole, User

# name, role in the team (None: not of it)
CAST = (
    ("Alice Moreau", "owner"),
    ("Bob Adeyemi", "member"),
    ("Vera Łuczak", "viewer"),
    ("Dora Nwosu", "member"),
    ("Charlie Ng", None),
    ("Stella Ortiz", None),
)
THINGS = {
    "venue": (
        "Sign the contract for the hall",
        "Measure the stage",
        "Ask about the second lift",
        "Book the caterer",
        "Find a quieter room for the panel",
        "Check the fire plan with the porter",
    ),
    "print": (
        "Call the printer about the posters",
        "Proofread the programme",
        "Choose the paper for the badges",
        "Order two hundred lanyards",
        "Send the map to the printer",
    ),
    "speakers": (
        "Invite the closing speaker",
        "Collect slides from everybody",
        "Book trains for the speakers",
        "Write the introductions",
        "Ask Ada for a photograph",
    ),
    "money": (
        "Close the books of October",
        "Answer the sponsor from Lyon",
        "Pay the deposit for the hall",
        "Compare three insurances",
        "Chase the open invoice",
    ),
    "website": (
        "Put the programme online",
        "Fix the map on phones",
        "Write the page about access",
        "Shorten the front page",
        "Answer the questions from the form",
    ),
}


def is_furnished():
    return User.select(User.id).first() is not None


def furnish(seed=7):
    """Fill an empty house: a team with three weeks of work behind it. Time moves as the story goes."""
    chance, start = random.Random(seed), now() - timedelta(days=21)  # noqa: S311  a story, not a secret
    secret = passwords.hashed("Quiet orchard bell 1!")
    _at(start)
    try:
        people = {}
        for name, _ in CAST:
            first = name.split()[0].lower()
            people[first] = accounts.create(f"{first}@example.org", name, secret)
        _make_admin(people["stella"])
        team = organizations.create("Acme Festival", by=people["alice"])
        other = organizations.create("Globex", by=people["charlie"])
        for name, role in CAST:
            if role not in (None, "owner"):
                one = people[name.split()[0].lower()]
                organizations.add_member(team, one, role, by=people["alice"])
                organizations.switch(one, team)
        with inside(team):
            _work(team, people, chance, start)
            _write_with_ai(team, people, chance, start)
            _fill_tables(team, people, chance, start)
            helpers, named = volunteers.make(organizations.reach(people["alice"], team.slug), start + timedelta(days=5))
            _at(start + timedelta(days=20))
            _buy("pro_monthly", organizations.reach(people["alice"], team.slug))
        with inside(other):
            _buy("pro_lifetime", organizations.reach(people["charlie"], other.slug))
        set_clock(None)
        with inside(team):
            owner, seller = (organizations.reach(people[name], team.slug) for name in ("alice", "bob"))
            _divide(owner, people)
            festival.make(owner, seller, chance)
            samples.furnish(owner)
            volunteers.furnish(helpers, named, owner)
        _write_news(people["stella"])
        alerts.broadcast("The hall is closed for painting on Thursday: please work from home.", by=people["stella"])
    finally:
        set_clock(None)
    demo_removals.note()
    return team


def _write_news(editor):
    """Readers of the newsletter, and an issue that waits for somebody to send it."""
    names = ("nils", "olga", "pia", "quinn", "rosa", "sami", "tara", "uwe", "vito", "wanda")
    lines = "\n".join(f"{name}@example.org" for name in names)
    bringing.bring(lines.encode(), {"where": "A list on paper at the market of 2025", "agreed": "1"}, by=editor)
    issue = campaigns.begin(by=editor)
    says = "# Lanterns in July\n\nIt begins on **3 July** at the mill.\n\n- Music from eight\n- Food by the river"
    campaigns.change(issue.id, {"subject": "Lanterns in July", "body": says}, by=editor)


def _at(moment):
    set_clock(lambda: moment)


@writes
def _make_admin(user):
    Admin.create(email=user.email, email_norm=user.email_norm, note="Demo")
    StaffRole.create(user=user, role="super_admin")


def _work(team, people, chance, start):
    workers = [organizations.reach(people[first], team.slug) for first in ("alice", "bob", "dora")]
    made = []
    ideas = [(category, title) for category, titles in THINGS.items() for title in titles]
    chance.shuffle(ideas)
    for hour, (category, title) in enumerate(ideas):
        _at(start + timedelta(hours=9 * hour + chance.random() * 5))
        by = chance.choice(workers)
        other = chance.choice(workers).user
        due = start + timedelta(days=chance.randint(4, 32))
        form = {
            "title": title,
            "category": category,
            "priority": chance.choice(("low", "medium", "medium", "high")),
            "assigned_to": str(other.id) if chance.random() < 0.6 else "",
            "due_at": f"{due:{'%Y-%m-%d' if chance.random() < 0.8 else '%Y-%m-%dT%H:00+00:00'}}"
            if chance.random() < 0.8
            else "",
            "description": "Talk to the others before anything is ordered." if chance.random() < 0.3 else "",
        }
        made.append((by, rows.create(tasks.rules, form, by=by)))
    for by, task in made:
        _at(max(task.created_at, start + timedelta(days=chance.randint(5, 19))) + timedelta(hours=2))
        status = chance.choice(("pending", "pending", "in progress", "in progress", "completed", "cancelled"))
        rows.change(tasks.rules, task.id, {"status": status}, by=by)


def _write_with_ai(team, people, chance, start):
    """What credits look like in use; the feature that will spend them comes later."""
    _at(start)
    credits.give(
        team,
        150,
        key="demo:welcome",
        reason="A welcome present",
        expires_at=start + timedelta(days=60),
        by=people["stella"],
    )
    for number in range(26):
        _at(start + timedelta(hours=18 * number + 9 + chance.random() * 6))
        by, amount = people[chance.choice(("alice", "bob", "dora"))], chance.randint(1, 9)
        credits.spend(team, amount, key=f"demo:{number}", feature="ai.text", by=by)
        if number == 17:
            credits.refund(team, f"demo:{number}", by=by)


SPONSORS = (
    *("Brasserie du Nord", "Lumen & Sons", "Öko-Druck GmbH", "Café Trieste", "Harbour Freight Co-op", "Atelier Ngozi"),
    *(
        "Vélo Solidaire",
        "The Night Library",
        "Kaffeerösterei am Kanal",
        "Sunday Tent Rentals",
        "Polder Radio",
        "Marimba",
    ),
    *(
        "Schoonmaak & Zoon",
        "Grain Mill Bakery",
        "Green Ferry",
        "Studio Płomień",
        "Hotel Meridiaan",
        "Bank of Two Rivers",
    ),
)
CITIES = ("Lyon", "Rotterdam", "Berlin", "Trieste", "Rotterdam")
THINGS_TO_LEND = (
    *(
        "Mixing desk, 16 channels",
        "Folding tables, long",
        "Headset microphones",
        "Projector, bright",
        "Extension leads, 25 m",
    ),
    *("Hand trucks", "Walkie-talkies, set of six", "Gazebo, 3 × 3 m", "Stage lights, warm", "First-aid chest"),
)


def _fill_tables(team, people, chance, start):
    """Two tables as somebody makes them: who pays for the festival, and what there is to lend, by whom of them."""
    _at(start + timedelta(days=2))
    owner = organizations.reach(people["alice"], team.slug)
    workers = [organizations.reach(people[first], team.slug) for first in ("alice", "bob", "dora")]
    fields = (
        ("Sponsor", "text"),
        ("State", "choice", ("Asked", "Talking", "Signed", "Declined")),
        ("Owner", "person"),
        ("Since", "day"),
        ("Notes", "long_text"),
        ("City", "text"),
    )
    sponsors = collections.make("Sponsors", by=owner, fields=fields)
    _fill_table(sponsors, SPONSORS, workers, chance, start, City=CITIES)
    things = (
        ("Thing", "text"),
        ("State", "choice", ("Ready", "Lent", "Broken")),
        ("With", "person"),
        ("Back on", "day"),
        ("Notes", "long_text"),
    )
    equipment = collections.make("Equipment", by=owner, fields=things)
    lends = {"table": str(sponsors.id), "back": "Lends us"}
    collections.add_field(equipment.slug, "Lent by", "link", by=owner, options=lends)
    lenders = {"Lent by": (*SPONSORS[3:9], "")}
    _fill_table(collections.found(equipment.slug), THINGS_TO_LEND, workers, chance, start, **lenders)
    _work_out(sponsors, equipment, owner)
    _draw_charts(sponsors, owner)


def _work_out(sponsors, equipment, owner):
    """A formula, and a roll-up over the rows that link here."""
    says = 'if({State} = "Lent" and not is_empty({Back on}), "back on " & text({Back on}, "DD.MM."), lower({State}))'
    formulas.add(equipment.slug, "Where it is", "formula", {"formula": says}, by=owner)
    formulas.add(sponsors.slug, "Things lent", "formula", {"formula": "count({Lends us})"}, by=owner)
    while kind_changes.work() or dependents.work():
        pass


def _draw_charts(sponsors, owner):
    """What stands on the home page: tasks, and sponsors."""
    table = listings.of(sponsors, owner).listing
    state, person, since = (field.name for field in table.fields[1:4])
    for listing, name, query in (
        (tasks.listing, "Tasks by what they are about", "tab=all&chart_by=category"),
        (tasks.listing, "When tasks are due", "tab=all&status=pending&chart_by=due_at&chart_per=week"),
        (table, "How far we are with sponsors", f"chart_by={state}"),
        (table, "Sponsors since the beginning", f"chart_by={since}&chart_per=week&chart_as=line"),
        (table, "Whose sponsors they are", f"chart_by={person}"),
    ):
        saved = saved_charts.save(listing, name, query, by=owner, shared=True)
        if name != "Whose sponsors they are":
            saved_charts.change(saved.id, name, by=owner, shared=True, home=True)


def _fill_table(table, names, workers, chance, start, **more):
    """Rows of some names; `more` are fields with words that are given in turn."""
    for number, name in enumerate(names):
        by = chance.choice(workers)
        _at(start + timedelta(days=chance.randint(3, 19), hours=chance.randint(8, 17)))
        rules = listings.of(table, by)
        first, state, person, day, notes = rules.listing.fields[:5]
        form = {first.name: name, state.name: str(chance.choice(state.kind.words))}
        form[person.name] = str(chance.choice(workers).user.id) if chance.random() < 0.7 else ""
        form[day.name] = f"{start + timedelta(days=chance.randint(0, 40)):%Y-%m-%d}" if chance.random() < 0.8 else ""
        form[notes.name] = "Ring before ten, ask for the office." if chance.random() < 0.3 else ""
        form |= {f.name: more[f.label][number % len(more[f.label])] for f in rules.listing.fields if f.label in more}
        rows.create(rules, form, by=by)


def _divide(owner, people):
    """A second workspace with its people, and an invitation that waits for an answer."""
    stage = workspaces.create("Main stage", by=owner)
    assignments.assign(stage.id, people["dora"].id, "manager", by=owner)
    invitations.invite("imani@example.org", "scanner", by=owner, workspace=stage.id)


def _buy(plan_key, owner):
    """Through the sandbox's checkout; its webhooks arrive once the server listens."""
    if grants.plan() is not None:
        if pricing.catalog() is None:
            pricing.sync()
        address = billing.checkout(plan_key, by=owner)
        sandbox.pay(address.rsplit("/", 1)[1])
