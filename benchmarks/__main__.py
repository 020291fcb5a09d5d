"""`./clinic bench [name …]`: runs the benchmarks named, or those that need nothing installed."""

from __future__ import annotations

import sys

from benchmarks import (
    aloud,
    capacity,
    checks,
    cuts,
    effects,
    faults,
    groups,
    inbox,
    intents,
    large,
    load,
    panel,
    peers,
    questions,
    restart,
    search,
    soak,
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
    "checks": checks.run,
}
# These take long, or other libraries.
ON_REQUEST = {
    "peers": peers.run,
    "large": large.run,
    "intents": intents.run,
    "cuts": cuts.run,
    "aloud": aloud.run,
    "panel": panel.run,
}

# Their sizes are chosen: see each one's first lines.
WITH_OPTIONS = {
    "faults": faults.run,
    "load": load.run,
    "soak": soak.run,
    "capacity": capacity.run,
}


def main(names: list[str]) -> int:
    if names and names[0] in WITH_OPTIONS:
        return WITH_OPTIONS[names[0]](names[1:])
    every = BENCHMARKS | ON_REQUEST
    unknown = [name for name in names if name not in every]
    if unknown:
        print(
            f"no benchmark {unknown[0]!r}; there are: {', '.join([*every, *WITH_OPTIONS])}",
            file=sys.stderr,
        )
        return 2
    codes = []
    for name in names or BENCHMARKS:
        print(f"== {name} ==", flush=True)
        codes.append(every[name]())
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
