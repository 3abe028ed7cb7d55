"""Salts end with their time, and with them whoever was hashed by them."""

from domain.moderation import reports, salts
from models import FlyerSalt


def test_after_thirty_days_nobody_can_tell_who_it_was(house, clock):
    before = reports.reporter(None, "192.0.2.1", "Firefox")
    clock.forward(days=31)
    assert salts.destroy() == 1
    assert reports.reporter(None, "192.0.2.1", "Firefox") != before
    assert FlyerSalt.select().count() == 1


def test_the_salt_of_a_day_ends_with_it(house, clock):
    today, name = salts.hashed(salts.day(), "192.0.2.1"), salts.day()
    assert salts.hashed(name, "192.0.2.1") == today
    salts.forget()  # another process, or this one after kill -9, makes the same of it
    assert salts.hashed(name, "192.0.2.1") == today
    clock.forward(days=1)
    salts.hashed(salts.day(), "192.0.2.1")
    assert salts.destroy() == 1
    assert [row.day for row in FlyerSalt.select()] == [salts.day()]
