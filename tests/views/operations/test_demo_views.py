"""The button that removes what the demo made: what it says before, while and after."""

import jobs
from domain.operations import demo, demo_removals
from models import Setting, User
from tests.conftest import PASSWORD
from tests.fixtures.threads import write

HERE = "/admin/demo"
PROOF = {"proof_action": "admin.remove_demo", "proof_method": "password", "proof_answer": PASSWORD}


def test_it_says_what_goes_asks_who_one_is_and_how_far_it_is(browse, cast):
    stella = browse("stella")
    assert "The demo made nothing here" in stella.get(HERE).text
    assert stella.post(HERE).status_code in (303, 404)
    told = {"users": [cast.charlie.id], "organizations": [cast.globex.id], "alerts": []}
    write(lambda: Setting.create(key=demo_removals.KEY, value=told))
    page = stella.get(HERE).text
    assert ("Globex" in page, "Charlie" in page, "Remove demo data" in page, "Acme" in page) == (
        True,
        True,
        True,
        False,
    )
    assert stella.post(HERE).status_code == 403  # who they are is asked first
    assert stella.post(HERE, data=PROOF).status_code == 303
    assert "It is being removed." in stella.get(HERE).text
    jobs.run("demo_removal")
    assert "What the demo made was removed" in stella.get(HERE).text
    assert User.get_by_id(cast.charlie.id).status == "deleted"
    for who in ("alice", None):
        assert browse(who).get(HERE).status_code in (303, 404)


def test_what_is_in_the_way_is_said(browse, cast):
    told = {"users": [cast.alice.id], "organizations": [], "alerts": []}
    write(lambda: Setting.create(key=demo_removals.KEY, value=told))
    page = browse("stella").get(HERE).text
    assert "Alice is the only owner of Acme. Hand it over first." in page
    assert "Remove demo data" not in page
    assert demo.is_furnished()
