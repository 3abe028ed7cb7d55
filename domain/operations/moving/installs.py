"""Which install this is, so that what came from one is known again at another."""

from database import migrations
from database.columns import public_id
from database.transactions import writes
from models import Setting

KEY = "install_id"


def migration():
    """The newest migration of this program: files of organizations go between installs that have the same."""
    return migrations.newest()


def own_id():
    """A name of this install that is no other's and never changes."""
    row = Setting.one(Setting.key == KEY)
    return row.value if row else _named()


@writes
def _named():
    Setting.insert(key=KEY, value=public_id()).on_conflict_ignore().execute()
    return Setting.get(Setting.key == KEY).value
