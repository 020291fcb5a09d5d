"""One blueprint = one audience = one guard."""

from web.views import (
    account,
    answering,
    board,
    canned_replies,
    care,
    chat,
    console,
    editor,
    effects,
    endings,
    gaps,
    health,
    help,
    insights,
    library,
    originals,
    plain,
    practice,
    privacy,
    reviewing,
    team,
    widget,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        *(care, endings, practice, team),
        *(chat, plain, help, privacy, widget, health),
        *(console, answering, canned_replies, board, originals),
        *(editor, effects, gaps, library, reviewing, insights, account),
    )
)
