"""Who may import whom (docs/contracts.md has the commands; this holds the structure).

web.views → web services → web.models → web.db. Services may use search and safety, which import
nothing of ours; bot imports nothing of ours and nothing imports it; launch stands alone.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("search", "safety", "web", "bot", "launch", "benchmarks", "widget")
FOUNDATION = ("web.privacy.keys", "web.privacy.sealing", "web.db", "web.models")


def modules(package: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield every imported name in full: `from web import rasa` yields web and web.chat.rasa."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages_used(name: str, tree: ast.Module) -> set[str]:
    return {used.split(".")[0] for used in imports(tree) if used.split(".")[0] in OURS}


def is_below(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("search", {"search"}),
        ("safety", {"safety"}),
        ("bot", {"bot"}),
        ("launch", {"launch"}),
        ("web", {"web", "search", "safety"}),
    ],
)
def test_a_package_imports_only_what_it_may(package: str, allowed: set[str]) -> None:
    for name, tree in modules(package):
        extra = packages_used(name, tree) - allowed
        if name == "safety.__main__" or package == "safety":
            extra.discard("search")  # its command line may hand in the encoder
        assert not extra, f"{name} imports {extra}"


def test_nothing_below_the_views_imports_a_view() -> None:
    for name, tree in modules("web"):
        if is_below(name, "web.views") or name == "web":
            continue
        views = [used for used in imports(tree) if is_below(used, "web.views")]
        assert not views, f"{name} imports {views}"


def test_the_foundation_imports_nothing_of_the_services() -> None:
    for name, tree in modules("web"):
        if name not in FOUNDATION:
            continue
        services = {
            used
            for used in imports(tree)
            if is_below(used, "web") and used != "web" and not is_below(used, *FOUNDATION)
        }
        assert not services, f"{name} imports {services}"


def test_only_conversations_writes_messages() -> None:
    assert makers_of("Message") == {"web.chat.conversations"}


def test_only_turns_makes_rasa_requests() -> None:
    callers = {
        name
        for name, tree in modules("web")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "ask" and "rasa" in ast.unparse(node)
    }
    assert callers == {"web.chat.turns"}


def test_only_publishing_changes_the_index() -> None:
    for name, tree in modules("web"):
        if name == "web.articles.publishing":
            continue
        changers = {"search.index.build", "search.index.save"} & set(imports(tree))
        assert not changers, f"{name} imports {changers}"


def test_torch_is_imported_by_export_and_tuning_alone() -> None:
    heavy = ("torch", "sentence_transformers", "onnxscript")
    importers = {
        name
        for package in ("search", "safety", "web")
        for name, tree in modules(package)
        if any(is_below(used, *heavy) for used in imports(tree))
    }
    assert importers == {"search.export", "safety.fitting.tuning", "safety.fitting.portable"}


def test_launch_uses_the_standard_library_alone() -> None:
    for name, tree in modules("launch"):
        for used in imports(tree):
            first = used.split(".")[0]
            assert first == "launch" or first in sys.stdlib_module_names, f"{name} imports {used}"


def test_the_start_of_the_web_process_loads_nothing_that_only_some_pages_need() -> None:
    later = ("alembic", "bs4", "mammoth", "onnxruntime", "psycopg")
    look = f"import sys, web; print([name for name in {later} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def makers_of(model: str) -> set[str]:
    return {
        name
        for name, tree in modules("web")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == model
    }
