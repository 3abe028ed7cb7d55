"""Makes dj-stripe's tables and its webhook endpoint."""

import os

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    from djstripe.models import WebhookEndpoint

    call_command("migrate", verbosity=0)
    WebhookEndpoint.objects.create(
        id="we_bench",
        djstripe_uuid=os.environ["ENDPOINT"],
        secret=os.environ["ENDPOINT_SECRET"],
        url="https://bench.example.test/",
        enabled_events=["*"],
        status="enabled",
        livemode=False,
    )


if __name__ == "__main__":
    main()
