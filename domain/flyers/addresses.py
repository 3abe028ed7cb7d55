"""Where flyers and their pictures stand, and what a page that waits for one is told."""

from database.scope import inside
from domain.base import configuration
from domain.flyers import campaign_pages, flyers


def campaign(one):
    """A campaign's page, with the site: codes lead there."""
    return f"{configuration.active.site_url}/flyers/{one.slug}"


def page(flyer):
    """Its page, with the site: whoever shares it needs the whole address."""
    return f"{configuration.active.site_url}/f/{flyer.public_id}"


def manage(flyer, secret):
    """Where whoever made it does with it what they like; the secret stands where no server's log has it."""
    return f"{page(flyer)}/mine#{secret}"


def image(flyer):
    """Its picture: other bytes have another address."""
    return f"/f/{flyer.public_id}/{flyer.file[:8]}.jpg"


def preview(flyer):
    """Its picture for previews in chats, with the site."""
    return f"{page(flyer)}/{flyer.og[:8]}.og.jpg"


def small(flyer):
    """Its small picture, for lists."""
    return f"/f/{flyer.public_id}/{flyer.thumb[:8]}.s.webp"


def design(version):
    """What a page needs to draw a picture itself; the pictures in it lie below."""
    return f"/flyers/spec/{campaign_pages.name_of(version)}.json"


def sample(version):
    """What a picture looks like that nobody has filled in yet."""
    return f"/flyers/spec/{campaign_pages.name_of(version)}/sample.jpg"


def told(flyer):
    """How it stands, in JSON."""
    state = flyers.state_of(flyer)
    about = {"state": state, "url": page(flyer), "state_url": f"/f/{flyer.public_id}/state"}
    if state == "removed":
        about["message"] = "The picture couldn’t be drawn." if flyer.why == "failed" else "It was removed."
    if state == "ready":
        with inside(flyer.organization_id):
            about |= {"image": image(flyer), "download": f"{image(flyer)}?dl=1", "until": flyers.until(flyer)}
    return about
