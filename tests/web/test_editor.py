"""The editor: list, fields, preview, checks, publish, withdraw, and two who edit one article."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from search.answer import ask
from tests.web.editor_desk import ALONE, PARKING, Writing, form_of, writing
from tests.web.staff_desk import PageClient
from web import security
from web.articles import article_files, help_feedback
from web.articles.publishing import Publisher
from web.models import RoleName
from web.privacy import audit

PAGE = "/editor/articles/en/visiting/parking"


@pytest.fixture
def review_settings() -> dict[str, bool]:
    """A clinic of one, where an editor publishes; test_editor_review.py has the others."""
    return ALONE


def publish(client: PageClient, path: str = PAGE, **changes: str) -> Any:
    values = form_of(client.get(path))
    return client.post(path, {**values, "action": "publish", **changes})


def test_it_works(room: Writing, eli: PageClient) -> None:
    assert "Where do I park?" in eli.get("/editor/")
    body = form_of(eli.get(PAGE))["body"].replace("Park behind", "You may park behind")
    answer = publish(eli, body=body)
    assert answer.status_code == 302
    assert "Published. Patients get this text from now on." in eli.get(answer.headers["Location"])
    assert "You may park behind the house." in room.live_text()
    assert room.acts() == [("article_published", "article:en/visiting/parking")]


def test_the_list_tells_what_readers_said(room: Writing, eli: PageClient) -> None:
    assert "Readers:" not in eli.get("/editor/")
    today = room.desk.clock().date()
    with room.desk.open() as session:
        for number, helpful in enumerate((True, False, False)):
            form = help_feedback.Form(f"{number}", "en/visiting/parking", "r")
            help_feedback.save(session, form, helpful=helpful, comment="", on=today)
    assert "Readers: 1 helped, 2 not" in eli.get("/editor/")


@pytest.mark.parametrize("number", ["7", "99999999999", "9" * 30, "-1", "²", "x", ""])
def test_a_number_no_question_has_opens_an_empty_form(eli: PageClient, number: str) -> None:
    assert form_of(eli.get(f"/editor/new?gap={number}"))["title"] == ""


def test_the_chat_answers_with_the_new_text_within_five_seconds(
    room: Writing, eli: PageClient
) -> None:
    before = time.monotonic()
    publish(eli, body="Park on the roof of the library next door.")
    publisher = room.desk.services.publisher
    assert publisher.index is not None
    found = ask(publisher.index, publisher.encoder, "where do i park")
    assert time.monotonic() - before < 5
    assert "roof of the library" in found.passages[0].text
    assert "roof of the library" in eli.client.get("/help/en/visiting/parking").text


# The file ----------------------------------------------------------------------------------------


def test_publishing_without_a_change_leaves_every_byte(room: Writing, eli: PageClient) -> None:
    assert publish(eli).status_code == 302
    assert room.text() == PARKING


def test_only_the_lines_of_a_changed_field_change(room: Writing, eli: PageClient) -> None:
    publish(eli, owner="Facilities: the night team")
    expected = PARKING.replace("owner: Front desk", 'owner: "Facilities: the night team"')
    assert room.text() == expected


def test_unknown_keys_comments_and_order_are_kept(room: Writing, eli: PageClient) -> None:
    publish(eli, questions="is parking free\r\n\r\n- what: a van\r\n", source="The lease")
    text = room.text()
    assert "# kept by hand: the board asked for it\n" in text
    assert "x_board_note: seen in May\n" in text
    assert 'questions:\n  - is parking free\n  - "- what: a van"\nx_board_note' in text
    assert text.index("review_by:") < text.index("source: The lease") < text.index("\n---\n\nPark")


def test_windows_line_breaks_and_byte_order_mark_stay(room: Writing, eli: PageClient) -> None:
    room.write("en/visiting/parking", b"\xef\xbb\xbf" + PARKING.replace("\n", "\r\n").encode())
    publish(eli, owner="Facilities")
    content = (room.folder / "en/visiting/parking.md").read_bytes()
    changed = PARKING.replace("owner: Front desk", "owner: Facilities")
    assert content == b"\xef\xbb\xbf" + changed.replace("\n", "\r\n").encode()


def test_a_broken_front_matter_is_shown_and_mended_by_publishing(
    room: Writing, eli: PageClient
) -> None:
    broken = PARKING.replace('title: "Where do I park?"', "title: Parking: where?")
    room.write("en/visiting/parking", broken)
    room.desk.services.publisher.refresh()
    page = eli.get(PAGE)
    assert "This file has a mistake (line 3:" in page
    assert form_of(page)["title"] == "Parking: where?"
    assert room.live_text() == ""
    assert publish(eli).status_code == 302
    assert room.text() == broken.replace("Parking: where?", '"Parking: where?"')
    assert room.live_text() != ""


def test_lines_that_are_no_field_are_kept_as_comments(room: Writing, eli: PageClient) -> None:
    broken = PARKING.replace("x_board_note", "\tsee: the board\n??? what\nx_board_note")
    room.write("en/visiting/parking", broken.replace("---\n# kept", "---\n[oops\n# kept"))
    assert "This file has a mistake" in eli.get(PAGE)
    assert publish(eli).status_code == 302
    assert room.text().startswith("---\n# [oops\n# kept by hand")
    assert "??? what" in room.text() and "x_board_note: seen in May" in room.text()


@pytest.mark.parametrize("text", ["---\ntitle: Never closed\n\nSome text.\n", "No front matter."])
def test_a_file_without_fields_gets_them(room: Writing, eli: PageClient, text: str) -> None:
    room.write("en/visiting/parking", text)
    values = {
        key: value
        for key, value in new_form(eli).items()
        if key not in ("digest", "article", "body", "csrf_token")
    }
    assert publish(eli, **{**values, "body": "Park behind."}).status_code == 302
    assert room.text().startswith("---\ntitle: ")
    assert room.text().endswith("---\n\nPark behind.\n")
    assert room.live_text() == "Park behind."


@pytest.mark.parametrize("content", [b"---\ntitle: \xff\xfe\n---\nx", b"---\ntitle: a\0\n---\nx"])
def test_what_is_no_text_is_refused_with_its_reason(
    room: Writing, eli: PageClient, content: bytes
) -> None:
    room.write("en/visiting/broken", content)
    assert "Cannot be read" in eli.get("/editor/")
    page = eli.get("/editor/articles/en/visiting/broken", 422)
    assert "cannot be edited here" in page


@pytest.mark.parametrize(
    "article", ["../secret", "en/../../secret", "en/visiting/nothing", "link", "x%00y", "a" * 300]
)
def test_nothing_outside_the_folder_opens(
    room: Writing, eli: PageClient, tmp_path: Path, article: str
) -> None:
    (tmp_path / "secret.md").write_text(PARKING)
    (room.folder / "link.md").symlink_to(tmp_path / "secret.md")
    answer = eli.client.get(f"/editor/articles/{article}")
    assert answer.status_code in (308, 404)
    values = {**form_of(eli.get(PAGE)), "action": "publish"}
    answer = eli.post(f"/editor/articles/{article}", {**values, "title": "Another"})
    assert answer.status_code in (308, 404, 409)
    assert room.files() == ["en/visiting/parking.md", "link.md"]
    assert (tmp_path / "secret.md").read_text() == PARKING


# Checks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"owner": ""}, "is missing or not readable"),
        ({"review_by": "2026-01-01"}, "lies before Reviewed on"),
        ({"body": "Call {{clinic.fone}} first."}, "{{clinic.fone}} is not a fact"),
        ({"title": ""}, "there is no title and no heading"),
    ],
)
def test_an_error_stops_publishing_and_keeps_what_was_typed(
    room: Writing, eli: PageClient, change: dict[str, str], told: str
) -> None:
    values = {**form_of(eli.get(PAGE)), "action": "publish", "source": "typed just now", **change}
    if "title" in change:
        values["body"] = "No heading here."
    answer = eli.post(PAGE, values)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'value="typed just now"' in answer.text
    assert room.text() == PARKING
    assert room.acts() == []


def test_a_problem_of_the_text_names_its_line_there(eli: PageClient) -> None:
    body = (
        "Park behind.\r\n\r\n# Too big\r\n\r\nCall {{clinic.fone}}.\r\n\r\n[a](#too-big) [b](#cost)"
    )
    page = eli.post(PAGE, {**form_of(eli.get(PAGE)), "action": "preview", "body": body}).text
    found = re.findall(r'data-line="(\d+)">Text, line \d+</a>:\s+([^<]+)\.</p>', page)
    assert found == [
        ("5", "{{clinic.fone}} is not a fact"),
        ("3", "a heading begins with a single #"),
        ("7", "the link to #cost leads nowhere"),
    ]


def test_a_hint_does_not_stop_publishing(room: Writing, eli: PageClient) -> None:
    answer = publish(eli, questions="", review_by="2026-11-01")
    assert answer.status_code == 302
    assert "its review was due on 2026-11-01" in eli.get(PAGE)


def test_the_title_of_another_article_stops_publishing(room: Writing, eli: PageClient) -> None:
    room.write("en/visiting/cars", PARKING.replace("Where do I park?", "Where do cars go?"))
    answer = publish(eli, title="where do CARS go?")
    assert answer.status_code == 422
    assert "en/visiting/cars has the same title" in answer.text


# Preview -----------------------------------------------------------------------------------------


def test_the_preview_shows_the_page_and_each_answer_and_saves_nothing(
    room: Writing, eli: PageClient
) -> None:
    values = form_of(eli.get(PAGE))
    body = f"{values['body']}\r\n## By bike?\r\n\r\n<script>alert(1)</script>Racks <b>inside</b>."
    answer = eli.call("/editor/preview")
    assert answer.status_code == 200
    answer = eli.post("/editor/preview", {**values, "body": body})
    html = answer.json["html"]
    assert html.count('<article class="kb-message kb-message--bot"') == 3
    assert html.count("Racks <b>inside</b>.") == 2  # in the answer and on the page
    assert "(503)" in html and "clinic.phone" not in html
    assert "<script" not in html and "alert(1)" not in html.replace("&lt;", "<")
    assert "<form" not in html and "<button" not in html  # nothing here was said by anybody
    assert room.text() == PARKING
    whole = eli.post(PAGE, {**values, "body": body, "action": "preview"}).text
    assert html.strip() in whole.replace("&#39;", "'") or "By bike?" in whole


def test_headings_of_an_article_do_not_disturb_the_page(eli: PageClient) -> None:
    """`get` checks ids and headings of what it fetches; here the article brings its own."""
    publish(eli, body="# Main\r\n\r\nText.\r\n\r\n## Field title\r\n\r\nMore {#main}.")
    page = eli.get(PAGE)
    assert page.count('id="main"') == 1


# Two who edit one article ------------------------------------------------------------------------


def test_a_change_made_meanwhile_is_shown_and_not_overwritten(
    room: Writing, eli: PageClient
) -> None:
    rui = room.someone("Rui", RoleName.REVIEWER)
    mine = form_of(eli.get(PAGE))
    theirs = mine["body"].replace("It costs nothing.", "It costs $2.")
    assert publish(rui, body=theirs).status_code == 302
    own = mine["body"].replace("a van?", "a truck?")
    answer = eli.post(PAGE, {**mine, "body": own, "owner": "Yard team", "action": "publish"})
    assert answer.status_code == 409
    page = answer.text
    assert "It costs $2." in page and "truck?" in page  # both can be read
    assert '<th scope="row">Owner</th>' in page
    assert "It costs $2." in room.text() and "truck" not in room.text()
    # Who reads the comparison and publishes again means it.
    again = form_of(page)
    assert again["body"].replace("\r\n", "\n") == own.replace("\r\n", "\n")
    assert eli.post(PAGE, {**again, "action": "publish"}).status_code == 302
    assert "truck?" in room.text() and "$2" not in room.text()


def test_a_preview_does_not_hide_a_change_made_meanwhile(room: Writing, eli: PageClient) -> None:
    mine = form_of(eli.get(PAGE))
    room.write("en/visiting/parking", PARKING.replace("nothing", "$2"))
    previewed = form_of(eli.post(PAGE, {**mine, "action": "preview"}).text)
    answer = eli.post(PAGE, {**previewed, "action": "publish"})
    assert answer.status_code == 409
    assert "$2" in room.text()


def test_an_article_removed_meanwhile_is_no_lost_text(room: Writing, eli: PageClient) -> None:
    mine = form_of(eli.get(PAGE))
    (room.folder / "en/visiting/parking.md").unlink()
    answer = eli.post(PAGE, {**mine, "action": "publish"})
    assert answer.status_code == 409
    assert "Somebody removed this article" in answer.text
    assert not room.files()
    assert eli.post(PAGE, {**form_of(answer.text), "action": "publish"}).status_code == 302
    assert "Park behind the house." in room.live_text()


# New, drafts, withdrawn --------------------------------------------------------------------------


def new_form(client: PageClient, **changes: str) -> dict[str, str]:
    values = form_of(client.get("/editor/new?topic=Getting%20here&lang=es"))
    return {
        **values,
        "title": "¿Dónde dejo mi bicicleta?",
        "summary": "Junto a la puerta.",
        "questions": "bici",
        "body": "Junto a la puerta hay lugar.",
        "owner": "Front desk",
        "reviewed_on": "2026-11-20",
        "review_by": "2027-05-20",
        **changes,
    }


def test_a_new_article_gets_a_place_of_its_own_and_is_live(room: Writing, eli: PageClient) -> None:
    answer = eli.post("/editor/new", {**new_form(eli), "action": "publish"})
    name = "es/getting-here/donde-dejo-mi-bicicleta"
    assert answer.headers["Location"].endswith(f"/editor/articles/{name}")
    assert "Junto a la puerta hay lugar." in room.live_text(name)
    again = eli.post("/editor/new", {**new_form(eli), "action": "save"})
    assert again.headers["Location"].endswith(f"{name}-2")
    assert room.acts()[-1] == ("article_saved", f"article:{name}-2")


def test_a_draft_is_kept_and_shown_to_nobody(room: Writing, eli: PageClient) -> None:
    answer = eli.post("/editor/new", {**new_form(eli), "action": "save", "owner": ""})
    name = "es/getting-here/donde-dejo-mi-bicicleta"
    assert "Patients do not see it" in eli.get(answer.headers["Location"])
    assert room.files() == ["en/visiting/parking.md"]  # only what is published is a file
    assert room.live_text(name) == ""
    assert eli.client.get(f"/help/{name}").status_code == 404


def test_withdrawn_is_gone_at_once_and_can_come_back(room: Writing, eli: PageClient) -> None:
    digest = form_of(eli.get(PAGE))["digest"]
    path = "/editor/withdraw/en/visiting/parking"
    assert eli.post(path, {"digest": "0" * 64}).status_code == 302
    assert room.text() == PARKING
    eli.post(path, {"digest": digest})
    assert room.text() == PARKING.replace("status: published", "status: withdrawn")
    assert room.live_text() == ""
    publish(eli)
    assert room.text() == PARKING
    assert room.acts() == [
        ("article_withdrawn", "article:en/visiting/parking"),
        ("article_published", "article:en/visiting/parking"),
    ]


# Demo and real -----------------------------------------------------------------------------------


def test_demo_content_stays_marked(room: Writing, eli: PageClient) -> None:
    publish(eli, reviewed_by="Dr. Nobody", owner="Facilities")
    assert "reviewed_by: Demo content, not reviewed by a clinician\n" in room.text()
    assert "owner: Facilities\n" in room.text()
    assert form_of(eli.get("/editor/new?topic=a&lang=en"))["reviewed_by"].startswith("Demo")


def test_a_real_clinic_publishes_in_its_own_folder(tmp_path: Path) -> None:
    with writing(tmp_path, demo=False, review=ALONE) as room:
        eli = room.someone()
        assert form_of(eli.get("/editor/new?topic=a&lang=en"))["reviewed_by"] == ""
        refused = publish(eli)
        assert refused.status_code == 422
        assert "says that this is demo content" in refused.text
        assert publish(eli, reviewed_by="R. Ortiz, nurse").status_code == 302
        assert "reviewed_by: R. Ortiz, nurse\n" in room.text()
        assert room.live_text()


# Faults ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "told"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written to"), (errno.EIO, "could")],
)
def test_a_disk_that_refuses_leaves_the_article_and_the_typed_text(
    room: Writing, eli: PageClient, monkeypatch: pytest.MonkeyPatch, code: int, told: str
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(article_files, "_force_file", refuse)
    answer = publish(eli, owner="Facilities")
    assert answer.status_code == 503
    assert told in answer.text and 'value="Facilities"' in answer.text
    assert room.text() == PARKING
    assert room.files() == ["en/visiting/parking.md"]
    assert room.acts() == []


def test_a_folder_that_takes_no_file_says_so(
    room: Writing, eli: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT and str(path).endswith(".tmp"):
            raise OSError(errno.EACCES, "Permission denied")
        return real(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert publish(eli, owner="Facilities").status_code == 503
    assert room.text() == PARKING


def test_a_publish_that_cannot_be_logged_did_not_happen(
    room: Writing, eli: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {**form_of(eli.get(PAGE)), "action": "publish", "owner": "Facilities"}

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no log")

    monkeypatch.setattr(audit, "record", refuse)
    assert eli.post(PAGE, values).status_code == 500
    assert room.text() == PARKING
    assert room.files() == ["en/visiting/parking.md"]


def test_a_crash_between_writing_and_renaming_leaves_the_old_article(
    room: Writing, eli: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    values = {**form_of(eli.get(PAGE)), "action": "publish", "owner": "Facilities"}
    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        eli.post(PAGE, values)
    monkeypatch.undo()
    assert room.text() == PARKING
    room.desk.services.publisher.refresh()
    assert "Park behind the house." in room.live_text()


def test_a_failing_index_does_not_undo_a_publish(
    room: Writing, eli: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Publisher) -> bool:
        raise ValueError("an article nobody foresaw")

    monkeypatch.setattr(Publisher, "refresh", fail)
    assert publish(eli, owner="Facilities").status_code == 302
    assert "owner: Facilities" in room.text()


# The list ----------------------------------------------------------------------------------------


def test_the_list_filters_by_what_the_address_says(room: Writing, eli: PageClient) -> None:
    late = PARKING.replace("2027-05-01", "2026-11-01").replace("Where do I park?", "How do I pay?")
    room.write(
        "en/billing/pay", late.replace("visiting", "billing").replace("owner: Front desk\n", "")
    )
    other = PARKING.replace("Where do I park?", "¿Dónde me estaciono?").replace(
        "lang: en", "lang: es"
    )
    room.write("es/visita/estacion", other.replace("status: published", "status: draft"))
    for query, ids in {
        "": {"en/billing/pay", "en/visiting/parking", "es/visita/estacion"},
        "?q=ESTACIONO+donde": {"es/visita/estacion"},
        "?q=van+board": set(),
        "?status=draft": {"es/visita/estacion"},
        "?topic=billing": {"en/billing/pay"},
        "?lang=en&q=park": {"en/billing/pay", "en/visiting/parking"},
        "?show=due": {"en/billing/pay"},
        "?show=problems": {"en/billing/pay"},
        "?show=nonsense&lang=fr": set(),
    }.items():
        page = eli.get(f"/editor/{query}")
        assert set(re.findall(r'fd-articles__id">([^<]+)<', page)) == ids, query
    assert "Past due" in eli.get("/editor/?show=due")


def test_a_long_list_comes_in_pages(room: Writing, eli: PageClient) -> None:
    for number in range(150):
        text = PARKING.replace("Where do I park?", f"Where is room {number}?")
        room.write(f"en/rooms/room-{number:03}", text)
    ids = []
    for page in ("?q=room", "?q=room&page=2", "?q=room&page=99"):
        ids.append(re.findall(r'fd-articles__id">([^<]+)<', eli.get(f"/editor/{page}")))
    assert [len(each) for each in ids] == [100, 51, 51]
    assert len({*ids[0], *ids[1]}) == 151  # the van needs room as well
    assert 'href="/editor/?page=2&amp;q=room"' in eli.get("/editor/?q=room")


def test_a_part_too_long_for_the_chat_is_found_where_it_begins(eli: PageClient) -> None:
    text = "Short.\r\n\r\n## Long\r\n\r\n" + "One [word](../a/very-long-way.md). " * 60
    page = eli.post(PAGE, {**form_of(eli.get(PAGE)), "action": "preview", "body": text}).text
    assert re.search(r'data-line="3">Text, line 3</a>:\s+120 words under one heading', page)


# Who may -----------------------------------------------------------------------------------------

ROUTES = {
    "editor.articles_page",
    "editor.article_page",
    "editor.autosave",
    "editor.drop_autosave",
    "editor.change",
    "editor.create",
    "editor.new_page",
    "editor.preview",
    "editor.withdraw",
}


def routes(room: Writing) -> list[tuple[str, str, str]]:
    rules = [r for r in room.desk.app.url_map.iter_rules() if r.endpoint.startswith("editor.")]
    found = []
    for rule in rules:
        path = re.sub(r"<[^>]+>", "en/visiting/parking", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append((rule.endpoint, method, path))
    return found


def test_every_route_of_the_editor_is_known_here(room: Writing) -> None:
    assert {endpoint for endpoint, _, _ in routes(room)} == ROUTES


@pytest.mark.parametrize("role", [None, RoleName.AGENT, RoleName.MANAGER, RoleName.PRIVACY])
def test_others_find_no_editor(room: Writing, role: RoleName | None) -> None:
    person = room.desk.add("Zoe", *([role] if role else []))
    client = room.desk.sign_in(person)
    token = client.token()
    for endpoint, method, path in routes(room):
        answer = client.client.open(path, method=method, data={"csrf_token": token})
        assert answer.status_code == 404, endpoint
    stranger = room.desk.app.test_client()
    for endpoint, method, path in routes(room):
        answer = stranger.open(path, method=method, headers={"Accept": "text/html"})
        assert answer.status_code == 302, endpoint
        assert "/account/sign-in" in answer.headers["Location"]
    assert room.text() == PARKING


def test_no_act_without_a_token(room: Writing, eli: PageClient) -> None:
    values = {**form_of(eli.get(PAGE)), "action": "publish", "owner": "Facilities"}
    del values["csrf_token"]
    assert eli.client.post(PAGE, data=values).status_code == 400
    assert room.text() == PARKING


def test_editors_land_on_their_articles_and_pages_are_not_stored(
    room: Writing, eli: PageClient
) -> None:
    answer = eli.client.get("/account/start")
    assert answer.headers["Location"].endswith("/editor/")
    assert eli.client.get(PAGE).headers["Cache-Control"] == "no-store"
    assert "/editor" in security.PRIVATE_PATHS


def test_only_the_publisher_writes_articles() -> None:
    folder = Path(__file__).resolve().parents[2] / "web"
    users = {
        path.stem
        for path in folder.rglob("*.py")
        if "article_files.replaced(" in path.read_text(encoding="utf-8")
    }
    assert users == {"publishing"}


def test_the_scripts_decisions_hold() -> None:
    node = shutil.which("node")
    assert node, "node is needed for the editor's script: apt-get install nodejs"
    test = Path(__file__).with_name("editor_logic.test.mjs")
    done = subprocess.run([node, "--test", str(test)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
