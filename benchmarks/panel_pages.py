"""The pages `./clinic bench panel` visits: one plain page for each chat, and what it needs.

Rule: the same server, gzip and caching for all that is not served by the product itself; each chat
by the tag that its own documents give. The peers come from npm into var/peers, at these versions.
"""

from __future__ import annotations

import gzip
import http.server
import json
import subprocess
import tarfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.product import ROOT, free_port
from launch.places import BOT_PYTHON, VAR
from launch.progress import StepFailed

HOST = "127.0.0.1"
PLACE = VAR / "peers" / "npm"
FETCH_WITHIN_S = 300.0
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Some clinic</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
</head><body><main><h1>Some clinic</h1><p>A page that knows nothing of the chat.</p></main>
{tag}
</body></html>
"""


@dataclass(frozen=True)
class Chat:
    """launcher, text_box: where they are on the page; a chat without launcher is open at once.

    url: a page of its own, not one of ours with the tag. beside: which of ours is of its kind.
    """

    name: str
    text_box: str
    tag: str = ""
    url: str = ""
    launcher: str | None = None
    is_framed: bool = False
    beside: str = ""
    package: str = ""
    script: str = ""


def our_chats(url: str) -> list[Chat]:
    """Return the chat of the tag, and the chat's own page that any link can lead to."""
    tag = f'<script src="{url}/widget/loader.js" data-site="demo" data-lang="en" async></script>'
    return [
        Chat("front-desk", "#kb-text", tag, launcher="front-desk .launcher", is_framed=True),
        Chat("front-desk page", "#kb-text", url=f"{url}/chat?site=demo&lang=en"),
    ]


PEERS = (
    Chat(
        name="rasa-webchat",
        beside="front-desk",
        package="rasa-webchat@1.0.1",
        script="lib/index.js",
        tag="""<script>!(function () {
  const script = document.createElement('script')
  script.src = '/rasa-webchat.js'
  script.async = true
  script.onload = () => window.WebChat.default(
    { customData: { language: 'en' }, socketUrl: '{socket}' }, null)
  document.head.insertBefore(script, document.head.firstChild)
})()</script>""",
        launcher=".rw-launcher",
        text_box=".rw-new-message",
    ),
    Chat(
        name="deep-chat",
        beside="front-desk page",
        package="deep-chat@2.4.2",
        script="dist/deepChat.bundle.js",
        tag="""<script type="module" src="/deep-chat.js"></script>
<deep-chat connect='{"url": "/answers"}'></deep-chat>""",
        text_box="#text-input",
    ),
)


def unpack(peer: Chat) -> Path:
    """Return the peer's script; fetch its package where it is missing. Raises StepFailed."""
    folder = PLACE / peer.package
    script = folder / "package" / peer.script
    if script.exists():
        return script
    folder.mkdir(parents=True, exist_ok=True)
    try:
        packed = subprocess.run(
            ["npm", "pack", "--json", "--ignore-scripts", peer.package],
            cwd=folder,
            capture_output=True,
            check=True,
            text=True,
            timeout=FETCH_WITHIN_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StepFailed(
            f"{peer.package} could not be fetched with npm: {error}",
            "Is npm installed, and the network there? Without it the others are measured.",
        ) from error
    with tarfile.open(folder / json.loads(packed.stdout)[0]["filename"]) as archive:
        archive.extractall(folder, filter="data")
    return script


class Pages:
    """A server with a page for each chat, and the peers' scripts."""

    def __init__(self, chats: list[Chat], socket_url: str) -> None:
        self.chats = chats
        files = {f"/{chat.name}.js": unpack(chat).read_bytes() for chat in chats if chat.package}
        for chat in chats:
            tag = chat.tag.replace("{socket}", socket_url)
            files[f"/{chat.name}.html"] = PAGE.replace("{tag}", tag).encode()
        squeezed = {path: gzip.compress(text, mtime=0) for path, text in files.items()}
        self._server = http.server.ThreadingHTTPServer((HOST, 0), partial(Squeezed, squeezed))

    def url(self, chat: Chat) -> str:
        return chat.url or f"http://{HOST}:{self._server.server_port}/{chat.name}.html"

    def __enter__(self) -> Pages:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Squeezed(http.server.BaseHTTPRequestHandler):
    """Files as the product serves its own: gzip, kept by the browser, asked for again."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, files: dict[str, bytes], *rest: Any) -> None:
        self.files = files
        super().__init__(*rest)

    def do_GET(self) -> None:
        body = self.files.get(self.path)
        self.send_response(404 if body is None else 200)
        if body is not None:
            kind = "text/html" if self.path.endswith(".html") else "text/javascript"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Cache-Control", "public, no-cache")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        return


class RasaSocket:
    """What rasa-webchat shows its launcher for: a socket.io server that answers as Rasa's does."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"

    def __enter__(self) -> RasaSocket:
        command = [str(BOT_PYTHON), "-m", "benchmarks.rasa_socket", str(self.port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise RuntimeError("the socket.io server did not start")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._process.stdout
        self._process.kill()  # open sockets would keep it for a minute
        self._process.wait(timeout=30)
        self._process.stdout.close()
