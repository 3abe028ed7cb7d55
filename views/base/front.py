"""What strangers see first."""

from flask import Blueprint, redirect

from domain.base import settings
from views import access, pages

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
@access.public
def index():
    user = access.me()
    if user:
        return redirect(pages.home_of(user))
    return pages.page("base/front/index.html", open=settings.get("sign_up_open"))


@blueprint.get("/faq")
@access.public
def faq():
    return pages.page("base/front/faq.html", open=settings.get("sign_up_open"), here="faq")


@blueprint.get("/app")
@access.signed_in
def app_home():
    return redirect(pages.home_of(access.me()))


@blueprint.get("/tasks")
@access.signed_in
def app_tasks():
    return redirect(f"{pages.home_of(access.me())}/tasks")
