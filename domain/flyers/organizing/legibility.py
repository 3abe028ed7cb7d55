"""Whether words can be read on what lies under them. The editor asks the same, by script: flyer-editor.js."""

import math

from domain.flyers import plans

LEAST = 3  # a contrast as WCAG 2 has it, for large letters
SHADOW = 6  # from which on a shadow parts them from whatever is there
ACROSS, DOWN = 24, 6  # places that are looked at


def faint(plan, under):
    """(what a text is called, its contrast) of a plan's texts that can hardly be read; `under` is the picture without
    its words."""
    found = [(item, _contrast(item, under)) for item in plan if item["op"] == "text" and item["shadow"] < SHADOW]
    return [(item["label"] or item["key"], contrast) for item, contrast in found if contrast < LEAST]


def _contrast(item, under):
    """Of the contrasts at all places the tenth that is worst."""
    ink, panel, contrasts = plans.light(item["colour"]), item.get("panel"), []
    for place in _places(item):
        if 0 <= place[0] < under.width and 0 <= place[1] < under.height:
            ground = "#" + bytes(under.getpixel(place)).hex()
            ground = plans.mixed(ground, panel["colour"], panel["opacity"] / 100) if panel else ground
            dark, bright = sorted((ink, plans.light(ground)))
            contrasts.append((bright + 0.05) / (dark + 0.05))
    return sorted(contrasts)[len(contrasts) // 10] if contrasts else 21


def _places(item):
    x, y, width, height = item["box"]
    middle, turn = (x + width / 2, y + height / 2), math.radians(item["turn"])
    top, bottom = (edge(line["y"] for line in item["lines"]) for edge in (min, max))
    left = min(line["runs"][0]["x"] for line in item["lines"])
    wide, top = max(line["width"] for line in item["lines"]), top - item["size"] * 0.75
    for i in range(ACROSS):
        for j in range(DOWN):
            right = left + wide * (i + 0.5) / ACROSS - middle[0]
            down = top + (bottom - top) * (j + 0.5) / DOWN - middle[1]
            yield (
                round(middle[0] + right * math.cos(turn) - down * math.sin(turn)),
                round(middle[1] + right * math.sin(turn) + down * math.cos(turn)),
            )
