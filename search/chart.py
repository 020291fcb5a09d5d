"""What became of a file of questions, as a picture: outcomes, and the risk of answering more."""

from __future__ import annotations

import html

from search.answer import Outcome
from search.evaluate import Judged, risk_by_coverage

NAMED = (0.1, 0.25, 0.5, 0.75, 1.0)
LEFT, WIDTH, TOP, HEIGHT = 56.0, 560.0, 190.0, 180.0


def chart(rows: list[Judged]) -> str:
    """Return an SVG: a bar for questions with an article, one for those without, and the curve."""
    groups = [
        ("in the knowledge base", [row for row in rows if row.wanted]),
        ("not in it", [row for row in rows if not row.wanted]),
    ]
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 430" role="img" '
        'font-family="sans-serif" font-size="13"><title>Outcomes of the questions</title>'
    ]
    for number, (label, group) in enumerate(groups):
        parts += _bar(label, group, 40 + 60 * number)
    return "\n".join([*parts, *_curve(rows), "</svg>"]) + "\n"


def named_risks(rows: list[Judged]) -> list[str]:
    """Return the curve as words, at a few shares of all questions."""
    points = risk_by_coverage(rows)
    said = []
    for share in NAMED if points else ():
        coverage, risk = min(points, key=lambda point: abs(point[0] - share))
        said.append(f"answering the surest {coverage:.0%}: {risk:.1%} wrong")
    return said


def _bar(label: str, group: list[Judged], top: int) -> list[str]:
    shares = (
        ("answered right", "#1a7f5a", sum(row.answered_right for row in group)),
        ("answered wrong", "#b3261e", sum(row.wrong for row in group)),
        ("choices", "#c98a00", sum(row.found.outcome is Outcome.CHOICES for row in group)),
        ("none", "#6b7280", sum(row.found.outcome is Outcome.NONE for row in group)),
    )
    said = ", ".join(f"{name} {count}" for name, _, count in shares)
    parts = [f'<text x="8" y="{top - 6}">{html.escape(f"{label} ({len(group)}): {said}")}</text>']
    left = 8.0
    for name, colour, count in shares:
        width = 624 * count / max(1, len(group))
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="22" fill="{colour}">'
            f"<title>{name}: {count}</title></rect>"
        )
        left += width
    return parts


def _curve(rows: list[Judged]) -> list[str]:
    """Draw how many would be wrong (up) were so many answered (to the right); a ring: as it is."""
    points = " ".join(_place(*point) for point in risk_by_coverage(rows))
    bottom = TOP + HEIGHT
    parts = [
        f'<text x="8" y="{TOP - 10}">wrong among the answers, by the share of questions answered, '
        "the surest first</text>",
        f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#6b7280"/>',
        f'<polyline points="{points}" fill="none" stroke="#b3261e" stroke-width="2"/>',
    ]
    for share in (0.0, 0.5, 1.0):
        x, y = LEFT + WIDTH * share, bottom - HEIGHT * share
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{share:.0%}</text>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{share:.0%}</text>')
    answered = sum(row.answered for row in rows)
    if answered:
        risk = sum(row.wrong for row in rows) / answered
        across, up = _place(answered / len(rows), risk).split(",")
        said = f"as it is: {answered / len(rows):.0%} answered, {risk:.1%} of them wrong"
        parts.append(
            f'<circle cx="{across}" cy="{up}" r="6" fill="none" stroke="#1a7f5a" stroke-width="2">'
            f"<title>{said}</title></circle>"
        )
    return parts


def _place(coverage: float, risk: float) -> str:
    return f"{LEFT + WIDTH * coverage:.1f},{TOP + HEIGHT * (1 - risk):.1f}"
