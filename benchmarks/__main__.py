"""`./clinic bench [name …]`: runs the benchmarks named, or those that need nothing installed."""

from __future__ import annotations

import sys

from benchmarks import (
    cuts,
    effects,
    groups,
    inbox,
    intents,
    large,
    peers,
    questions,
    restart,
    search,
    turn,
    waits,
)

BENCHMARKS = {
    "questions": questions.run,
    "search": search.run,
    "turn": turn.run,
    "restart": restart.run,
    "inbox": inbox.run,
    "waits": waits.run,
    "groups": groups.run,
    "effects": effects.run,
}
# These take long, or other libraries.
ON_REQUEST = {"peers": peers.run, "large": large.run, "intents": intents.run, "cuts": cuts.run}


def main(names: list[str]) -> int:
    every = BENCHMARKS | ON_REQUEST
    unknown = [name for name in names if name not in every]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(every)}", file=sys.stderr)
        return 2
    codes = []
    for name in names or BENCHMARKS:
        print(f"== {name} ==", flush=True)
        codes.append(every[name]())
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
