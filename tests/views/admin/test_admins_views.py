import pytest

from models import Admin, StaffRole
from tests.conftest import write
from tests.views.admin.test_people_views import post


@pytest.fixture
def stella(browse, cast):
    write(StaffRole.create, user=cast.stella, role="super_admin")
    return browse("stella")


def test_the_list_is_kept_here(stella, browse, cast, said, hx):
    assert "Stella" in said(stella.get("/admin/admins"))
    bob = browse("bob")
    assert bob.get("/admin").status_code == 404
    wrong = stella.post("/admin/admins", data={"email": "nobody"}, headers=hx("admin_form"))
    assert (wrong.status_code, "whole e-mail address" in wrong.get_data(True)) == (422, True)
    assert "<html" not in wrong.get_data(True)
    assert post(stella, "/admin/admins", email="bob@example.org", note="Helps out").status_code == 303
    assert bob.get("/admin").status_code == 200
    assert "Helps out" in said(stella.get("/admin/admins"))
    row = Admin.get(Admin.email_norm == "bob@example.org")
    assert post(stella, f"/admin/admins/{row.id}/content-given").status_code == 303
    assert bob.get("/admin/alerts").status_code == 200
    assert bob.get("/admin/users").status_code == 404
    assert post(stella, f"/admin/admins/{row.id}/content-taken").status_code == 303
    assert bob.get("/admin/users").status_code == 200
    assert post(stella, f"/admin/admins/{row.id}/removal").status_code == 303
    assert bob.get("/admin").status_code == 404


def test_nobody_takes_themselves_off_nor_gives_what_there_isnt(stella):
    assert post(stella, f"/admin/admins/{Admin.get().id}/removal").status_code == 409
    assert Admin.select().count() == 1
    write(Admin.create, email="bob@example.org", email_norm="bob@example.org")
    assert post(stella, "/admin/admins/2/nonsense-given").status_code == 404
    assert post(stella, "/admin/admins/2/content-taken").status_code == 409


def test_the_list_is_searched_by_name_and_narrowed_by_role(stella, cast, said):
    write(Admin.create, email="bob@example.org", email_norm="bob@example.org", note="Helps out")
    write(StaffRole.create, user=cast.bob, role="content")
    for asked, seen in (("q=helps", "Bob"), ("role=content", "Bob"), ("role=super_admin", "stella@")):
        rows = stella.get(f"/admin/admins?{asked}").get_data(True)
        assert rows.count("data-row=") == 1
        assert seen in rows
    assert "You" in said(stella.get("/admin/admins?q=stella"))


def test_without_a_role_the_list_isnt_there(browse, cast):
    client = browse("stella")
    assert client.get("/admin").status_code == 200
    assert client.get("/admin/admins").status_code == 404
    assert post(client, "/admin/admins", email="bob@example.org").status_code == 404
    assert 'href="/admin/admins"' not in client.get("/admin").get_data(True)
    assert Admin.select().count() == 1
