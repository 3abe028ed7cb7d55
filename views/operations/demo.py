"""What the demo made, to be removed: what stands in the way, the button, and how far it is."""

from flask import Blueprint

from domain.operations import demo_removals
from models import Organization, User
from views import access, pages

blueprint = Blueprint("demo", __name__)
HERE = "/admin/demo"


@blueprint.get(HERE)
@access.platform("demo.remove")
def show():
    made, job = demo_removals.made(), demo_removals.newest()
    running = job is not None and job.is_open
    named = made or {"users": [], "organizations": []}
    return pages.page(
        "admin/demo/index.html",
        around=None if running else {"demo_progress": "demo_area"},
        made=made,
        people=User.select().where(User.id << named["users"], User.status != "deleted"),
        teams=Organization.select().where(Organization.id << named["organizations"], Organization.status != "deleted"),
        in_the_way=demo_removals.in_the_way(),
        job=job,
        running=running,
        here="demo",
    )


@blueprint.post(HERE)
@access.platform("demo.remove")
def remove():
    demo_removals.ask(by=access.me())
    return pages.go(HERE, "It is being removed. This page tells how far it is.")
