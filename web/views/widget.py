"""What a clinic's page loads: the script tag's files, the panel's frame, a page to try it on.

Rule: open to all. Files of `widget/` are served as they are written, but for the looks of the sites
in the loader, and a module together with those it imports; the panel's page carries its facts in
data-* attributes and no script of its own.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_file, send_from_directory
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from web import sites
from web.desk import desks
from web.errors import request_lang
from web.modules import joined
from web.pages import render_page
from web.sections import ROOT, Site
from web.services import services

blueprint = Blueprint("widget", __name__)

FOLDER = ROOT / "widget"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
TEXTS = ("text/javascript", "text/css", "application/json")
LOADER_MAX_AGE_S = 300


@blueprint.get("/widget/loader.js")
def loader() -> ResponseReturnValue:
    script = (FOLDER / "loader.js").read_text(encoding="utf-8")
    return _script(sites.loader(script, services().settings), max_age=LOADER_MAX_AGE_S)


@blueprint.get("/widget/panel/<name>.js")
def module(name: str) -> ResponseReturnValue:
    try:
        return _script(joined(FOLDER / "panel", name), max_age=None)
    except FileNotFoundError:
        abort(404)


def _script(text: str, *, max_age: int | None) -> Response:
    """max_age: in seconds; without it the browser asks each time, and mostly hears "unchanged"."""
    response = Response(text, mimetype="text/javascript")
    response.add_etag()
    response.cache_control.max_age = max_age
    response.cache_control.no_cache = max_age is None or None
    response.cache_control.public = True
    response.make_conditional(request)
    return _squeezed(response)


@blueprint.get("/widget/sites/<name>.css")
def site_colours(name: str) -> ResponseReturnValue:
    response = Response(sites.stylesheet(_site(name)), mimetype="text/css")
    response.cache_control.no_cache = True
    return response


@blueprint.get("/widget/sites/<name>/logo")
def site_logo(name: str) -> ResponseReturnValue:
    logo = _site(name).logo
    if logo is None:
        abort(404)
    return send_file(ROOT / logo, mimetype=TYPES[logo.suffix], conditional=True)


def _site(name: str) -> Site:
    return services().settings.sites.get(name) or abort(404)


@blueprint.get("/widget/<path:name>")
def file(name: str) -> ResponseReturnValue:
    kind = TYPES.get(Path(name).suffix)
    if kind is None:
        abort(404)
    response = send_from_directory(FOLDER, name, mimetype=kind, conditional=True)
    # A changed file is taken at the next look: the browser asks, and mostly hears "unchanged".
    response.cache_control.no_cache = True
    response.cache_control.public = True
    return _squeezed(response) if kind in TEXTS else response


def _squeezed(response: Response) -> Response:
    """Send text as gzip to who takes it: the panel must come over a slow line.

    Only what holds no secret: the length of what is squeezed tells of what is in it.
    """
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False
    response.set_data(_gzip(response.get_data()))
    response.content_encoding = "gzip"
    tag, _ = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)
    return response


@lru_cache(maxsize=64)
def _gzip(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


@blueprint.get("/chat")
def chat() -> ResponseReturnValue:
    name = sites.known_site(request.args.get("site"))
    site = services().settings.sites[name]
    return _fresh(
        render_page(
            "chat/panel.html",
            request_lang(),
            site=name,
            look=site,
            panel=Markup((FOLDER / "panel.html").read_text(encoding="utf-8")),
            opening=desks.opening(services().settings, site.suggestions),
        )
    )


@blueprint.get("/demo")
def demo() -> ResponseReturnValue:
    """A clinic's page with the script tag; only the demo clinic has one."""
    path = FOLDER / "demo.html"
    if not services().settings.demo or not path.is_file():
        abort(404)
    return _fresh(path.read_text(encoding="utf-8"))


def _fresh(page: str) -> Response:
    response = Response(page, mimetype="text/html")
    response.cache_control.no_cache = True
    return _squeezed(response)
