"""Whatever the document allows, and what it doesn't, is answered as the document says: schemathesis, a fixed share.

API_CASES=200 asks so much of each operation.
"""

import logging
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks

from database.scope import inside
from domain.lists import rows
from domain.records import collections, field_changes, listings
from domain.tasks import tasks
from tests.conftest import application
from tests.fixtures.doors import an_event, passes_of
from tests.fixtures.keys import AT, a_key, pay
from views.machines import openapi

CASES = int(os.environ.get("API_CASES", "12"))
DOCUMENT = openapi.document(application(), "http://localhost")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
BELOW = (AT, "/api/v1/")
ASKED = [one for one in (found.ok() for found in SCHEMA.get_all_operations()) if one.path.startswith(BELOW)]
TAKEN = {"listing": "tasks", "act": "taking"}
CHECKS = (
    *(checks.not_a_server_error, checks.CHECKS.get_one("status_code_conformance")),
    checks.CHECKS.get_one("content_type_conformance"),
    checks.CHECKS.get_one("response_schema_conformance"),
)


@pytest.fixture
def world(web, cast, at):
    """(the head of a program that may everything, real parts of addresses)"""
    pay(cast.acme)
    with inside(cast.acme):
        event = an_event()
        (ada,) = passes_of(event, ["Ada"])
        task = rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice")).id
        fields = (("Name", "text"), ("Mail", "email"), ("Amount", "money"), ("State", "choice", ("New", "Done")))
        offers = listings.of(collections.make("Offers", by=at("alice"), fields=fields), at("alice"))
        field_changes.rule("offers", 2, by=at("alice"), is_required=False, is_unique=True)
        assert rows.create(offers, {"f1": "Ada", "f2": "ada@example.org"}, by=at("alice")).id == task
    real = {"id": task, "parent": event.id, "serial": ada.serial, "organization": "acme", "listing": "offers"}
    real |= {"field": "mail", "value": "ada@example.org", "file": 1, "button": 1, "pass": ada.id}
    return {"Authorization": f"Bearer {a_key(at('alice'))[1]}", "Accept-Encoding": "identity"}, real


@pytest.mark.above_sql
@pytest.mark.parametrize("operation", ASKED, ids=[f"{one.method.upper()} {one.path}" for one in ASKED])
def test_what_is_asked_is_answered_as_the_document_says(world, web, operation, caplog):
    head, real = world
    real |= {"listing": "speakers"} if "/events/{parent}/" in operation.path else {}
    if "{act}" in operation.path:
        real |= {"listing": "passes", "act": "name", "id": real["pass"]} if "parent" in operation.path else TAKEN

    @given(case=operation.as_strategy(), is_real=st.booleans())
    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def ask(case, is_real):
        if is_real or "organization" in (case.path_parameters or {}):
            case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
        case.call_and_validate(headers=head, checks=CHECKS, app=web)

    ask()
    assert not [r for r in caplog.records if r.name == "guildhall.errors" and r.levelno >= logging.ERROR]


def test_the_share_is_all_operations():
    assert len(ASKED) == sum(len(one) for path, one in DOCUMENT["paths"].items() if path.startswith(BELOW)) > 25
