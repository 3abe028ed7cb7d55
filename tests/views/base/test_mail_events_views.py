"""What Resend posts: 400 for what isn't signed, 503 without a secret, 200 for everything else."""

import dataclasses

from domain.base import configuration
from models import WebhookEvent
from tests.peers.resend import signed

FOREIGN = {"type": "email.bounced", "created_at": "2026-11-22T23:41:12.126Z", "data": {"email_id": "56761188"}}


def post(web, body, headers):
    return web.test_client().post("/webhooks/resend", data=body, headers=headers).status_code


def test_mail_case_01_02_signed_events_are_kept_and_nothing_else(web, mailer):
    body, headers = signed(FOREIGN)
    assert post(web, body, headers) == 200
    assert post(web, body, headers) == 200
    assert post(web, body + b" ", headers) == 400
    assert post(web, body, {name: value for name, value in headers.items() if name != "svix-signature"}) == 400
    assert post(web, body, headers | {"svix-timestamp": "now"}) == 400
    assert post(web, body, headers | {"svix-id": ""}) == 400
    assert WebhookEvent.select().count() == 1


def test_without_a_secret_nothing_is_taken(web, mailer):
    configuration.use(dataclasses.replace(configuration.active, resend_webhook_secret=()))
    assert post(web, *signed(FOREIGN)) == 503
    assert WebhookEvent.select().count() == 0
