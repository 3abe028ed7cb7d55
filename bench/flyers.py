"""What the bench does with flyers: draw those that wait, by the lane as it runs, on as many cores as it takes.

`python -m bench.flyers draw FOLDER COUNT`, as a process of its own.
"""

import hashlib
import io
import json
import statistics
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.guildhall import EMAIL, SLUG
from bench.within import opened
from database.clock import now
from database.columns import spoken_id
from database.scope import inside
from database.transactions import writes
from domain.base import configuration
from domain.flyers import keeping, lane, plans
from domain.flyers.organizing import templates
from domain.lists import rows
from domain.organizations import organizations
from models import Flyer, FlyerTemplate, FlyerVersion, User

CROP = {"zoom": 1.2, "turn": 7}


def photo() -> bytes:
    """Three million pixels, as detailed as a phone's."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((1000, 750), 40).convert("RGB").resize((2000, 1500)).save(out, "JPEG", quality=88)
    return out.getvalue()


def _begin(version: FlyerVersion, name: str, data: bytes) -> Flyer:
    public, words = spoken_id(), {"name": name}
    about = {"version": version, "public_id": public, "fields": words, "crop": CROP, "secret_hash": "x"}
    about |= {"content_hash": plans.content_hash(version, words, CROP, data), "expires_at": now() + timedelta(days=1)}
    return writes(Flyer.create)(photo=keeping.put(public, "photo", data), **about)


def draw(folder: Path, count: int) -> None:
    """Flyers of 1080 × 1350 a second, each with its card and its small one; and how long it takes to find that the
    same was made already, in milliseconds."""
    configuration.use(replace(configuration.load(), data=folder))
    data, cached = photo(), []
    with opened(folder):
        owner = organizations.reach(User.get(User.email_norm == EMAIL), SLUG)
        with inside(owner.organization):
            made = rows.create(templates.rules, {"name": "I'm going"}, by=owner)
            templates.publish(made.id, by=owner)
            version = templates.live(FlyerTemplate.get_by_id(made.id))
            for number in range(count):
                _begin(version, f"Ada Lovelace {number}", data)
            began = time.perf_counter()
            while lane.work():
                pass
            rate = count / (time.perf_counter() - began)
            assert Flyer.select().where(Flyer.state == "ready").count() == count
            for number in range(count):
                began = time.perf_counter()
                same = plans.content_hash(version, {"name": f"Ada Lovelace {number}"}, CROP, data)
                flyer = Flyer.one(Flyer.version == version, Flyer.content_hash == same)
                kept = b"".join(keeping.read(flyer, flyer.file))
                cached.append(time.perf_counter() - began)
                assert hashlib.sha256(kept).hexdigest() == flyer.file
    print(json.dumps({"rate": rate, "cached_ms": 1000 * statistics.median(cached)}))


if __name__ == "__main__":
    task, folder, count = sys.argv[1:]
    {"draw": draw}[task](Path(folder), int(count))
