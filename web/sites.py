"""The websites that may show the chat: `[sites]` of clinic.toml."""

from __future__ import annotations

from web.errors import ApiError
from web.services import services


def known_site(name: str | None) -> str:
    """Return the site's name; where there is only one, its tag need not name it.

    Raises ApiError 404.
    """
    sites = services().settings.sites
    if name in sites:
        return str(name)
    if len(sites) == 1:
        return next(iter(sites))
    raise ApiError(404, "not_found")
