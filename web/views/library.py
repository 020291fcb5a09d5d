"""What belongs to all articles together: their pictures, links between them, in and out.

Rule: an import is looked at before it makes a draft, and publishes nothing. A picture is taken
away only while no article and no draft shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import (
    Blueprint,
    Response,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from search.links import PICTURES
from web import auth
from web.articles import article_files, drafts, exchange, importing, pictures, revisions
from web.articles.article_files import ArticleNotWritten
from web.articles.drafts import Draft
from web.articles.exchange import Taken
from web.articles.importing import Upload, UploadGone, UploadRefused
from web.articles.pictures import Kept, PictureNotFound, PictureRefused
from web.models import RoleName
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services
from web.views import _adding

blueprint = Blueprint("library", __name__, url_prefix="/editor")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

TOO_LARGE = "The file is too large. Pictures may have 8 MB, imports 9 MB."


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    if request.path == url_for(".add_picture"):
        return jsonify(error={"code": "too_large", "message": TOO_LARGE}), 413
    return _import_page(notice=TOO_LARGE, status=413)


# Pictures ----------------------------------------------------------------------------------------


@blueprint.get("/pictures")
def pictures_page() -> ResponseReturnValue:
    found = _kept_pictures()
    unused = [each for each in found if not each.articles]
    used = [each for each in found if each.articles]
    return render_template("editor/pictures.html", unused=unused, used=used, address=_address)


@blueprint.post("/pictures")
def add_picture() -> ResponseReturnValue:
    """Take in one picture, for the script of an article's page."""
    try:
        markdown = _adding.picture_markdown(_of(request.form), request.form.get("words", ""))
    except PictureRefused as error:
        return jsonify(error={"code": "refused", "message": str(error)}), 422
    return jsonify(markdown=markdown)


@blueprint.post("/pictures/remove")
def remove_picture() -> ResponseReturnValue:
    name = request.form.get("name", "")
    if name not in {each.name for each in _kept_pictures() if not each.articles}:
        flash("An article shows this picture now. It was not taken away.", "error")
        return redirect(url_for(".pictures_page"))
    try:
        pictures.remove(services().settings.articles_dir, name)
    except (ArticleNotWritten, PictureNotFound):
        flash("The picture could not be taken away.", "error")
    else:
        with services().database.transaction() as session:
            subject = f"picture:{name}"
            audit.record(session, Act.PICTURE_REMOVED, subject, staff_id=current_user.id)
        flash("The picture is taken away.", "success")
    return redirect(url_for(".pictures_page"))


def _kept_pictures() -> list[Kept]:
    folder = services().settings.articles_dir
    texts = {each.id: [each.text] for each in article_files.entries(folder)}
    with services().database.reading() as session:
        for row in revisions.all_open(session):
            texts.setdefault(row.article_id, []).append(row.content)
    return pictures.kept(folder, texts)


def _address(kept: Kept) -> str:
    return f"{PICTURES}{kept.name}"


# Links -------------------------------------------------------------------------------------------


@blueprint.get("/links")
def links() -> ResponseReturnValue:
    """Find articles to link to, for the script of an article's page."""
    found = _adding.targets(request.args.get("q", "")[:200], _of(request.args), request.args)
    return jsonify(articles=[vars(each) for each in found])


def _of(values: Mapping[str, str]) -> str:
    """Return the id of the article that is being written; of a new one, what it will be."""
    fields = {key: values.get(key, "") for key in ("lang", "topic", "title")}
    return values.get("article") or drafts.name_for(Draft(fields))


# In and out --------------------------------------------------------------------------------------


@blueprint.get("/import")
def import_page() -> ResponseReturnValue:
    return _import_page()


@blueprint.post("/import")
def look() -> ResponseReturnValue:
    """Show what a file would become; no draft is made yet."""
    sent = [each for each in request.files.getlist("file") if each.filename]
    topic = drafts.slug(request.form.get("topic", ""))
    if not sent:
        return _import_page(notice="Choose a file.", topic=topic, status=422)
    try:
        upload = importing.of_files([(each.filename or "", each.read()) for each in sent])
    except UploadRefused as error:
        return _import_page(notice=str(error), topic=topic, status=422)
    importing.keep(services().settings.var_dir, current_user.id, upload)
    found = exchange.look(services(), upload.name, upload.content, topic=topic)
    return _import_page(upload=upload, found=found, topic=topic)


@blueprint.post("/import/take")
def take() -> ResponseReturnValue:
    """Make the drafts of the file that was looked at."""
    topic = drafts.slug(request.form.get("topic", ""))
    try:
        upload = importing.find(
            services().settings.var_dir, current_user.id, request.form.get("digest", "")
        )
    except UploadGone:
        return _import_page(notice="The file is not here any more. Choose it again.", status=409)
    who = current_user.id
    found = exchange.take_in(services(), upload.name, upload.content, topic=topic, staff_id=who)
    importing.drop(services().settings.var_dir, who)
    return _import_page(found=found, is_done=True)


def _import_page(
    *,
    notice: str = "",
    upload: Upload | None = None,
    found: Sequence[Taken] = (),
    topic: str = "",
    is_done: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    page = render_template(
        "editor/import.html",
        notice=notice,
        upload=upload,
        taken=[each for each in found if each.article_id],
        refused=[each for each in found if not each.article_id],
        topic=topic,
        is_done=is_done,
        is_looked_at=bool(found) or upload is not None,
    )
    return page, status


@blueprint.get("/export")
def export() -> ResponseReturnValue:
    """All articles with their pictures, as a zip to take away."""
    settings = services().settings
    content = exchange.give_out(settings)
    with services().database.transaction() as session:
        who = current_user.id
        audit.record(session, Act.ARTICLES_EXPORTED, "articles:all", staff_id=who)
    name = f"articles_{services().today()}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type="application/zip", headers=headers)
