"""The tables. The message log is the truth: every screen shows its rows in the order of `n`.

Rule: only `conversations.py` writes messages, only `leases.py` and `turns.py` move turns,
only `handoffs.py` and its parts move handoffs. States are enums, checked by the database. What
people wrote stands in `sealed` columns and nowhere else (see sealing.py); its parts are declared
with `part`.
"""

from __future__ import annotations

from web.models.article import (
    OPEN_REVISION_STATES,
    ArticleVote,
    Autosave,
    Gap,
    GapQuestion,
    GapState,
    Origin,
    ReviewComment,
    Revision,
    RevisionState,
)
from web.models.conversation import (
    AnsweredBy,
    Author,
    Block,
    Conversation,
    Kind,
    Message,
    RateCount,
    Shown,
    Turn,
    TurnState,
    message_place,
)
from web.models.handoff import (
    OPEN_HANDOFF_STATES,
    Handoff,
    HandoffState,
    HardChat,
    NoteMention,
    StaffNote,
    Transfer,
    TransferState,
    UnhelpfulSuggestion,
    WrapUp,
)
from web.models.privacy import (
    AuditEntry,
    SealingKey,
    SharedSecret,
)
from web.models.staff import (
    CannedReply,
    CheckIn,
    PracticeRun,
    Role,
    RoleName,
    Staff,
    StaffSession,
    staff_desk,
    staff_roles,
)

__all__ = [
    "OPEN_HANDOFF_STATES",
    "OPEN_REVISION_STATES",
    "AnsweredBy",
    "ArticleVote",
    "AuditEntry",
    "Author",
    "Autosave",
    "Block",
    "CannedReply",
    "CheckIn",
    "Conversation",
    "Gap",
    "GapQuestion",
    "GapState",
    "Handoff",
    "HandoffState",
    "HardChat",
    "Kind",
    "Message",
    "NoteMention",
    "Origin",
    "PracticeRun",
    "RateCount",
    "ReviewComment",
    "Revision",
    "RevisionState",
    "Role",
    "RoleName",
    "SealingKey",
    "SharedSecret",
    "Shown",
    "Staff",
    "StaffNote",
    "StaffSession",
    "Transfer",
    "TransferState",
    "Turn",
    "TurnState",
    "UnhelpfulSuggestion",
    "WrapUp",
    "message_place",
    "staff_desk",
    "staff_roles",
]
