"""A front desk with an articles folder of its own and people who write in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import html5lib

from tests.fakes import FakeEncoder
from tests.web.staff_desk import Desk, PageClient
from web.models import RoleName, Staff
from web.privacy import audit

ALONE = {"two_people": False}
PARKING = """\
---
# kept by hand: the board asked for it
title: "Where do I park?"
summary: Behind the house, at no cost.
questions:
  - is parking free
  - 'garage: where'
x_board_note: seen in May
topic: visiting
lang: en
status: published
owner: Front desk
reviewed_by: Demo content, not reviewed by a clinician
reviewed_on: 2026-10-01
review_by: 2027-05-01
---

Park behind the house. It costs nothing. Call {{clinic.phone}} if it is full.

## Is there room for a van?

Yes, on the right side of the yard.
"""


class Writing:
    """The desk, its folder, and what a browser would send of an article's form."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder / "articles"
        self.write("en/visiting/parking", PARKING)
        self.desk = Desk(folder / "var", articles=self.folder, **changes)
        publisher = self.desk.services.publisher
        publisher._load_model = lambda _: FakeEncoder()
        publisher.load_encoder()
        publisher.refresh()
        publisher.refresh()  # the first is by words alone

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def text(self, name: str = "en/visiting/parking") -> str:
        return (self.folder / f"{name}.md").read_bytes().decode()

    def files(self) -> list[str]:
        """Every file of the folder, hidden ones too."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)

    def someone(self, name: str = "Eli", role: RoleName = RoleName.EDITOR) -> PageClient:
        return self.desk.sign_in(self.staff(name, role))

    def staff(self, name: str = "Eli", role: RoleName = RoleName.EDITOR) -> Staff:
        return self.desk.add(name, role)

    def acts(self) -> list[tuple[str, str]]:
        with self.desk.reading() as session:
            entries = audit.entries(session)
        return [(each.act, each.subject) for each in entries if each.act.startswith("article_")]

    def live_text(self, name: str = "en/visiting/parking") -> str:
        index = self.desk.services.publisher.index
        assert index is not None
        return "\n".join(each.text for each in index.passages if each.article == name)


def form_of(page: str) -> dict[str, str]:
    """Return the fields of the page's article form as a browser would send them."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    form = next(each for each in tree.iter("form") if each.get("data-editor") is not None)
    values = {}
    for each in form.iter():
        name = each.get("name")
        if each.get("type") == "checkbox" and each.get("checked") is None:
            continue
        if each.tag == "input" and name:
            values[name] = each.get("value", "")
        elif each.tag == "textarea" and name:
            # A browser sends line breaks as \r\n.
            values[name] = "".join(each.itertext()).replace("\n", "\r\n")
        elif each.tag == "select" and name:
            options = list(each.iter("option"))
            chosen = [option for option in options if option.get("selected") is not None]
            values[name] = (chosen or options)[0].get("value", "")
    return values


@contextmanager
def writing(folder: Path, **changes: Any) -> Iterator[Writing]:
    it = Writing(folder, **changes)
    yield it
    it.desk.close()
