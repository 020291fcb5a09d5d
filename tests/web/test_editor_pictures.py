"""Pictures in articles, links by search, and import in the browser."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.web.editor_desk import ALONE, PARKING, Writing, form_of, writing
from tests.web.staff_desk import PageClient
from tests.web.test_exchange import HTML, packed
from web.articles import pictures
from web.articles.pictures import PictureRefused
from web.models import RoleName
from web.privacy import audit

PAGE = "/editor/articles/en/visiting/parking"
GPS = 0x8825
SHOWN = re.compile(r"!\[[^\]]+\]\(\.\./\.\./pictures/([0-9a-f]{16}-\d+x\d+\.webp)\)")


@pytest.fixture
def review_settings() -> dict[str, bool]:
    return ALONE


def photo(size: tuple[int, int] = (80, 40), kind: str = "JPEG", **options: Any) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, "teal").save(made, kind, **options)
    return made.getvalue()


def with_place() -> bytes:
    """A photo as a phone makes it: lying on its side, and it says where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(GPS)[2] = (45.0, 31.0, 12.0)
    exif[0x010F] = "Phone of Pat Smith"
    return photo(exif=exif.tobytes())


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def part(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", data) + part(b"IEND", b"")


def send(client: PageClient, content: bytes, words: str = "Map of the yard") -> Any:
    values = {"picture": (io.BytesIO(content), "a.jpg"), "words": words, "article": PAGE[17:]}
    return client.post("/editor/pictures", values, content_type="multipart/form-data")


def acts(room: Writing) -> list[str]:
    with room.desk.reading() as session:
        return [each.act for each in audit.entries(session)]


# Pictures ----------------------------------------------------------------------------------------


def test_a_picture_reaches_patients_with_the_article_that_shows_it(
    room: Writing, eli: PageClient
) -> None:
    markdown = send(eli, with_place()).json["markdown"]
    [name] = SHOWN.findall(markdown)
    address = f"/help/pictures/{name}"
    stranger = room.desk.app.test_client()
    assert stranger.get(address).status_code == 404  # nothing published shows it
    assert eli.client.get(address).headers["Cache-Control"] == "private, no-store"
    values = form_of(eli.get(PAGE))
    values["body"] = f"Park behind the house.\n\n{markdown}\n"
    preview = eli.post("/editor/preview", {**values, "article": PAGE[17:]}).json["html"]
    assert preview.count(f'src="{address}"') == 2  # in the chat, and as a page
    assert eli.post(PAGE, {**values, "action": "publish"}).status_code == 302
    page = stranger.get("/help/en/visiting/parking").text
    assert re.search(rf'<img alt="Map of the yard"[^>]*src="{address}"', page)
    shown = stranger.get(address)
    assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Type"] == "image/webp"
    assert "picture_added" in acts(room)


def test_nothing_of_the_file_but_its_pixels_is_kept(room: Writing, eli: PageClient) -> None:
    polyglot = with_place() + b"<script>alert(1)</script>"
    [name] = SHOWN.findall(send(eli, polyglot).json["markdown"])
    kept = (room.folder / "pictures" / name).read_bytes()
    assert b"script" not in kept and b"Pat Smith" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif() and not {"exif", "icc_profile", "xmp"} & set(image.info)
        assert image.size == (40, 80)  # upright


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read"),
        (photo()[:300], "cannot be read"),
        (photo(kind="GIF"), "cannot be read"),
        (bomb(9_000, 9_000), "more than 50 million points"),
        (bomb(60_000, 60_000), "more than 50 million points"),
        (b"\xff\xd8" + b"\0" * pictures.MAX_BYTES, "8 MB are allowed"),
        (photo((4, 400)), "smaller than"),
    ],
    ids=["empty", "svg", "cut", "gif", "bomb", "larger bomb", "too many bytes", "too small"],
)
def test_what_is_no_fit_picture_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(PictureRefused, match=reason):
        pictures.made_anew(content)


def test_a_large_photo_is_made_smaller() -> None:
    made = pictures.made_anew(photo((4_000, 3_000)))
    assert made.name.endswith("-1600x1200.webp")


def test_a_picture_without_words_is_not_taken_and_not_published(
    room: Writing, eli: PageClient
) -> None:
    assert "Say what the picture shows" in send(eli, photo(), " ").json["error"]["message"]
    [name] = SHOWN.findall(send(eli, photo()).json["markdown"])
    values = form_of(eli.get(PAGE))
    for body, fault in (
        (f"![](../../pictures/{name})", "no text for those who cannot see it"),
        (f"![IMG_2041.jpg](../../pictures/{name})", "no text for those who cannot see it"),
        ("![A map](https://elsewhere.example/map.png)", "lies elsewhere"),
        (f"![A map](../../pictures/{'0' * 16}-8x8.webp)", "not in the folder any more"),
        ('<img src="https://elsewhere.example/map.png" alt="A map">', "do not get"),
    ):
        answer = eli.post(PAGE, {**values, "action": "publish", "body": f"Park.\n\n{body}"})
        assert answer.status_code == 422 and fault in answer.text, body
        assert 'src="http' not in answer.text
    assert room.text() == PARKING


def test_without_script_the_picture_stands_at_the_end_of_the_text(eli: PageClient) -> None:
    values = form_of(eli.get(PAGE))
    values |= {"action": "picture", "picture_words": "Map of the yard"}
    sent = {**values, "picture": (io.BytesIO(photo()), "map.jpg")}
    answer = eli.post(PAGE, sent, content_type="multipart/form-data")
    assert SHOWN.search(form_of(answer.text)["body"].splitlines()[-1])
    answer = eli.post(PAGE, values, content_type="multipart/form-data")
    assert answer.status_code == 422 and "Choose a picture file" in answer.text


def test_only_a_picture_that_nothing_shows_can_be_taken_away(
    room: Writing, eli: PageClient
) -> None:
    [used, unused] = [
        SHOWN.findall(send(eli, photo(size)).json["markdown"])[0] for size in ((80, 40), (40, 80))
    ]
    values = form_of(eli.get(PAGE))
    body = f"{values['body']}\n\n![A map](../../pictures/{used})"
    eli.post(PAGE, {**values, "action": "save", "body": body})  # a draft counts
    page = eli.get("/editor/pictures")
    assert page.index(unused) < page.index("In use: 1") < page.index(used)
    for name in (used, unused, "../en/visiting/parking.md"):
        eli.post("/editor/pictures/remove", {"name": name})
    assert pictures.names(room.folder) == {used}
    assert room.text() == PARKING and "picture_removed" in acts(room)


def test_a_body_that_is_far_too_large_says_so(eli: PageClient) -> None:
    answer = eli.client.post(
        "/editor/pictures",
        input_stream=io.BytesIO(b"--x"),
        environ_overrides={"CONTENT_LENGTH": "11000000"},
        content_type="multipart/form-data; boundary=x",
    )
    assert answer.status_code == 413 and "too large" in answer.json["error"]["message"]


# Links -------------------------------------------------------------------------------------------

STAIRS = PARKING.replace("Where do I park?", "Is there a lift?").replace("visiting", "moving")


def test_an_article_is_found_and_linked(room: Writing, eli: PageClient) -> None:
    room.write("en/moving/lift", STAIRS)
    room.write("es/moving/lift", STAIRS.replace("lang: en", "lang: es"))
    room.write("en/moving/draft", STAIRS.replace("status: published", "status: draft"))
    room.write("en/moving/ours", STAIRS.replace("lang: en", "lang: en\naudience: staff"))
    asked = f"/editor/links?article={PAGE[17:]}&lang=en&audience=public&q="
    found = eli.client.get(asked + "LIFT there").json["articles"]
    assert found == [
        {"id": "en/moving/lift", "title": "Is there a lift?", "path": "../moving/lift.md"}
    ]
    assert eli.client.get(asked + "nobody wrote this").json["articles"] == []
    values = {**form_of(eli.get(PAGE)), "link_words": "yard"}  # a word of the text
    assert "Is there a lift?" in eli.post(PAGE, {**values, "action": "find"}).text
    answer = eli.post(PAGE, {**values, "action": "link:en/moving/lift"})
    body = form_of(answer.text)["body"]
    assert body.splitlines()[-1] == "[Is there a lift?](../moving/lift.md)"
    eli.post(PAGE, {**values, "action": "publish", "body": body})
    assert (
        "Where do I park?" in eli.get("/editor/articles/en/moving/lift").partition("What links")[2]
    )


# In and out --------------------------------------------------------------------------------------


def look(client: PageClient, *files: tuple[str, bytes]) -> Any:
    sent = [(io.BytesIO(content), name) for name, content in files]
    values = {"file": sent, "topic": "Results"}
    return client.post("/editor/import", values, content_type="multipart/form-data")


def test_an_import_is_looked_at_first(room: Writing, eli: PageClient) -> None:
    html = HTML.replace(
        "</p>", "</p><img src='img/map.png' alt='Map'><img src='//x.example/a.png'>"
    )
    site = {"old/lab.html": html, "old/img/map.png": photo(kind="PNG"), "old/plan.pdf": b"%PDF"}
    site["old/img/logo.png"] = photo(kind="PNG")
    eli.get("/editor/import")
    page = look(eli, ("site.zip", packed(**site))).text
    assert "1 article in site.zip" in page and "1 left out" in page and "1 × .pdf" in page
    assert "old/img/logo.png" in page and "A picture that none of the articles shows" in page
    assert room.files() == ["en/visiting/parking.md"] and "article_imported" not in acts(room)
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None
    done = eli.post("/editor/import/take", {"digest": digest[1], "topic": "results"}).text
    assert "1 draft made" in done
    draft = form_of(eli.get("/editor/articles/en/results/where-is-the-lab"))
    assert SHOWN.search(draft["body"]) and draft["source"] == "old/lab.html"
    assert "article_imported" in acts(room)
    again = eli.post("/editor/import/take", {"digest": digest[1], "topic": "results"})
    assert again.status_code == 409 and "Choose it again" in again.text


def test_each_row_that_cannot_come_in_says_why(eli: PageClient) -> None:
    rows = "question;answer\nIs it free?;Yes.\nIs it free?;No.\nWhy?;\n"
    page = look(eli, ("faq.csv", rows.encode()), ("b.docx", b"no"), ("c.html", b"<h1>C</h1>c")).text
    assert "2 articles in files.zip" in page and "Not taken: 3" in page
    for reason in ("faq.csv, line 3", "already", "There is no text", "not a .docx"):
        assert reason in page


def test_a_zip_bomb_is_refused(eli: PageClient) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.html", b"\0" * 101_000_000)
    page = look(eli, ("bomb.zip", made.getvalue())).text
    assert "unpacks to more than is allowed" in page


def test_what_is_exported_can_be_imported_elsewhere(
    room: Writing, eli: PageClient, tmp_path: Path
) -> None:
    markdown = send(eli, photo()).json["markdown"]
    values = form_of(eli.get(PAGE))
    eli.post(PAGE, {**values, "action": "publish", "body": f"Park here.\n\n{markdown}"})
    answer = eli.client.get("/editor/export")
    assert answer.headers["Content-Type"] == "application/zip" and "articles_exported" in acts(room)
    with writing(tmp_path / "elsewhere", review=ALONE) as other:
        (other.folder / "en/visiting/parking.md").unlink()
        rui = other.someone("Rui", RoleName.REVIEWER)
        page = look(rui, ("all.zip", answer.data)).text
        digest = re.search(r'name="digest" value="(\w+)"', page)
        assert digest is not None, page
        rui.post("/editor/import/take", {"digest": digest[1], "topic": "x"})
        body = form_of(rui.get("/editor/articles/en/visiting/where-do-i-park"))["body"]
        assert SHOWN.findall(body)[0] in pictures.names(other.folder)
