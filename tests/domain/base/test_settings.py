import pytest

from database.waking import table_caches, wakes
from domain import Invalid, NotFound, Refused
from domain.base import settings
from models import AuditEvent, Setting
from tests.fixtures.threads import together


def changes():
    found = AuditEvent.select().where(AuditEvent.action == "settings.changed").order_by(AuditEvent.id)
    return [(e.target_id, e.metadata["before"], e.metadata["after"], e.actor_email) for e in found]


def test_what_nobody_chose_is_the_default(house):
    assert {name: settings.get(name) for name in settings.REGISTRY} == {
        name: field.default for name, field in settings.REGISTRY.items()
    }
    with pytest.raises(KeyError):
        settings.get("misspelt")


def test_every_default_is_a_value_its_own_form_would_take(house):
    for field in settings.REGISTRY.values():
        assert field.read(field.kind.text(field.default)) == field.default, field.name


def test_a_change_is_audited_with_before_and_after_and_by_whom(cast):
    assert settings.change("site_name", "  Town   Hall ", by=cast.stella) == "Town Hall"
    settings.change("sign_up_open", "off", by=cast.stella)
    settings.change("credits_pro", "2000", by=cast.alice)
    assert changes() == [
        ("site_name", "Guildhall", "Town Hall", "stella@example.org"),
        ("sign_up_open", True, False, "stella@example.org"),
        ("credits_pro", 1000, 2000, "alice@example.org"),
    ]
    assert settings.rows()["site_name"].updated_by == cast.stella


def test_saving_what_stands_already_changes_and_notes_nothing(cast):
    settings.change("site_name", "Guildhall", by=cast.stella)
    assert (Setting.select().count(), changes()) == (0, [])


def test_the_next_get_sees_the_change(cast):
    assert settings.get("credits_free") == 0
    for number in range(1, 30):
        settings.change("credits_free", str(number), by=cast.stella)
        assert settings.get("credits_free") == number


def test_another_process_sees_a_change_within_a_second(cast, monkeypatch):
    assert settings.get("site_name") == "Guildhall"
    monkeypatch.setattr(wakes, "_listeners", {})  # as if the change had been made elsewhere
    settings.change("site_name", "Town Hall", by=cast.stella)
    monkeypatch.setattr(table_caches, "FRESH", 0)  # a second later
    assert settings.get("site_name") == "Town Hall"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("site_name", ""),
        ("site_name", "\u200b"),
        ("site_name", "x" * 61),
        ("session_idle_days", "0"),
        ("session_idle_days", "3651"),
        ("session_idle_days", "ten"),
        ("session_idle_days", ""),
        ("session_idle_days", "1.5"),
        ("credits_pro", "-1"),
        ("credits_pro", "9" * 5000),
        ("sign_up_open", "perhaps"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(cast, name, text):
    with pytest.raises(Invalid) as caught:
        settings.change(name, text, by=cast.stella)
    assert caught.value.fields.keys() == {name}
    assert (Setting.select().count(), changes()) == (0, [])


def test_an_unknown_setting_is_not_found(cast):
    with pytest.raises(NotFound):
        settings.change("misspelt", "x", by=cast.stella)
    with pytest.raises(NotFound):
        settings.put_back("misspelt", 1, by=cast.stella)


def test_a_change_can_be_put_back_and_that_is_audited_too(cast):
    settings.change("site_name", "Town Hall", by=cast.stella)
    (event,) = settings.history("site_name")
    assert settings.put_back("site_name", event.id, by=cast.alice) == "Guildhall"
    assert settings.get("site_name") == "Guildhall"
    assert changes()[-1] == ("site_name", "Town Hall", "Guildhall", "alice@example.org")


def test_a_change_that_something_newer_stands_on_is_not_put_back(cast):
    settings.change("site_name", "Town Hall", by=cast.stella)
    (event,) = settings.history("site_name")
    settings.change("site_name", "City Hall", by=cast.alice)
    with pytest.raises(Refused):
        settings.put_back("site_name", event.id, by=cast.stella)
    settings.change("site_description", "Other", by=cast.stella)
    (other,) = settings.history("site_description")
    with pytest.raises(Refused):
        settings.put_back("site_name", other.id, by=cast.stella)
    assert settings.get("site_name") == "City Hall"


def test_putting_back_twice_at_once_is_once(cast):
    settings.change("site_name", "Town Hall", by=cast.stella)
    (event,) = settings.history("site_name")
    together(*[lambda: settings.put_back("site_name", event.id, by=cast.stella)] * 4)
    assert settings.get("site_name") == "Guildhall"


def test_an_empty_description_may_be_put_back_and_forth(cast):
    assert settings.change("site_description", "", by=cast.stella) is None
    assert settings.get("site_description") is None
    event = settings.history("site_description").first()
    settings.put_back("site_description", event.id, by=cast.stella)
    assert settings.get("site_description") == settings.REGISTRY["site_description"].default


def test_the_history_of_a_setting_is_its_own(cast):
    for name in ("A hall", "B hall", "C hall"):
        settings.change("site_name", name, by=cast.stella)
    settings.change("mail_sender_name", "Other", by=cast.stella)
    assert [e.metadata["after"] for e in settings.history("site_name")] == ["C hall", "B hall", "A hall"]
