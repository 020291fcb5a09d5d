"""The websites that may show the chat: `[sites]` of clinic.toml, and how the chat looks there."""

from __future__ import annotations

import json

from web import colours
from web.config import Settings
from web.errors import ApiError
from web.sections import Site
from web.services import services

CORNER = (
    ".launcher{inset-inline:20px auto}"
    "@media (min-width:521px) and (min-height:461px){dialog{inset-inline:20px auto}}"
)
PLACE_FOR_SITES = "const SITES = {}"


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


def stylesheet(site: Site) -> str:
    """Return the site's colours for the panel; empty where it has none of its own."""
    return _rules({theme: colours.palette(colour, theme) for theme, colour in _own(site)}, ":root")


def loader(script: str, settings: Settings) -> str:
    """Return the loader with the look of each site filled in."""
    looks = {name: look for name, site in settings.sites.items() if (look := _look(site))}
    if len(settings.sites) == 1 and looks:
        looks[""] = next(iter(looks.values()))
    if PLACE_FOR_SITES not in script:
        raise ValueError(f"loader.js has no {PLACE_FOR_SITES!r}")
    return script.replace(PLACE_FOR_SITES, f"const SITES = {json.dumps(looks)}")


def _look(site: Site) -> dict[str, object]:
    """Return what differs from the loader's own: `css` for its shadow tree, `ask` by language."""
    css = _launcher_css(site)
    return {**({"css": css} if css else {}), **({"ask": site.launcher} if site.launcher else {})}


def _launcher_css(site: Site) -> str:
    css = _rules({theme: {"--accent": colour} for theme, colour in _own(site)}, ":host")
    if site.corner == "start":
        css += CORNER
    return css


def _own(site: Site) -> list[tuple[str, str]]:
    themes = (("light", site.color), ("dark", site.color_dark))
    return [(theme, colour) for theme, colour in themes if colour is not None]


def _rules(themes: dict[str, dict[str, str]], selector: str) -> str:
    return "".join(
        f"@media (prefers-color-scheme:{theme}){{{selector}{{"
        + ";".join(f"{name}:{value}" for name, value in values.items())
        + "}}"
        for theme, values in themes.items()
    )
