"""Modules in one script: as they are written, each in its scope, after those it imports."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.conftest import ROOT
from web.modules import joined

MODULES = sorted(path.stem for path in (ROOT / "widget" / "panel").glob("*.js"))
COUNT = """const STEP = 2
export function add (n) { return n + STEP }
"""
SHOUT = """import { add } from './count.js'

const STEP = 40
export class Shout {
  say () { return `import { add } ${add(STEP)}` }
}
"""
SPEAK = """import { add } from './count.js'
import { Shout } from './shout.js'

async function main () {
  const { later } = await import('./later.mjs')
  console.log(add(1), new Shout().say(), await later())
}

main()
"""


LATER = """import { add } from './count.js'

export async function later () { return add(5) }
"""


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def run(script: Path) -> str:
    node = shutil.which("node")
    assert node, "the tests of the widget need node"
    return subprocess.run([node, script], capture_output=True, check=True, text=True).stdout


def test_one_script_does_what_its_modules_do(tmp_path: Path) -> None:
    write(tmp_path, count=COUNT, shout=SHOUT, speak=SPEAK, later=LATER)
    for name in ("speak", "later"):
        (tmp_path / f"{name}.mjs").write_text(joined(tmp_path, name), encoding="utf-8")
    assert run(tmp_path / "speak.mjs") == "3 import { add } 42 7\n"
    assert joined(tmp_path, "speak").count("function add") == 1


@pytest.mark.parametrize(
    "line", ["import add from './count.js'", "export default 1", "import { add } from '../a.js'"]
)
def test_a_module_written_otherwise_is_named(tmp_path: Path, line: str) -> None:
    write(tmp_path, count=COUNT, odd=f"{line}\n")
    with pytest.raises(ValueError, match=re.escape("odd.js")):
        joined(tmp_path, "odd")


@pytest.mark.parametrize("name", MODULES)
def test_the_panel_waits_for_no_module_of_a_module(client: FlaskClient, name: str) -> None:
    script = client.get(f"/widget/panel/{name}.js").text
    left = [line for line in script.splitlines() if re.match(r"(import|export)\b", line)]
    assert left == [script.splitlines()[-1]]
    assert left[0].endswith(f"}} = from_{name}")
