"""The demo's flyers: a template and a campaign for the festival, and a dozen people who are going. Photos are drawn."""

import io
from datetime import timedelta

from database.clock import now
from database.columns import spoken_id
from database.late import Late
from database.transactions import wake, writes
from domain.flyers import designs, funnel, keeping, plans
from domain.flyers.organizing import campaigns, templates
from domain.lists import rows
from models import Flyer, FlyerCampaign, FlyerTemplate

Image, ImageDraw, ImageFilter = Late("PIL.Image"), Late("PIL.ImageDraw"), Late("PIL.ImageFilter")

NAMES = (
    *("Ada Lovelace", "Łucja Wiśniewska", "Chidi Okafor", "Renée Noël", "Yuki Tanaka", "عمر حداد", "Inês Pereira"),
    *("Tove Lindqvist", "Mia Rossi", "Kofi Mensah", "王秀英", "Zoë Müller"),
)
SKIES = ("#f3b562", "#8fc1e3", "#d7a9e3", "#9ed2a8", "#f4978e", "#c9cba3")
SKINS, COATS = ("#f1c9a5", "#c68863", "#8d5a3c", "#5c3a26"), ("#274c77", "#8b1e3f", "#3b6b4a", "#5a4fcf", "#c05a1f")


def make(event, owner, seller, chance):
    """A campaign of an event with flyers that wait to be drawn: `owner` publishes, `seller` makes."""
    template = rows.create(templates.rules, {"name": f"I'm going to {event.title}"}, by=seller)
    templates.bind(template.id, str(event.id), by=seller)
    templates.save(template.id, designs.preset(templates.FIRST, "#243b53"), by=seller)
    templates.publish(template.id, by=owner)
    start = now() - timedelta(days=30)
    times = {"starts_at": start.isoformat(), "ends_at": event.ends_at.isoformat(), "zone": event.timezone}
    campaign = rows.create(campaigns.rules, {"name": event.title} | times, by=seller)
    campaigns.choose_template(campaign.id, str(template.id), by=seller)
    campaigns.bind(campaign.id, str(event.id), by=seller)
    campaigns.schedule(campaign.id, by=owner)
    version = templates.live(FlyerTemplate.get_by_id(template.id))
    for name in NAMES:
        photo = _somebody(chance) if chance.random() < 0.8 else None
        _begin(FlyerCampaign.get_by_id(campaign.id), version, name, photo)
    _count_a_month(campaign, version, chance)


DAYS = 30
# How many of those who came so far go on, in hundredths.
STEPS = (("view", 100), ("open", 62), ("upload", 70), ("generate", 92), ("download", 78), ("share", 55), ("arrive", 30))


def _count_a_month(campaign, version, chance):
    """Who came by in the last days, more of them in the evening and towards the event, and how far they got."""
    where = version.organization_id, campaign.id, version.template_id, version.number
    for day in range(1, DAYS):
        midnight = (now() - timedelta(days=DAYS - day)).replace(hour=0, minute=0)
        for _ in range(chance.randint(3, 9) + day // 2):
            at = midnight + timedelta(hours=min(chance.triangular(7, 24, 20), 23.9))
            for kind, going_on in STEPS:
                if chance.randrange(100) >= going_on:
                    break
                funnel.buffer.add(funnel.Act(kind, at, "sample", chance.randbytes(16), *where))
    funnel.buffer.flush()


def lanterns(chance):
    """A JPEG of lanterns over a lake, as evening comes."""
    image = Image.composite(
        Image.new("RGB", (1200, 600), "#f0a35e"),
        Image.new("RGB", (1200, 600), "#1d2a4d"),
        Image.linear_gradient("L").resize((1200, 600)),
    )
    pen = ImageDraw.Draw(image)
    for peak, height in ((150, 150), (520, 90), (880, 180), (1150, 120)):
        pen.polygon(((peak - 420, 430), (peak, 430 - height), (peak + 420, 430)), "#2b2f4a")
    pen.rectangle((0, 430, 1200, 600), "#33406b")
    for _ in range(26):
        x, y, size = chance.randrange(1200), chance.randrange(30, 400), chance.randrange(7, 17)
        pen.ellipse((x - size, y - size, x + size, y + size * 1.3), "#ffd58a")
        pen.ellipse((x - size / 2, 860 - y, x + size / 2, 866 - y), "#c79a6a")
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(1.2)).save(out, "JPEG", quality=90)
    return out.getvalue()


def _somebody(chance):
    """A JPEG of a person, as far as shapes go."""
    image = Image.new("RGB", (900, 900), chance.choice(SKIES))
    pen, skin = ImageDraw.Draw(image), chance.choice(SKINS)
    lean = chance.randint(-40, 40)
    pen.ellipse((250 + lean, 150, 650 + lean, 620), "#2b2024")
    pen.ellipse((130, 640, 770, 1300), chance.choice(COATS))
    pen.rounded_rectangle((390 + lean, 520, 510 + lean, 720), 50, skin)
    pen.ellipse((300 + lean, 220, 600 + lean, 600), skin)
    for eye in (390, 490):
        pen.ellipse((eye + lean, 380, eye + 22 + lean, 402), "#2b2024")
    pen.arc((390 + lean, 430, 510 + lean, 520), 20, 160, "#7a2e2e", 10)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


@writes
def _begin(campaign, version, name, photo):
    public, words, crop = spoken_id(), {"name": name}, {"zoom": 1} if photo else None
    photo = keeping.put(public, "photo", photo) if photo else None
    about = {"content_hash": plans.content_hash(version, words, crop, photo), "address_hash": public}
    about |= {"fields": words, "crop": crop or {}, "secret_hash": public, "expires_at": now() + timedelta(days=60)}
    Flyer.create(campaign=campaign, version=version, public_id=public, in_hub=True, photo=photo, **about)
    wake("flyers")
