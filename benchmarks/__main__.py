"""`./clinic bench [name …]`: runs the benchmarks named, or all of them."""

from __future__ import annotations

import sys

from benchmarks import questions, search, turn

BENCHMARKS = {"questions": questions.run, "search": search.run, "turn": turn.run}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    codes = []
    for name in names or BENCHMARKS:
        print(f"== {name} ==", flush=True)
        codes.append(BENCHMARKS[name]())
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
