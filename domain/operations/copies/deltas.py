"""Points in time between two nights: each quarter of an hour, the pages that changed since, beside the copies.

The files are all there is of them: a delta's manifest says which copy or delta it follows. The newest copy that was
proven is what they begin from.
"""

import random
from datetime import timedelta

from database import housekeeping
from database.clock import now
from domain.base import configuration
from domain.files import stores
from domain.operations.copies import drill, packing, pages, places

KEPT = timedelta(days=7)
STATE, LIST = "pages", "deltas.sent"
END = f"{pages.DELTA}.zst"


def are_kept():
    """Whether what changed is kept here each quarter of an hour."""
    return housekeeping.file_of(configuration.active.database_url) is not None and configuration.active.env != "demo"


def is_delta(name):
    """Whether a copy's name is a delta's."""
    return pages.DELTA in name


def begin_from(name):
    """The copy of this name was proven: the next deltas are of what changed since it."""
    made = places.here() / f"{name}.{STATE}"
    if made.exists():
        made.replace(places.here() / STATE)


def forget(name):
    """The copy of this name is gone, or was never proven."""
    (places.here() / f"{name}.{STATE}").unlink(missing_ok=True)


def keep():
    """Keep what changed since the last copy or delta, and bring away what wasn't; returns how many were made. Without a
    proven copy there is none to begin from."""
    chosen, folder = configuration.active, places.here()
    file = housekeeping.file_of(chosen.database_url)
    before = pages.read_state(folder / STATE) if are_kept() else None
    if before is None or not (folder / before.base).exists() or not _is_for(folder / f"{before.base}.json", chosen):
        return 0
    _tidy(folder)
    end = f"{END}.age" if chosen.backup_recipients else END
    name = packing.named(now(), end)
    told = drill.ask(
        "delta",
        database=str(file),
        state=str(folder / STATE),
        target=str(folder / name),
        recipients=chosen.backup_recipients,
        about={"key": packing.fingerprint()},
    )
    _send(folder)
    return int(told["pages"] > 0)


def _is_for(manifest, chosen):
    """Whether those who are to open what is kept now open the copy that it would begin from, and where nobody is named
    it is open as well: else they begin again with the next copy."""
    named = set(packing.read_manifest(manifest)["recipients"])
    return bool(named) == bool(chosen.backup_recipients) and named >= set(chosen.backup_recipients)


def _tidy(folder):
    """Remove what a kill left half done."""
    drill.sweep(folder, drill.HALF_DELTA)
    for path in folder.glob(f"guildhall-*{END}*"):
        if path.suffix != ".json" and not path.with_name(f"{path.name}.json").exists():
            path.unlink()


def _send(folder):
    """Bring away what wasn't yet and is encrypted: the manifest last, so that what is seen there is whole."""
    away = places.away()
    if away is None:
        return
    sent = _sent(folder)
    with (folder / LIST).open("a", encoding="utf-8") as noted:
        for manifest in sorted(folder.glob(f"guildhall-*{END}*.json")):
            if (name := manifest.name.removesuffix(".json")) in sent or not name.endswith(".age"):
                continue
            away.put(name, folder / name)
            away.put(manifest.name, manifest)
            noted.write(f"{name}\n")
            noted.flush()


def _sent(folder):
    note = folder / LIST
    return set(note.read_text("utf-8").split()) if note.exists() else set()


def bases():
    """The copies (names) that deltas begin from of which the newest isn't older than a week: each needs its copy and
    all before it, so they go together."""
    before, newest = packing.written(now() - KEPT), {}
    for manifest in places.here().glob(f"guildhall-*{END}*.json"):
        told = packing.read_manifest(manifest)
        newest[told["base"]] = max(told["made_at"], newest.get(told["base"], ""))
    return {base for base, made_at in newest.items() if made_at >= before}


def prune(kept):
    """Let go, here and away, of those whose copy isn't among the `kept` (names), and of all that begin from one copy
    once none of them is needed (see `bases`). Returns how many."""
    folder, away, count = places.here(), places.away(), 0
    stay, sent = bases() & kept, _sent(folder)
    for manifest in sorted(folder.glob(f"guildhall-*{END}*.json")):
        if packing.read_manifest(manifest)["base"] in stay:
            continue
        name = manifest.name.removesuffix(".json")
        if away is not None and name in sent:
            away.remove(manifest.name)
            away.remove(name)
        manifest.unlink(missing_ok=True)
        (folder / name).unlink(missing_ok=True)
        sent.discard(name)
        count += 1
    if count and (folder / LIST).exists():
        with stores.whole(folder / LIST) as noted:
            noted.write("".join(f"{name}\n" for name in sorted(sent)).encode())
    return count


def rehearse():
    """Put a moment of the last day together again, any of them; returns how many. Those that are encrypted open with
    their keeper's key alone (`python -m jobs.restore MOMENT --identity FILE --check`). Refuses with packing.Unreadable
    where it isn't what it was."""
    folder, since = places.here(), f"guildhall-{now() - timedelta(days=1):%Y%m%dT%H%M%SZ}"
    names = [path.name.removesuffix(".json") for path in folder.glob(f"guildhall-*{END}.json") if path.name >= since]
    if not names:
        return 0
    drill.ask("rebuild", folder=str(folder), name=random.choice(names))  # noqa: S311  any of them
    return 1


def newest():
    """(how many there are here, when the newest was made or None)"""
    names = sorted(path.name for path in places.here().glob(f"guildhall-*{END}*.json"))
    return len(names), packing.moment_of(packing.read_manifest(places.here() / names[-1])["made_at"]) if names else None
