"""A line to the product that is cut, delayed and jumbled: a TCP proxy on a port of its own.

Rule: bytes that arrive are the product's own, in their order; which connection is heard
first, when, and how far, is chance.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

PIECE_BYTES = 4096
Result = TypeVar("Result")


class FaultyLine:
    """max_delay_s: each connection has a delay of its own up to this, so answers overtake."""

    def __init__(self, to_port: int, *, chance: random.Random, max_delay_s: float = 0.12) -> None:
        self.to_port = to_port
        self.cuts = 0
        self.is_down = False
        self._chance = chance
        self._max_delay_s = max_delay_s
        self._left: int | None = None  # bytes until the cut
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultyLine:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._carry, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and let none be made until `mend`."""
        self._run(self._cut())

    def cut_after(self, size: int) -> None:
        """Break all when so many more bytes went to the browser: in the middle of an event."""
        self._left = size

    def mend(self) -> None:
        self._left = None
        self.is_down = False

    def _run(self, act: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(timeout=10)

    async def _cut(self) -> None:
        if not self.is_down:
            self.cuts += 1
        self.is_down = True
        self._left = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        await self._cut()
        self._server.close()
        carried = asyncio.all_tasks() - {asyncio.current_task()}
        for each in carried:
            each.cancel()
        await asyncio.gather(*carried, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.transport.abort()
            return
        delay_s = self._chance.uniform(0, self._max_delay_s)
        with contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", self.to_port)
            both = {writer, forth}
            self._writers |= both
            try:
                await asyncio.gather(
                    self._pump(reader, forth, delay_s, is_answer=False),
                    self._pump(back, writer, delay_s, is_answer=True),
                )
            finally:
                self._writers -= both
                for each in both:
                    each.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        delay_s: float,
        *,
        is_answer: bool,
    ) -> None:
        while data := await reader.read(PIECE_BYTES):
            await asyncio.sleep(delay_s * self._chance.random())
            if is_answer and self._left is not None:
                data, self._left = data[: self._left], self._left - len(data)
            writer.write(data)
            await writer.drain()
            if is_answer and self._left is not None and self._left <= 0:
                await self._cut()
                return
        if writer.can_write_eof():
            writer.write_eof()
