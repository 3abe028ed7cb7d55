def test_outages_are_told_and_moved_by_staff(browse, cast, said, followed, clock):
    stella = browse("stella")
    assert "switched off" in said(stella.get("/admin/outages"))
    refused = stella.post("/admin/outages", data={"title": "", "component": "all", "words": "kept"})
    assert refused.status_code == 422
    assert "kept" in refused.get_data(True)
    form = {"title": "Slow lists", "component": "pages", "words": "We look."}
    assert "The status page tells it" in followed(stella, stella.post("/admin/outages", data=form))
    assert 'tone-bad">Being looked at<' in stella.get("/admin/outages").text  # in its row too
    assert "Mended" in followed(stella, stella.post("/admin/outages/1/watching"))
    assert stella.post("/admin/outages/1/known").status_code == 409
    assert stella.post("/admin/outages/1/words", data={"value": "A disk."}).status_code == 303
    assert "A disk." in said(stella.get("/admin/outages"))
