"""Peer: an event of pretix with `count` good tickets and plenty to sell; prints how its API is asked.

Run by the Python of env-pretix, with pretix's own configuration in the environment.
"""

import json
import sys
from datetime import timedelta
from decimal import Decimal

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils.timezone import now  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402
from pretix.base.models import Event, Order, OrderPosition, Organizer, TeamAPIToken  # noqa: E402


def seed(count):
    call_command("migrate", verbosity=0)
    with scopes_disabled():
        organizer = Organizer.objects.create(name="Bench", slug="bench")
        starts = now() + timedelta(hours=1)
        event = Event.objects.create(
            organizer=organizer,
            name="Bench",
            slug="bench",
            currency="EUR",
            date_from=starts,
            date_to=starts + timedelta(days=1),
            live=True,
            plugins="pretix.plugins.banktransfer",
        )
        item = event.items.create(name="Day ticket", default_price=Decimal("0.00"), admission=True, active=True)
        quota = event.quotas.create(name="All", size=10_000_000)
        quota.items.add(item)
        doors = event.checkin_lists.create(name="Door", all_products=True)
        rights = {"all_event_permissions": True, "all_organizer_permissions": True}
        team = organizer.teams.create(name="All", all_events=True, **rights)
        token = TeamAPIToken.objects.create(team=team, name="bench")
        channel = organizer.sales_channels.get_or_create(identifier="web", defaults={"label": "Web", "type": "web"})[0]
        secrets = []
        for start in range(0, count, 100):
            order = Order.objects.create(
                event=event,
                status=Order.STATUS_PAID,
                email="ada@example.org",
                datetime=now(),
                expires=now() + timedelta(days=5),
                total=Decimal("0.00"),
                sales_channel=channel,
                code=f"B{start // 100:05d}",
            )
            for number in range(1, min(100, count - start) + 1):
                position = OrderPosition.objects.create(
                    order=order,
                    item=item,
                    price=Decimal("0.00"),
                    positionid=number,
                    attendee_name_parts={"full_name": "Ada"},
                )
                secrets.append(position.secret)
        print(json.dumps({"token": token.token, "list": doors.id, "item": item.id, "secrets": secrets}))


if __name__ == "__main__":
    seed(int(sys.argv[1]))
