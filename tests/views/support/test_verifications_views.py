"""Asking for the mark, and where it shows."""

from models import Verification

FORM = {"words": "We are the makers of Acme Nights since 1998.", "links": "https://acme.example"}


def test_an_owner_asks_staff_decides_and_the_page_says_so(browse, cast):
    alice, stella = browse("alice"), browse("stella")
    assert "Ask for it" in alice.get("/acme/verification").text
    refused = alice.post("/acme/verification", data=FORM | {"words": "Us"})
    assert refused.status_code == 422
    assert alice.post("/acme/verification", data=FORM).status_code == 303
    assert "Take it back" in alice.get("/acme/verification").text
    row = Verification.get()
    assert "Acme" in stella.get("/admin/verifications").text
    assert stella.post(f"/admin/verifications/{row.id}/approval").status_code == 303
    assert "Marked" in alice.get("/acme/verification").text
    assert browse("bob").get("/acme/verification").status_code == 403
    assert browse("charlie").get("/acme/verification").status_code == 404
    assert browse("alice").get("/admin/verifications").status_code == 404


def test_it_is_taken_back_once(browse, cast):
    alice = browse("alice")
    alice.post("/acme/verification", data=FORM)
    assert alice.post("/acme/verification/withdrawal").status_code == 303
    assert alice.post("/acme/verification/withdrawal", headers={"Accept": "application/json"}).status_code == 409
