"""The patient's yes to the privacy note.

Rule: where the clinic asks for it, nothing typed is kept before it, but for words that sound like
danger; where it only gives notice, writing is agreeing. The version of the note and the time are
kept with the conversation, and a new version asks again.
"""

from __future__ import annotations

from web.chat import conversations
from web.config import Settings
from web.services import Services


class ConsentNeeded(Exception):
    """The patient has not said yes to the note as it is now."""


class NoteChanged(Exception):
    """The yes is for a version that is not the one in force."""


def at_start(settings: Settings, version: str | None) -> str | None:
    """Return the version to keep with a new conversation."""
    now = settings.privacy.version
    return now if version == now or settings.privacy.consent == "notice" else None


def demand(services: Services, conversation_id: str, agreed_to: str | None) -> None:
    """Raises ConsentNeeded."""
    privacy = services.settings.privacy
    if agreed_to == privacy.version:
        return
    if privacy.consent == "ask":
        raise ConsentNeeded(conversation_id)
    agree(services, conversation_id, privacy.version)


def agree(services: Services, conversation_id: str, version: str) -> None:
    """Raises NoteChanged."""
    if version != services.settings.privacy.version:
        raise NoteChanged(version)
    with services.database.transaction() as session:
        conversation = conversations.locked(session, conversation_id)
        conversation.privacy_version = version
        conversation.privacy_agreed_at = services.clock()
