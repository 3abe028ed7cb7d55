"""Labels: typed into a task, shown in the list and on its card, kept in order on a page of their own."""

import re


def test_a_label_that_is_typed_is_made_shown_and_filtered_by(browse, cast):
    client = browse("bob")
    made = client.post("/acme/tasks", data={"title": "Call the printer", "labels": "Urgent; Stage & sound"})
    assert made.status_code == 303
    for view in ("list", "board"):
        page = client.get(f"/acme/tasks?tab=made&view={view}").text
        assert 'tone-info"><bdi>Urgent</bdi>' in page or "<bdi>Urgent</bdi>" in page
    page = client.get("/acme/tasks?tab=made&labels=Stage+%26+sound").text
    assert "Call the printer" in page
    assert '<option value="Stage &amp; sound" selected>' in page
    assert "Call the printer" not in client.get("/acme/tasks?tab=made&labels=Urgent&priority=high").text
    cell = client.post(made.headers["Location"] + "/cells/labels", data={"labels": "Urgent; New"})
    assert cell.status_code == 303
    assert "<bdi>New</bdi>" in client.get("/acme/tasks?tab=made").text


def test_labels_have_a_page_where_admins_keep_them_in_order(browse, cast):
    browse("bob").post("/acme/tasks", data={"title": "Call the printer", "labels": "Urgent; Soon"})
    client = browse("alice")
    page = client.get("/acme/tasks/labels").text
    assert "Urgent" in page
    (id, *_) = re.findall(r'id="row_(\d+)"', page)
    assert client.post(f"/acme/tasks/labels/{id}/cells/label", data={"label": "Later"}).status_code == 303
    assert "<bdi>Later</bdi>" in client.get("/acme/tasks?tab=all").text
    assert browse("bob").post(f"/acme/tasks/labels/{id}/cells/label", data={"label": "Mine"}).status_code == 403
    assert browse("vera").get("/acme/tasks/labels").status_code == 200
