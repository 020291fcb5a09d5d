"""Two hundred damaged and hostile articles: each refused with its reason, or shown harmless."""

from __future__ import annotations

import errno
import io
import re
import resource
import subprocess
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from search.answer import Outcome, ask
from search.index import ArticleReport, ArticleStatus, Index, build
from search.passages import render
from tests.articles import hostile
from tests.articles.hostile import GOOD_NAMES, Hostile
from tests.web.editor_desk import ALONE, PARKING, form_of, writing
from web import checks
from web.articles import article_files, exchange, sources
from web.articles.article_files import ArticleNotWritten
from web.articles.problems import Level

EVERY = hostile.every()
TAGS = frozenset(
    "a abbr b blockquote br caption code dd div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre "
    "small span strong sub sup table tbody td tfoot th thead tr u ul".split()
)
ATTRIBUTES = frozenset(
    "href src title alt width height start colspan rowspan scope class id rel".split()
)
SCHEMES = ("", "http", "https", "mailto", "tel")
LEFT_OUT = re.compile(r"[\t\n\r]|^[\x00-\x20]+|[\x00-\x20]+$")  # by a browser


QUOTED = re.compile(r'"[^"]*"')


class Looking(HTMLParser):
    """Gathers what no article may bring into a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.found.append(f"{tag} {name}")
            if name in ("href", "src") and scheme_of(value or "") not in SCHEMES:
                self.found.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data[:20]}")


def scheme_of(url: str) -> str:
    return urlsplit(LEFT_OUT.sub("", url)).scheme.lower()


def harm_in(html: str) -> list[str]:
    looking = Looking()
    looking.feed(html)
    looking.close()
    return looking.found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    (root / "outside.md").write_bytes(hostile.good("outside"))
    articles = root / "articles"
    for each in EVERY:
        each.put(articles)
    for name in GOOD_NAMES:
        (articles / "en" / f"{name}.md").write_bytes(hostile.good(name))
    return articles


@pytest.fixture(scope="module")
def built(folder: Path) -> tuple[Index, dict[str, ArticleReport]]:
    index, reports = build(folder, None)
    return index, {each.article: each for each in reports}


def named(each: Hostile) -> str:
    return each.name


def test_there_are_two_hundred_and_each_is_different() -> None:
    made = [each.content for each in EVERY]
    assert len(EVERY) >= 200
    assert len({each for each in made if isinstance(each, bytes)}) >= 190


def test_each_is_refused_with_its_reason_or_shown(
    built: tuple[Index, dict[str, ArticleReport]],
) -> None:
    index, reports = built
    counts = dict.fromkeys(ArticleStatus, 0)
    for each in EVERY:
        report = reports[each.name]
        counts[report.status] += 1
        if report.status is ArticleStatus.ERROR:
            assert each.refused is not False, (each.name, report)
            assert report.line is not None and report.line >= 1, each.name
            assert report.reason and len(report.reason) < 300, each.name
            assert each.name not in index.articles
        elif report.status is ArticleStatus.SKIPPED:
            assert report.reason, each.name
        else:
            assert each.refused is not True, (each.name, report)
    assert counts[ArticleStatus.ERROR] >= 40 and counts[ArticleStatus.INDEXED] >= 60, counts


def test_the_good_ones_are_still_found(built: tuple[Index, dict[str, ArticleReport]]) -> None:
    index, _ = built
    for name in GOOD_NAMES:
        found = ask(index, None, f"where is the {name} desk", lang="en")
        assert found.outcome is not Outcome.NONE
        assert found.passages[0].article == f"en/{name}"


def test_nothing_of_script_survives(built: tuple[Index, dict[str, ArticleReport]]) -> None:
    index, _ = built
    for name, article in index.articles.items():
        assert harm_in(render(article)) == [], name
    for passage in index.passages:
        assert harm_in(passage.html) == [], passage.article


def test_the_search_for_harm_finds_it() -> None:
    bad = (
        "<script>x</script>", "<p onclick=x>a</p>", "<a href='java\tscript:x'>a</a>",
        "<img src=data:x>", "<p style='x'>a</p>", "<!--x-->",
    )  # fmt: skip
    assert all(harm_in(each) for each in bad)
    assert harm_in('<p><a href="/help/en/x#y" rel="noopener">a</a></p>') == []


def test_lint_names_file_line_reason_and_mend(tmp_path: Path, folder: Path) -> None:
    with writing(tmp_path, review=ALONE) as room:
        settings = room.desk.settings.model_copy(update={"articles": folder})
        problems = list(checks.article_problems(settings, room.desk.services.clock()))
    refused = {each.file for each in problems if each.level is Level.FAIL}
    for each in EVERY:
        if each.refused:
            assert f"articles/{each.name}.md" in refused, each.name
    assert all(each.line >= 1 and each.what and each.mend for each in problems)


# The pages ----------------------------------------------------------------------------------------


def test_pages_of_patients_and_editors_carry_none_of_it(tmp_path: Path) -> None:
    shown = [each for each in EVERY if "script" in each.name]
    with writing(tmp_path, review=ALONE) as room:
        for each in shown:
            each.put(room.folder)
        room.desk.services.publisher.refresh()
        index = room.desk.services.publisher.index
        assert index is not None and len(index.articles) > len(hostile.SCRIPTS)
        reader, eli = room.desk.client(), room.someone()
        for name in index.articles:
            pages = (reader.client.get(f"/help/{name}"), eli.client.get(f"/editor/articles/{name}"))
            for page in (each.get_data(as_text=True) for each in pages):
                assert "alert(1)" not in scripts_of(page), name
                assert not re.search(r"<[^>]+\son\w+\s*=", QUOTED.sub("", page)), name


def scripts_of(page: str) -> str:
    """Return every script but the page's description of itself, which is data."""
    found = re.findall(r"<script\b(?![^>]*ld\+json).*?</script>", page, re.DOTALL | re.IGNORECASE)
    return " ".join(found)


# Import -------------------------------------------------------------------------------------------

SLIPS = (
    "../../evil.md", "/etc/evil.md", "..\\..\\evil.md", "C:\\evil.md", "a/../../../evil.md",
    "~/evil.md", "\u202edm.live.md", "con.md", "evil.md\0.txt", ".md", "a" * 300 + ".md",
)  # fmt: skip


def test_a_zip_of_hostile_names_writes_no_file(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for number, name in enumerate(SLIPS):
            file.writestr(name, f"# Slip {number}\n\nText {number}. <script>alert(1)</script>\n")
        for each in EVERY[::5]:
            if isinstance(each.content, bytes) and len(each.content) < 100_000:
                file.writestr(f"{each.name}.md", each.content)
    with writing(tmp_path, review=ALONE) as room:
        before = files_below(tmp_path)
        taken = exchange.take_in(
            room.desk.services, "old.zip", packed.getvalue(), topic="x", staff_id=None
        )
        assert files_below(tmp_path) - before <= {p for p in files_below(tmp_path) if "var" in p}
        assert room.files() == ["en/visiting/parking.md"]
    assert len(taken) >= 30
    for each in taken:
        assert bool(each.article_id) != bool(each.reason), each
        assert re.fullmatch(r"(?:[a-z0-9-]+/){2}[a-z0-9-]+", each.article_id or "a/b/c")


def files_below(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def test_a_zip_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros.md", b"0" * (sources.MAX_UNPACKED + 1))
    [found] = sources.sources("bomb.zip", packed.getvalue())
    assert isinstance(found, sources.NotRead) and "more than is allowed" in found.reason


# Disk full ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An articles folder on a disk of 256 kB, where this machine may make one."""
    disk = tmp_path / "articles"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs mount, and so root; the limit below is tried everywhere")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> int:
    """Write until nothing fits. Returns the errno that said so."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * 4096)
        except OSError as error:
            return error.errno or 0


def test_on_a_full_disk_the_old_article_stays_and_the_editor_is_told(
    tmp_path: Path, small_disk: Path
) -> None:
    with writing(tmp_path, review=ALONE) as room:
        eli = room.someone()
        page = "/editor/articles/en/visiting/parking"
        values = {**form_of(eli.get(page)), "action": "publish", "owner": "Facilities"}
        assert fill(small_disk) == errno.ENOSPC
        answer = eli.post(page, values)
        assert answer.status_code == 503
        assert "The disk is full" in answer.text and 'value="Facilities"' in answer.text
        assert room.text() == PARKING
        assert room.files() == ["ballast", "en/visiting/parking.md"]
        assert room.acts() == []
        (small_disk / "ballast").unlink()
        assert eli.post(page, values).status_code == 302
        assert "owner: Facilities" in room.text()


def test_a_file_that_may_not_grow_leaves_the_old_article(tmp_path: Path) -> None:
    before, after = PARKING.encode(), hostile.good("parking") * 50
    with writing(tmp_path, review=ALONE) as room:
        digest = article_files.digest_of(before)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            with pytest.raises(ArticleNotWritten) as refused:
                with room.desk.services.publisher.writing("en/visiting/parking", after, digest):
                    pytest.fail("nothing was written")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        cause = refused.value.__cause__
        assert isinstance(cause, OSError) and cause.errno == errno.EFBIG
        assert refused.value.why == "full"
        assert room.text() == PARKING and room.files() == ["en/visiting/parking.md"]
