"""The staff's list of copies."""

from models import AuditEvent, Backup
from tests.fixtures.threads import write


def test_the_staff_see_what_was_looked_at_and_ask_for_one(browse, cast, sqlite):
    stella = browse("stella")
    page = stella.get("/admin/backups").get_data(as_text=True)
    assert "No copy of the database was ever proven." in page
    assert stella.post("/admin/backups").status_code == 303
    assert "A copy is asked for" in stella.get("/admin/backups").get_data(as_text=True)
    row = Backup.get()
    write(Backup.update(state="failed", error="Opens: its end is missing.").where(Backup.id == row.id).execute)
    assert "its end is missing" in stella.get(f"/admin/backups/{row.id}").get_data(as_text=True)
    assert stella.get("/admin/backups/999").status_code == 404
    assert browse("alice").get("/admin/backups").status_code == 404  # nobody else learns that there is such a page
    assert AuditEvent.select().where(AuditEvent.action == "admin.backup_asked").count() == 1
