import pytest

from domain import Invalid, NotFound, Refused
from domain.lists import asks, lists
from domain.operations.releases import deployments, release_desk
from domain.people import admins
from models import AuditEvent, Release
from tests.fixtures.threads import write


@pytest.fixture
def release(cast, clock):
    return write(Release.create, deployment_id="dep-1", began_at=clock(), happened_at=clock(), status="success", rank=4)


def test_rolled_back_is_marked_once_with_who_when_and_why_and_nothing_overwrites_it(release, cast, clock):
    with pytest.raises(Invalid):
        release_desk.mark(release.id, "  ", by=cast.stella)
    release_desk.mark(release.id, "Lists were empty", by=cast.stella)
    clock.forward(hours=1)
    with pytest.raises(Refused, match="already"):
        release_desk.mark(release.id, "Again", by=cast.alice)
    for word in ("removed", "success", "failed"):
        deployments.take_in(deployments.read({"deployment_id": "dep-1", "status": word}), word.encode())
    row = Release.get()
    assert (row.rolled_back_by, row.rolled_back_why) == (cast.stella, "Lists were empty")
    assert row.rolled_back_at < clock()
    assert row.status == "removed"
    assert AuditEvent.select().where(AuditEvent.action == "releases.rolled_back").count() == 1
    with pytest.raises(NotFound):
        release_desk.mark(999, "x", by=cast.stella)


@pytest.mark.parametrize(
    ("told", "means"),
    [(("building",), False), (("building", "failed"), False), (("crashed",), True), (("success", "removed"), True)],
)
def test_only_what_came_up_once_is_marked(cast, clock, told, means):
    for status in told:
        deployments.take_in(deployments.read({"deployment_id": "dep-2", "status": status}), status.encode())
    (row,) = lists.read(release_desk.listing, asks.understand(release_desk.listing, {}), admins.staff(cast.stella)).rows
    assert release_desk.may_be_marked(row) == release_desk.may_be_marked(Release.get()) == means
    if means:
        release_desk.mark(row.id, "Lists were empty", by=cast.stella)
    else:
        with pytest.raises(Refused, match="never came up"):
            release_desk.mark(row.id, "Lists were empty", by=cast.stella)
    assert (Release.get().rolled_back_at is not None) == means


def test_one_that_was_rolled_back_is_not_the_current_one(release, cast, clock):
    assert deployments.current()["", ""] == release
    release_desk.mark(release.id, "Bad", by=cast.stella)
    assert deployments.current() == {}


def test_notes_are_kept_and_not_written_over_unseen(release, cast):
    release_desk.annotate(release.id, " First \n", by=cast.stella, was="")
    with pytest.raises(Refused, match="meanwhile"):
        release_desk.annotate(release.id, "Mine", by=cast.alice, was="")
    with pytest.raises(Invalid):
        release_desk.annotate(release.id, "x" * 4001, by=cast.stella)
    assert Release.get().notes == "First"


def test_previews_are_a_list_of_their_own(release, cast, clock):
    write(Release.create, deployment_id="pr-7", began_at=clock(), happened_at=clock(), is_ephemeral=True)

    def names(listing, **asked):
        return [
            row.name for row in lists.read(listing, asks.understand(listing, asked), admins.staff(cast.stella)).rows
        ]

    assert names(release_desk.listing) == ["dep-1"]
    assert names(release_desk.previews) == ["pr-7"]
    assert names(release_desk.listing, status="failed") == []
    assert names(release_desk.listing, q="dep") == ["dep-1"]
