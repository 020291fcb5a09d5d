"""The token that opens one conversation, and no other.

Rule: only its hash is kept. Who has not the token is told that there is no such conversation.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from web.db import UtcDateTime
from web.models import Conversation
from web.security import blocked


class ConversationNotFound(LookupError):
    """There is none with this id and token."""


def find(session: Session, conversation_id: str, token: str, now: datetime) -> Own:
    """Return the conversation that this token opens. Raises ConversationNotFound."""
    found = session.execute(_OWN, {"id": conversation_id, "now": now}).first()
    if found is None or not hmac.compare_digest(found.token_hash, token_hash(token)):
        raise ConversationNotFound(conversation_id)
    return Own(found.lang, found.address_hash, found.is_blocked, found.privacy_version)


@dataclass(frozen=True)
class Own:
    """What the guard needs to know of a conversation."""

    lang: str
    address_hash: str
    is_blocked: bool
    agreed_to: str | None
    """The version of the privacy note."""


_OWN = select(
    Conversation.lang,
    Conversation.address_hash,
    Conversation.token_hash,
    Conversation.privacy_version,
    blocked(
        (Conversation.id, Conversation.address_hash), bindparam("now", type_=UtcDateTime())
    ).label("is_blocked"),
).where(Conversation.id == bindparam("id"))


def token_hash(token: str) -> str:
    # The token has 256 random bits: a plain hash cannot be turned back, and can be looked up.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
