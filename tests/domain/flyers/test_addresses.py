from domain.flyers import addresses, flyers, lane
from tests.fixtures.flyer_pages import a_campaign, a_version


def test_what_a_waiting_page_is_told(clock, inside_acme):
    version = a_version()
    flyer, secret, _ = flyers.make(a_campaign(version), version, {"f_name": "Ada"}, b"", attempt="one", place="x")
    told = addresses.told(flyer)
    assert told == {
        "state": "pending",
        "url": f"http://localhost/f/{flyer.public_id}",
        "state_url": f"/f/{flyer.public_id}/state",
    }
    assert addresses.manage(flyer, secret) == f"{told['url']}/mine#{secret}"
    lane.work()
    flyer = flyers.find(flyer.public_id)
    told = addresses.told(flyer)
    assert told["image"] == f"/f/{flyer.public_id}/{flyer.file[:8]}.jpg"
    assert (told["download"], told["until"]) == (f"{told['image']}?dl=1", "15 July 2026")
    flyers.delete(flyer)
    assert addresses.told(flyers.find(flyer.public_id))["message"] == "It was removed."
