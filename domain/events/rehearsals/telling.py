"""What a rehearsal says in words, and what its chart draws."""

from dataclasses import dataclass

from domain.fields.number import counted

LINES = (("came", "Came"), ("sold", "Tickets sold"), ("held", "Tickets held"), ("waiting", "In line"))


@dataclass(frozen=True)
class Line:
    """A line of the chart: its name, its largest number, and its points in a field of 100 × 100."""

    key: str
    name: str
    most: int
    points: str


@dataclass(frozen=True)
class Told:
    """A report as its page shows it."""

    sentences: tuple
    lines: tuple
    samples: tuple  # (moment in words, number of each line)


def told(rehearsal):
    """The report of a rehearsal that is done, in sentences and as a chart."""
    report = rehearsal.report
    samples = report["samples"]
    return Told(tuple(_sentences(rehearsal, report)), tuple(_lines(samples)), tuple(_table(samples)))


def span(seconds):
    """So long, as one says it: «40 seconds», «12 minutes», «1 hour 5 minutes»."""
    if seconds < 120:
        return counted(seconds, "second")
    minutes = round(seconds / 60)
    if minutes < 60:
        return counted(minutes, "minute")
    return (
        f"{counted(minutes // 60, 'hour')} {counted(minutes % 60, 'minute')}"
        if minutes % 60
        else counted(minutes // 60, "hour")
    )


def _sentences(rehearsal, report):
    crowd = counted(report["buyers"], "buyer")
    for tier in report["tiers"]:
        yield _of_tier(tier, crowd)
    if report["in_line"]:
        yield f"{counted(report['in_line'], 'buyer')} would still stand in line at the end."
    if report["waited"]:
        usual, longest = span(report["usual_wait"]), span(report["longest_wait"])
        those = counted(report["waited"], "buyer")
        yield f"{those} would wait and be called; half of them within {usual}, the last after {longest}."
    if report["refunds"]:
        yield f"{counted(report['refunds'], 'payment')} would come too late for tickets that are gone, and go back."
    if report["twice"]:
        yield f"{counted(report['twice'], 'buyer')} would press twice, and get one place each."
    for why, count in report["refused"]:
        yield f"{counted(count, 'buyer')} would be sent away: {why.rstrip('.')}."
    if not report["wrong"] and not report["inversions"]:
        yield "Nobody would be served before somebody who stood in front, and figures, ledger and orders would agree."


def _of_tier(tier, crowd):
    name, size, gone = tier["name"], tier["size"], tier["gone_after"]
    if gone is None:
        of = "" if size is None else f" of {size:,}"
        return f"With {crowd}, {tier['sold']:,}{of} {name} tickets would be sold, and everybody would get some."
    after = f"after {span(gone)}" if gone > 0 else "as soon as the sale opens"
    return f"With {crowd} the {tier['sold'] if size is None else size:,} {name} tickets would be gone {after}."


def _lines(samples):
    first, last = samples[0]["at"], samples[-1]["at"]
    most = max(max(one[key] for one in samples) for key, _ in LINES) or 1
    for key, name in LINES:
        points = (
            f"{(one['at'] - first) * 100 / max(1, last - first):.1f},{100 - one[key] * 100 / most:.1f}"
            for one in samples
        )
        yield Line(key, name, max(one[key] for one in samples), " ".join(points))


def _table(samples):
    for one in samples:
        minutes, seconds = divmod(abs(one["at"]), 60)
        yield f"{'−' if one['at'] < 0 else ''}{minutes}:{seconds:02}", tuple(one[key] for key, _ in LINES)
