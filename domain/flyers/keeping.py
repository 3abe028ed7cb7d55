"""Where the files of flyers lie, and how they go: on every way the row first, then what lies in the store.

A flyer's files are called by its public id, so that letting go of them needs nothing but its row, and can be said
again after a crash. Pictures of templates are called by their hash, because versions share them.
"""

import hashlib
import io
import logging
from contextlib import suppress
from datetime import timedelta

from database.clock import now
from database.columns import spelled
from database.late import Late
from database.scope import everywhere, inside
from database.transactions import wake, writes
from domain import Refused
from domain.files import gate, stores
from domain.flyers import designs
from models import Flyer, FlyerPicture, FlyerTemplate, FlyerVersion, Organization, User

Image, ImageOps = Late("PIL.Image"), Late("PIL.ImageOps")
log = logging.getLogger("guildhall.flyers")

CALLED = {"photo": "photo", "file": "flyer", "og": "card", "thumb": "small"}  # column of its hash → its name
EMPTY = dict.fromkeys((*CALLED, "email", "attempt")) | {"fields": {}, "crop": {}, "in_hub": False, "is_sending": False}
PATIENCE = timedelta(hours=1)  # until a photo must be here: whoever sends it tries again for two minutes
SETTLED = timedelta(days=1)  # a picture that no template has named since it was put here
AGAIN = timedelta(days=2)  # files of flyers that ended so lately are looked for once more
MOST_PICTURES = 200  # of an organization
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg"}  # as which they are kept


def _file_key(public_id, part):
    return f"flyers/{public_id[:2]}/{public_id}/{CALLED[part]}"


def put(public_id, part, data):
    """Keep a file of the flyer that has or will have this id; returns its hash. Refuses with stores.StoreDown."""
    stores.active().put(_file_key(public_id, part), io.BytesIO(data))
    return hashlib.sha256(data).hexdigest()


def bring_photo(flyer, data):
    """Put a visitor's photo here, where its row says that it is on its way; from then on it may be drawn, and it is
    kept until it was. Brought twice, nothing happens. Refuses with stores.StoreDown."""
    if flyer.is_sending:
        stores.active().put(_file_key(flyer.public_id, "photo"), io.BytesIO(data))
        if not _note_brought(flyer):
            forget_photo(flyer)  # another brought it, and it was drawn since, or given up


@writes
def _note_brought(flyer):
    with inside(flyer.organization_id):
        wake("flyers")
        Flyer.update(is_sending=False).where(Flyer.id == flyer.id, Flyer.state == "pending").execute()
        return Flyer.one(Flyer.id == flyer.id, Flyer.state == "pending")


def read(flyer, kept):
    """The bytes, in parts, of the file of a flyer that has this hash; None where it has none such."""
    part = next((part for part in CALLED if kept and getattr(flyer, part) == kept), None)
    return part and stores.active().read(_file_key(flyer.public_id, part))


def photo(flyer):
    """The bytes of the photo that waits, or None."""
    parts = read(flyer, flyer.photo)
    return None if parts is None else b"".join(parts)


def forget_photo(flyer):
    """Let go of the photo of a flyer that was drawn."""
    with suppress(stores.StoreDown):  # the sweep does it again
        stores.active().remove(_file_key(flyer.public_id, "photo"))


def forget_flyer(flyer):
    """Let go of all files of a flyer whose row says that it ended. A store that is down hears of it later."""
    with suppress(stores.StoreDown):
        _let_go(flyer)


def _let_go(flyer):
    for part in CALLED:
        stores.active().remove(_file_key(flyer.public_id, part))
    _note_forgotten(flyer)


@writes
def _note_forgotten(flyer):
    with inside(flyer.organization_id):
        ended = Flyer.id == flyer.id, Flyer.state.not_in(Flyer.KEPT), Flyer.forgotten_at.is_null()
        Flyer.update(forgotten_at=now()).where(*ended).execute()


# --- how they end ------------------------------------------------------------------------------------------------


def end(flyer, state, why=None):
    """End a flyer («removed» or «expired») and let go of its files; of it stay its id and its times. Returns whether
    it was this call that ended it."""
    with inside(flyer.organization_id):
        ended = _end([flyer.id], state, why)
    forget_flyer(flyer)
    return bool(ended)


@writes
def _end(ids, state, why):
    gone = Flyer.update(state=state, why=why, **EMPTY)
    return gone.where(Flyer.id.in_(ids), Flyer.state.in_(Flyer.KEPT)).execute()


def remove(flyers, why):
    """Remove those that the condition says, in the present transaction; a job lets go of their files. Returns how
    many."""
    gone = Flyer.update(state="removed", why=why, **EMPTY)
    wake("flyer_files")
    return gone.where(flyers, Flyer.state.in_(Flyer.KEPT)).execute()


def clear_template(template):
    """The same of all flyers of a template."""
    versions = FlyerVersion.select(FlyerVersion.id).where(FlyerVersion.template == template)
    return remove(Flyer.version.in_(versions), "template")


def expire(limit):
    """End flyers whose time is over; returns how many. One that waits for a decision then goes for good."""
    with everywhere("flyers of every organization end alike"):
        past = Flyer.expires_at <= now(), Flyer.state.in_(("ready", "flagged")), spelled("file IS NOT NULL")
        due = list(Flyer.select().where(*past).order_by(Flyer.expires_at).limit(limit))
    for flyer in due:
        is_ready = flyer.state == "ready"
        end(flyer, "expired" if is_ready else "removed", None if is_ready else "moderation")
    return len(due)


def give_up(limit):
    """End flyers whose photo never came; returns how many."""
    with everywhere("flyers of every organization wait alike"):
        late = Flyer.is_sending, spelled("state = 'pending'"), Flyer.created_at < now() - PATIENCE
        due = list(Flyer.select().where(*late).limit(limit))
    for flyer in due:
        end(flyer, "removed", "failed")
    return len(due)


def end_closed(limit):
    """End flyers of organizations and accounts that were closed for good; returns how many."""
    with everywhere("flyers of whoever is gone end in every organization"):
        organizations = Organization.select(Organization.id).where(Organization.status == "deleted")
        people = User.select(User.id).where(User.status == "deleted")
        due = []
        for gone, why in ((Flyer.organization.in_(organizations), "organizer"), (Flyer.user.in_(people), "account")):
            found = Flyer.select().where(gone, Flyer.state.in_(Flyer.KEPT)).limit(limit - len(due))
            due += [(flyer, why) for flyer in found]
    for flyer, why in due:
        end(flyer, "removed", why)
    return len(due)


def forget_some(limit):
    """Let go of files of flyers that ended, where that didn't happen at once; returns of how many."""
    with everywhere("files of every organization's flyers go alike"):
        left = spelled("state IN ('removed', 'expired') AND forgotten_at IS NULL")
        due = list(Flyer.select().where(left).order_by(Flyer.id).limit(limit))
    for flyer in due:
        _let_go(flyer)
    return len(due)


def sweep():
    """Compare rows and files, as a crash or another's hand may have left them: what shouldn't be here goes, what
    should be and isn't is logged. Returns how many files it found."""
    found, last = 0, 0
    while True:
        with everywhere("files and rows are compared for all organizations"):
            rows = list(Flyer.select().where(Flyer.id > last).order_by(Flyer.id).limit(500))
        if not rows:
            return found
        for flyer in rows:
            found += _swept(flyer)
        last = rows[-1].id


def _swept(flyer):
    store, found = stores.active(), 0
    stray: tuple = ()
    if flyer.state in Flyer.KEPT:
        if flyer.file and store.changed_at(_file_key(flyer.public_id, "file")) is None:
            log.error("a flyer's file is missing", extra={"flyer": flyer.public_id})
        stray = () if flyer.state == "pending" else ("photo",)
    else:
        ended = flyer.forgotten_at is None or flyer.forgotten_at > now() - AGAIN
        stray = tuple(CALLED) if ended else ()
    for part in stray:
        if store.changed_at(_file_key(flyer.public_id, part)) is not None:
            store.remove(_file_key(flyer.public_id, part))
            found += 1
    return found


# --- pictures of templates ---------------------------------------------------------------------------------------


class NoPicture(Refused):
    """A picture that a template can't have."""

    code, status = "INVALID_INPUT", 422


def _picture_key(organization_id, sha256):
    return f"{organization_id}/flyers/{sha256[:2]}/{sha256}"


def add_picture(data, *, by):
    """Put a picture here for templates, drawn anew; returns its FlyerPicture. The same twice is one.
    Refuses with Forbidden, with gate.NoPhoto, with NoPicture where there are too many, and with stores.StoreDown."""
    by.require("flyers.write")
    gate.check(data)
    with gate.drawing:
        type, drawn, size = _redrawn(data)
    sha256 = hashlib.sha256(drawn).hexdigest()
    _note_picture(sha256, {"type": type, "width": size[0], "height": size[1]}, by)
    stores.active().put(_picture_key(by.organization.id, sha256), io.BytesIO(drawn))
    return _note_put(sha256, len(drawn))


def _redrawn(data):
    """(type, bytes, size) of a picture upright, in sRGB, no larger than a canvas, without anything but its looks."""
    most = designs.SIDE[1]
    with Image.open(io.BytesIO(data)) as picture:
        profile = picture.info.get("icc_profile")
        picture.draft("RGB", (most, most))
        try:
            ImageOps.exif_transpose(picture, in_place=True)
            plain = gate.plain(picture)
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError):
            raise gate.NoPhoto("This picture is damaged, so it can't be read. Choose another.") from None
    plain.thumbnail((most, most))
    out, type = io.BytesIO(), "image/png" if plain.mode == "RGBA" else "image/jpeg"
    bare = Image.new(plain.mode, plain.size)
    bare.paste(gate.in_srgb(plain.convert("RGB"), profile))
    if plain.mode == "RGBA":
        bare.putalpha(plain.getchannel("A"))
        bare.save(out, "PNG", compress_level=6)
    else:
        bare.save(out, "JPEG", quality=92)
    return type, out.getvalue(), plain.size


@writes
def _note_picture(sha256, facts, by):
    if FlyerPicture.select().count() >= MOST_PICTURES:
        raise NoPicture(f"There are {MOST_PICTURES} pictures here already. Take those that no template needs away.")
    # Without a size until it lies in the store; so nothing lies there that no row knows.
    FlyerPicture.insert(sha256=sha256, by=by.user, size=0, **facts).on_conflict_ignore().execute()
    # Also where it was here already: the upkeep leaves what was put lately.
    FlyerPicture.update(created_at=now()).where(FlyerPicture.sha256 == sha256).execute()


@writes
def _note_put(sha256, size):
    FlyerPicture.update(size=size).where(FlyerPicture.sha256 == sha256).execute()
    return FlyerPicture.one(FlyerPicture.sha256 == sha256)


def pictures():
    """The pictures of the organization that one stands in, the newest first."""
    return list(
        FlyerPicture.select().where(FlyerPicture.size > 0).order_by(FlyerPicture.id.desc()).limit(MOST_PICTURES)
    )


def picture(organization_id, sha256):
    """The bytes of a template's picture, or None."""
    parts = stores.active().read(_picture_key(organization_id, sha256))
    return parts and b"".join(parts)


def picture_hashes():
    """Those of all pictures of the organization that one stands in which lie in the store."""
    return [sha256 for (sha256,) in FlyerPicture.select(FlyerPicture.sha256).where(FlyerPicture.size > 0).tuples()]


def bring_picture(organization_id, sha256, data):
    """Put the bytes of a picture that comes with its organization in the store; returns what they say of it, for its
    row. Refuses with gate.NoPhoto, and with stores.StoreDown."""
    seen = gate.check(data, most=len(data))  # drawn anew without loss, one is larger than it was
    if seen.kind not in KINDS:
        raise gate.NoPhoto("This is no picture of a template.")
    stores.active().put(_picture_key(organization_id, sha256), io.BytesIO(data))
    return {"type": KINDS[seen.kind], "width": seen.width, "height": seen.height, "size": len(data)}


def forget_pictures(limit):
    """Let go of pictures that no template and no version names, and of organizations that are gone."""
    with everywhere("pictures of every organization's templates go alike"):
        old = FlyerPicture.created_at < now() - SETTLED
        organizations = [id for (id,) in FlyerPicture.select(FlyerPicture.organization).where(old).distinct().tuples()]
    gone = 0
    for id in organizations:
        gone += _forget_pictures_of(id, limit - gone) if gone < limit else 0
    return gone


def _forget_pictures_of(organization_id, limit):
    with inside(organization_id):
        named = set()
        if Organization.get_by_id(organization_id).status != "deleted":
            drafts = FlyerTemplate.select(FlyerTemplate.draft).tuples()
            named = {file for (draft,) in drafts for file in designs.files(draft)}
            named |= {file for (files,) in FlyerVersion.select(FlyerVersion.files).tuples() for file in files}
        old = FlyerPicture.select().where(FlyerPicture.created_at < now() - SETTLED).order_by(FlyerPicture.id)
        due = [one for one in old if one.sha256 not in named][:limit]
        for one in due:
            _forget_picture(one)
    return len(due)


def _forget_picture(picture):
    if _drop_picture(picture):
        remove_bytes(picture)


def remove_bytes(picture):
    """Let go of what lies in the store of a picture of templates."""
    stores.active().remove(_picture_key(picture.organization_id, picture.sha256))


@writes
def _drop_picture(picture):
    old = FlyerPicture.id == picture.id, FlyerPicture.created_at < now() - SETTLED
    return FlyerPicture.delete().where(*old).execute()
