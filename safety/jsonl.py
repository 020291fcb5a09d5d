"""Answer standard input line by line: one JSON line out for each line in, in order.

Rule: lines end with `\\n` only (a lone `\\r`, U+2028 and the like are text), undecodable bytes are
replaced, every answer is flushed at once, and a fault is one line of reason and exit code 1.
"""

import json
import sys
from collections.abc import Callable
from typing import BinaryIO, TextIO


def answer_lines(
    answer: Callable[[str], dict[str, object]],
    source: BinaryIO | None = None,
    out: BinaryIO | None = None,
    errors: TextIO | None = None,
) -> int:
    source = source or sys.stdin.buffer
    out = out or sys.stdout.buffer
    try:
        for raw in source:  # a binary stream splits at b"\n" and nowhere else
            line = raw.removesuffix(b"\n").decode("utf-8", errors="replace")
            out.write(json.dumps(answer(line), ensure_ascii=True).encode("ascii") + b"\n")
            out.flush()
    except BrokenPipeError:
        return 0
    except Exception as fault:
        # The type only: a message could carry what the patient wrote.
        print(f"could not go on: {type(fault).__name__}", file=errors or sys.stderr)
        return 1
    return 0
