from models import BackerTier


def test_a_tier_is_made_and_changed_in_place(browse, cast, said):
    client = browse("stella")
    assert "No tiers yet" in said(client.get("/admin/backers/tiers"))
    assert "Make a tier first" in said(client.get("/admin/backers/imports"))
    form = {"key": "Founder", "name": "Founder", "plan": "pro_yearly", "months": "", "credits": "1000"}
    assert client.post("/admin/backers/tiers", data=form).status_code == 303
    tier = BackerTier.get()
    assert "Pro for life, 1,000 credits" in said(client.get("/admin/backers/tiers"))
    assert 'value="1000"' in client.get(f"/admin/backers/tiers/{tier.id}").get_data(True)
    bad = client.post(f"/admin/backers/tiers/{tier.id}", data={"name": "Founders", "months": "x"})
    assert bad.status_code == 422
    assert 'id="months_error"' in bad.get_data(True)
    assert 'value="Founders"' in bad.get_data(True)
    assert client.post(f"/admin/backers/tiers/{tier.id}", data={"name": "Founders", "months": "3"}).status_code == 303
    assert (BackerTier.get().name, BackerTier.get().months) == ("Founders", 3)
