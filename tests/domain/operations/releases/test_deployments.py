import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

from domain import Invalid
from domain.operations.releases import deployments
from models import AuditEvent, Release, WebhookEvent

EXAMPLE = {  # as Railway's documentation has it: the type says failed, the details say SUCCESS
    "type": "Deployment.failed",
    "details": {
        "id": "8107edff",
        "source": "GitHub",
        "status": "SUCCESS",
        "branch": "main",
        "commitHash": "fec1b8b8a2f0",
        "commitAuthor": "Ada",
        "commitMessage": "Faster lists\n\nand more",
    },
    "resource": {
        "workspace": {"id": "w", "name": "W"},
        "project": {"id": "p", "name": "P"},
        "environment": {"id": "e", "name": "production", "isEphemeral": False},
        "service": {"id": "s", "name": "web"},
        "deployment": {"id": "dep-1"},
    },
    "severity": "WARNING",
    "timestamp": "2026-06-15T09:00:00.311Z",
}
BEGAN = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)


def take(told):
    return deployments.take_in(deployments.read(told), json.dumps(told).encode())


def plain(status, minute=0, id="dep-1", **more):
    at = (BEGAN + timedelta(minutes=minute)).isoformat()
    return {"deployment_id": id, "status": status, "at": at, "service": "web", "environment": "production"} | more


def test_railways_own_example_is_understood_by_its_type(house, clock):
    row = take(EXAMPLE)
    assert (row.deployment_id, row.status, row.said) == ("dep-1", "failed", "SUCCESS")
    assert (row.service, row.environment, row.branch, row.commit_sha) == ("web", "production", "main", "fec1b8b8a2f0")
    assert (row.commit_author, row.commit_message) == ("Ada", "Faster lists\n\nand more")
    assert row.happened_at == row.began_at == datetime(2026, 6, 15, 9, 0, 0, 311000, UTC)


@pytest.mark.above_sql
@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"type": "DEPLOY", "status": "BUILDING", "deployment": {"id": "d"}}, "building"),
        ({"type": "Deployment.redeployed", "details": {"status": "CRASHED", "id": "d"}}, "crashed"),
        ({"type": "Deployment.whatever", "details": {"status": "NEW", "id": "d"}}, "unknown"),
        ({"deployment_id": "d", "status": "Needs_Approval"}, "queued"),
        ({"deployment_id": 17, "status": "ACTIVE"}, "success"),
    ],
)
def test_each_shape_has_its_deployment_and_state(told, state):
    found = deployments.read(told)
    assert found.state == state
    assert found.deployment_id in ("d", "17")


@pytest.mark.above_sql
@pytest.mark.parametrize(
    "told", [[], "x", 3, {}, {"deployment_id": ""}, {"deployment_id": "d"}, {"deployment_id": ["d"], "status": "x"}]
)
def test_what_names_nothing_is_refused(told):
    with pytest.raises(Invalid):
        deployments.read(told)


@pytest.mark.above_sql
def test_texts_are_bounded_and_of_a_kind_that_can_be_kept():
    wild = {"deployment_id": "d\x00" * 900, "status": "success", "message": "a\x00b" * 9000, "author": {"x": 1}}
    found = deployments.read(wild | {"at": "yesterday", "branch": 7})
    assert len(found.deployment_id) == 120
    assert "\x00" not in found.deployment_id + found.about["commit_message"]
    assert len(found.about["commit_message"]) == 2000
    assert "commit_author" not in found.about


def test_states_told_in_any_order_end_alike_and_never_go_back(house, clock):
    """All orders of what becomes of a deployment."""
    told = [plain(word, n) for n, word in enumerate(("QUEUED", "BUILDING", "DEPLOYING", "SUCCESS", "REMOVED"))]
    ends = set()
    for n, order in enumerate(itertools.permutations(told)):
        if n % 7:
            continue  # a share of the 120: each writes
        for one in order:
            take(one | {"deployment_id": f"dep-{n}"})
        row = Release.get(Release.deployment_id == f"dep-{n}")
        ends.add((row.status, row.began_at, row.succeeded_at, tuple(event["said"] for event in row.events)))
    assert ends == {
        ("removed", BEGAN, BEGAN + timedelta(minutes=3), ("QUEUED", "BUILDING", "DEPLOYING", "SUCCESS", "REMOVED"))
    }


def test_of_two_of_one_rank_the_later_stands_and_the_same_again_is_nothing(house, clock):
    take(plain("CRASHED", 5))
    assert take(plain("FAILED", 3)).status == "crashed"
    assert take(plain("FAILED", 8)).status == "failed"
    audited, kept = AuditEvent.select().count(), WebhookEvent.select().count()
    row = take(plain("FAILED", 8))
    assert (row.status, len(row.events)) == ("failed", 3)
    assert (AuditEvent.select().count(), WebhookEvent.select().count()) == (audited, kept)


def test_an_unknown_state_is_kept_and_moves_nothing(house, clock):
    take(plain("SUCCESS", 1))
    row = take(plain("TELEPORTING", 9))
    assert (row.status, [event["said"] for event in row.events]) == ("success", ["SUCCESS", "TELEPORTING"])


def test_what_was_not_known_is_filled_in_and_what_was_stays(house, clock):
    take({"deployment_id": "dep-1", "status": "BUILDING"})
    row = take(plain("SUCCESS", 2, author="Ada"))
    assert (row.service, row.commit_author) == ("web", "Ada")
    assert take(plain("REMOVED", 3, author="Bob")).commit_author == "Ada"


def test_the_current_one_is_the_newest_that_began_not_the_last_that_reported(house, clock):
    take(plain("BUILDING", 0, "old"))
    take(plain("BUILDING", 5, "new"))
    take(plain("SUCCESS", 9, "new"))
    take(plain("SUCCESS", 20, "old"))  # it was slow, and is told last
    take(plain("SUCCESS", 30, "other", environment="staging"))
    found = {place: row.deployment_id for place, row in deployments.current().items()}
    assert found == {("production", "web"): "new", ("staging", "web"): "other"}


def test_an_alert_about_something_else_is_kept_and_told(house, clock):
    alert = {"type": "VolumeAlert.triggered", "details": {"id": "v"}, "severity": "CRITICAL", "resource": {}}
    assert take(alert) is None
    assert take(alert) is None
    assert [event.type for event in deployments.alerts(clock() - timedelta(hours=1))] == ["VolumeAlert.triggered"]
    assert Release.select().count() == 0


def test_an_environment_that_goes_again_is_ephemeral(house, clock):
    told = json.loads(json.dumps(EXAMPLE))
    told["resource"]["environment"]["isEphemeral"] = True
    assert take(told).is_ephemeral
