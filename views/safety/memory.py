"""What this process holds, kept small (`memory_mb`): few pieces of malloc's, and what nobody needs goes back."""

import ctypes
import gc
import sys
from contextlib import suppress

from database.connections import database

M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
SELDOM = 10_000  # objects made until rings of them that nobody has are looked for
FEW = {M_ARENA_MAX: 2, M_MMAP_THRESHOLD: 3 << 16, M_TRIM_THRESHOLD: 1 << 18}


def stay_small():
    """Share what was imported with processes to come, and have malloc give back what a request needed: few arenas for
    all threads, and large pieces, as of a password's hash, by themselves. Left alone, glibc keeps pieces as large as
    the largest that it has seen."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(SELDOM)  # batches of rows are no rings, and looking took a tenth of their time
    with suppress(OSError, AttributeError):  # glibc only
        malloc = ctypes.CDLL(None)
        for option, value in FEW.items():
            malloc.mallopt(option, value)


def give_back():
    """Close connections that many threads at once needed and nobody needs now, and return what is free between what
    is still held."""
    database.rest()
    if pictures := sys.modules.get("PIL.Image"):
        pictures.core.clear_cache()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
