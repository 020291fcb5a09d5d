"""Joins ES modules into one script: a slow line pays for each file, a slow phone for each module.

Rule: the modules stay as they are written. Each keeps a scope of its own and stands after those it
imports; what is imported only when it is wanted comes then, joined in the same way. So a module may
run twice in one page: it holds no state.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

IMPORT = re.compile(r"^import \{ ([\w, ]+) \} from '\./(\w+)\.js'$", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function) (\w+))", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined(folder: Path, name: str) -> str:
    """Return the module with all it imports; it exports what the module exports.

    Raises ValueError where one of them is written otherwise.
    """
    scopes: dict[str, str] = {}
    exported = _add(scopes, folder, name)
    return "".join(scopes.values()) + f"export const {{ {exported} }} = from_{name}\n"


def _add(scopes: dict[str, str], folder: Path, name: str) -> str:
    module = (folder / f"{name}.js").read_text(encoding="utf-8")
    for _, other in IMPORT.findall(module):
        if other not in scopes:
            _add(scopes, folder, other)
    exported = ", ".join(EXPORT.findall(module))
    scopes[name] = _scope(name, module, exported)
    return exported


@lru_cache(maxsize=64)
def _scope(name: str, module: str, exported: str) -> str:
    body = EXPORT.sub("", IMPORT.sub(r"const { \1 } = from_\2", module))
    if left := OTHER.search(body):
        raise ValueError(f"{name}.js: {left[0]!r} is not understood")
    return f"const from_{name} = (() => {{\n{body}\nreturn {{ {exported} }}\n}})()\n"
