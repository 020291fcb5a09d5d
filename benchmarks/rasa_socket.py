"""Rasa's socket.io channel as far as its greeting, for rasa-webchat in `./clinic bench panel`.

PYTHON -m benchmarks.rasa_socket PORT, in the assistant's environment: it has Rasa's own socket.io.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main(port: int) -> None:
    web = importlib.import_module("aiohttp.web")
    socketio = importlib.import_module("socketio")
    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")

    async def greet(sid: str, data: dict[str, Any] | None) -> None:
        session = (data or {}).get("session_id") or sid
        await server.emit("session_confirm", session, room=sid)

    server.on("session_request", greet)

    async def say_ready(_app: object) -> None:
        print("ready", flush=True)

    app = web.Application()
    server.attach(app)
    app.on_startup.append(say_ready)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
