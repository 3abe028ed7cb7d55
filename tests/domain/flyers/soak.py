"""Composes large photos in a process of its own and prints its peak in MB, after the first few and after all."""

import re
from pathlib import Path

from PIL import Image

from domain.flyers import composing, plans
from tests.fixtures.flyers import design, saved


def peak():
    """Not from getrusage, which begins with what the process that started this one had."""
    return int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) // 1024


def main():
    noise = Image.effect_noise((500, 400), 40).convert("RGB").resize((5000, 4000))
    photos = [saved(noise, quality=60), saved(Image.new("RGB", (5000, 5000), "#345"), "PNG", compress_level=1)]
    del noise
    given = design("portrait_full")
    for number in range(6):
        plan = plans.laid_out(given, {"name": "Ada"}, {"zoom": 1 + number % 3, "turn": number % 2})
        composing.files(composing.drawn(given["size"], plan, None, photos[number % 2]))
        if number == 2:
            early = peak()
    print(early, peak())


if __name__ == "__main__":
    main()
