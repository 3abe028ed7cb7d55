import pytest

from models import Release
from tests.fixtures.threads import write


@pytest.fixture
def release(cast, clock):
    return write(
        Release.create,
        deployment_id="dep-1",
        commit_message="Faster lists\n\nby an index",
        environment="production",
        began_at=clock(),
        happened_at=clock(),
        succeeded_at=clock(),
        status="success",
        rank=4,
        events=[{"at": clock().isoformat(), "said": "SUCCESS", "type": "Deployment.success", "severity": ""}],
    )


def test_releases_are_a_list_and_one_has_a_page(browse, release, said):
    stella = browse("stella")
    page = said(stella.get("/admin/releases"))
    assert "Faster lists" in page
    assert "Current" in page
    page = said(stella.get(f"/admin/releases/{release.id}"))
    for words in ("Faster lists", "by an index", "production", "The half hour after it came up", "Deployment.success"):
        assert words in page, words
    assert stella.get("/admin/releases/999").status_code == 404
    assert "Nothing was told yet" in said(stella.get("/admin/releases/previews"))


def test_one_is_marked_as_rolled_back_and_noted(browse, release, said, followed):
    stella = browse("stella")
    path = f"/admin/releases/{release.id}"
    assert stella.post(f"{path}/rollback", data={"value": ""}).status_code == 422
    assert "Marked as rolled back" in followed(
        stella, stella.post(f"{path}/rollback", data={"value": "Lists were empty"})
    )
    assert stella.post(f"{path}/rollback", data={"value": "Again"}).status_code == 409
    page = said(stella.get(path))
    assert "Lists were empty" in page
    assert "Stella" in page
    assert "Saved" in followed(stella, stella.post(f"{path}/notes", data={"notes": "Watch it", "was_notes": ""}))
    refused = stella.post(f"{path}/notes", data={"notes": "x" * 5000, "was_notes": "Watch it"})
    assert refused.status_code == 422
    assert "at most 4,000" in said(refused)
    assert Release.get().notes == "Watch it"
