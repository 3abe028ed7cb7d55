"""What browsers keep for a lost network: one page that knows nobody, its files, and the worker that shows it."""

import json
from functools import cache

from flask import Blueprint, Response, render_template

from views import access
from views.assets import STATIC, asset
from views.safety.marks import unlimited

blueprint = Blueprint("offline", __name__)

FILES = ("vendor/base.css", "css/guildhall.css", "js/theme.js", "js/offline.js")
PAGE = "/offline"


@blueprint.get(PAGE)
@unlimited
@access.public
def page():
    return render_template("base/front/offline.html", files=FILES)


@blueprint.get("/worker.js")
@unlimited
@access.public
def worker():
    """The service worker, with the addresses that it keeps: it is another one whenever one of them is."""
    kept = [asset(file) for file in FILES]
    script = f"const PAGE = {json.dumps(PAGE)}, KEPT = {json.dumps(kept)};\n{_script()}"
    return Response(script, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _script():
    return (STATIC / "js" / "worker.js").read_text("utf-8")
