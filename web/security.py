"""What every response carries, and who may write how often.

Rule: no page runs script or style that is not a file of ours; a page may be framed only where
`clinic.toml` says so. Network addresses are kept as keyed hashes, never as they are. Limits are
answered with how long to wait.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, Response, after_this_request, current_app, request
from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, exists, select
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

from web.config import Settings
from web.db import Database, wake
from web.limits import Counts, Limit, OwnCounts, SharedCounts
from web.models import Block, Conversation

KEY_BYTES = 32
MAX_BODY_BYTES = 10_000_000  # of a form with a file; what the proxy lets through (deploy/)
MINUTE_S, HOUR_S = 60.0, 3600.0
FRAMED_PATHS = ("/chat",)  # the panel's iframe on a clinic's page
SHARED_PATHS = ("/widget/", "/chat")  # loaded from other origins
FRAMING_PATHS = ("/demo",)  # our own page that holds the iframe
STAFF_PATHS = ("/console", "/account", "/editor", "/replies", "/insights")
PRIVATE_PATHS = (*STAFF_PATHS, "/api/")

PERMISSIONS = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "payment",
    "usb",
)


def secret_key(var: Path) -> bytes:
    """Return the instance's key from `var/secret_key`, made on first use, readable by its owner."""
    path = var / "secret_key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        var.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: two processes that start together end with one key.
    draft = var / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()


def keyed_hash(key: bytes, purpose: str, value: str) -> str:
    """Return 64 hex digits that only this instance can make, others for each purpose."""
    return hmac.new(key, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()


def address_hash(key: bytes, address: str | None) -> str:
    return keyed_hash(key, "address", _network(address or ""))


def _network(address: str) -> str:
    """Give all addresses of one household one name: an IPv6 customer holds a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


class Limits:
    """The limits of this application, by kind, and who counts for them."""

    def __init__(self, items: dict[str, Limit], counts: Counts, key: bytes) -> None:
        self._items = items
        self._counts = counts
        self._key = key

    def allow(self, kind: str, of: str, *, asks_nobody: bool = False) -> float | None:
        """Count one act. Returns None when it may happen, else the seconds to wait."""
        counts = self._counts.alone if asks_nobody else self._counts
        return _at_least_a_second(counts.take(self._named(kind, of), self._items[kind]))

    def wait(self, kind: str, of: str) -> float | None:
        """Tell as `allow` does, and count nothing."""
        return _at_least_a_second(self._counts.look(self._named(kind, of), self._items[kind]))

    def forget(self, kind: str, of: str) -> None:
        self._counts.forget(self._named(kind, of))

    def _named(self, kind: str, of: str) -> str:
        return keyed_hash(self._key, f"limit {kind}", of)


def _at_least_a_second(wait_s: float | None) -> float | None:
    return None if wait_s is None else max(1.0, wait_s)


def limit_items(settings: Settings) -> dict[str, Limit]:
    limits = settings.limits
    return {
        "message": Limit(limits.messages_per_minute, MINUTE_S),
        "conversation": Limit(limits.conversations_per_hour, HOUR_S),
        "request": Limit(limits.requests_per_minute, MINUTE_S),
        "transcript": Limit(settings.mail.per_hour, HOUR_S),
        # "Was this helpful?", per network address: a waiting room may share one.
        "help_vote": Limit(60, HOUR_S),
        # Sign-in: one person who mistypes, one account attacked from many places, one place that
        # attacks many accounts. The first is the narrowest, so that a stranger far away cannot
        # easily lock Ana out.
        "sign_in": Limit(10, 15 * MINUTE_S),
        "sign_in_account": Limit(50, 15 * MINUTE_S),
        "sign_in_address": Limit(30, 15 * MINUTE_S),
        # Six digits are guessed in a million tries: ten in a quarter of an hour take years.
        "second_factor": Limit(10, 15 * MINUTE_S),
    }


def allow(kind: str, of: str, *, asks_nobody: bool = False) -> float | None:
    """Count one act of `kind` ("message", "conversation", "request") of an address or a person.

    asks_nobody: counted here alone, for who may be in danger and must not wait for a database.
    Returns None when it may happen, else the seconds until it may.
    """
    return limits().allow(kind, of, asks_nobody=asks_nobody)


def limits() -> Limits:
    """Return those of the current application."""
    return cast(Limits, current_app.extensions["front_desk_limits"])


def wait_text(wait_s: float) -> str:
    minutes = math.ceil(wait_s / 60)
    unit = "minute" if minutes == 1 else "minutes"
    return f"Too many attempts. Wait {minutes} {unit}, then try again."


def too_many(wait_s: float) -> None:
    """Let this request's answer say 429, and when to come back."""

    @after_this_request
    def mark(response: Response) -> Response:
        response.status_code = 429
        response.headers["Retry-After"] = str(math.ceil(wait_s))
        return response


def is_blocked(session: Session, keys: Sequence[str], at: datetime) -> bool:
    """keys: a conversation's id and its `address_hash`; either is enough."""
    return bool(session.scalar(select(blocked(keys, at))))


def blocked(
    keys: Sequence[str | SQLColumnExpression[str]], at: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    """Return the same as a condition, for a query that reads more than this."""
    return exists().where(Block.key.in_(keys), Block.until_at > at)


def block(
    session: Session,
    conversation: Conversation,
    *,
    address: bool,
    hours: int,
    staff_id: int,
    at: datetime,
) -> Block:
    """Stop a conversation, or all from its address, from writing for some hours.

    A block that stands already is made longer, never shorter. The danger screen goes on.
    """
    key = conversation.address_hash if address else conversation.id
    until = at + timedelta(hours=hours)
    entry = session.get(Block, key)
    if entry is None:
        entry = Block(key=key, until_at=until, staff_id=staff_id, created_at=at)
        session.add(entry)
    elif entry.until_at < until:
        entry.until_at, entry.staff_id = until, staff_id
    wake(session, conversation.id, "console")
    return entry


def content_policy(
    ancestors: Sequence[str] = (), *, frames: bool = False, form_target: str | None = None
) -> str:
    """ancestors: who may frame the page; nobody when empty. frames: the page itself holds one.

    form_target: another origin that the page's forms lead to.
    """
    framed_by = " ".join(ancestors) or "'none'"
    parts = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        f"frame-ancestors {framed_by}",
        "base-uri 'none'",
        f"form-action 'self' {form_target or ''}".rstrip(),
    ]
    if frames:
        parts.append("frame-src 'self'")
    return "; ".join(parts)


def frame_ancestors(settings: Settings, site: str | None) -> list[str]:
    """Return the origins that may frame the panel of `site`; of the only one when none is named."""
    if site is None and len(settings.sites) == 1:
        site = next(iter(settings.sites))
    known = settings.sites.get(site or "")
    origins = known.origins if known is not None else ()
    return ["'self'" if origin == "self" else str(origin) for origin in origins]


def form_target(settings: Settings) -> str | None:
    """Return the origin of the clinic's own accounts, where the sign-in form leads to."""
    parts = urlsplit(settings.oidc.issuer)
    return f"{parts.scheme}://{parts.netloc}" if settings.oidc.issuer else None


def is_for_staff() -> bool:
    """Tell whether this request's path is one of the staff, be there a page or not."""
    return _starts(STAFF_PATHS)


def _starts(prefixes: Sequence[str]) -> bool:
    """A prefix that ends with a slash holds a folder; another one page and what is below it."""
    path = request.path
    return any(
        path.startswith(prefix) if prefix.endswith("/") else f"{path}/".startswith(f"{prefix}/")
        for prefix in prefixes
    )


def add_headers(settings: Settings, response: Response) -> Response:
    framed = _starts(FRAMED_PATHS)
    ancestors = frame_ancestors(settings, request.args.get("site")) if framed else []
    headers = response.headers
    target = form_target(settings) if _starts(("/account/",)) else None
    headers["Content-Security-Policy"] = content_policy(
        ancestors, frames=_starts(FRAMING_PATHS), form_target=target
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = ", ".join(f"{name}=()" for name in PERMISSIONS)
    shared = _starts(SHARED_PATHS)
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if shared else "same-origin"
    if not framed:
        headers["X-Frame-Options"] = "DENY"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if _starts(PRIVATE_PATHS):
        headers["Cache-Control"] = "no-store"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response


def init_app(app: Flask, settings: Settings, database: Database, key: bytes) -> None:
    """Headers on every response, the limits' counters, and the proxy's word where configured."""
    counts: Counts = OwnCounts() if database.is_sqlite else SharedCounts(database)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions["front_desk_limits"] = Limits(limit_items(settings), counts, key)
    if settings.limits.trusted_proxies:
        hops = settings.limits.trusted_proxies
        inner = app.wsgi_app
        app.wsgi_app = ProxyFix(inner, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    @app.after_request
    def headers(response: Response) -> Response:
        return add_headers(settings, response)
