"""Templates and campaigns of flyers in the browser of who makes them."""

from database.scope import inside
from models import FlyerCampaign, FlyerTemplate, FlyerVersion

TIMES = {"starts_at": "2030-06-20T12:00", "ends_at": "2030-07-20T12:00", "zone": "UTC"}


def test_a_template_is_made_published_and_given_an_address(browse, cast):
    alice, bob = browse("alice"), browse("bob")
    assert bob.post("/acme/flyers/templates", data={"name": "I'm going"}).status_code == 303
    with inside(cast.acme):
        (template,) = FlyerTemplate.select()
    page = bob.get(f"/acme/flyers/templates/{template.id}").text
    assert "takes words from an event and has none" in page
    assert f"/acme/flyers/templates/{template.id}/preview.jpg" in page
    picture = bob.get(f"/acme/flyers/templates/{template.id}/preview.jpg")
    assert (picture.content_type, picture.data[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert bob.post(f"/acme/flyers/templates/{template.id}/publication").status_code == 403
    assert alice.post(f"/acme/flyers/templates/{template.id}/publication").status_code == 303
    assert bob.post("/acme/flyers/campaigns", data={"name": "Summer"} | TIMES).status_code == 303
    with inside(cast.acme):
        assert FlyerVersion.select().count() == 1
        (campaign,) = FlyerCampaign.select()
    url = f"/acme/flyers/campaigns/{campaign.id}"
    assert bob.post(f"{url}/template", data={"template": str(template.id)}).status_code == 303
    assert alice.post(f"{url}/publication").status_code == 303
    assert "/flyers/summer" in bob.get(url).text
    phases = bob.get(f"{url}/phases").text
    assert ("<title>Phases of Summer · " in phases, "Phases of <bdi>Summer</bdi></h1>" in phases) == (True, True)
