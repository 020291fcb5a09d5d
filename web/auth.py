"""Who of the staff is there, and what they may see.

Rule: every staff blueprint has one `guard(*roles)`. Nobody signed in → the sign-in page; the wrong
role → 404, as if the page did not exist. Every POST of the staff carries a CSRF token.

Flask-Security does the work: argon2id, sign-in, sign-out and password pages with our templates
(accounts/sign_in.py), and the second step (accounts/second_factor.py). Its session never keeps a
read of the database open: `StaffDatastore` ends it after each look-up. Which cookies count stands
in accounts/sessions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_security import Security, SQLAlchemyUserDatastore, current_user
from flask_security.utils import logout_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import scoped_session, sessionmaker

from web import security
from web.accounts import second_factor, sessions, sign_in, single_sign_on
from web.accounts.staff import PASSWORD_MIN_LENGTH
from web.config import Settings
from web.db import Database, DatabaseBusy, utc_now
from web.models import Role, RoleName, Staff, StaffSession
from web.services import services

View = TypeVar("View", bound=Callable[..., Any])


class _Connection:
    """What Flask-Security's datastore wants of a database: an object with a session."""

    def __init__(self, database: Database) -> None:
        self.session = scoped_session(sessionmaker(bind=database.engine, expire_on_commit=False))


class StaffDatastore(SQLAlchemyUserDatastore):
    def find_user(self, case_insensitive: bool = False, **query: Any) -> Staff | None:
        """Look an account up and let go of the database at once.

        An open read would hold a connection for as long as a stream lasts, and a write that begins
        as a read fails on SQLite when another writer came in between.
        """
        found = super().find_user(case_insensitive, **query)
        self.db.session.commit()
        return cast(Staff | None, found)

    def tf_set(
        self, user: Any, primary_method: str, totp_secret: str | None = None, phone: Any = None
    ) -> None:
        kept = second_factor.lasting(totp_secret) if totp_secret else None
        super().tf_set(user, primary_method, kept)

    def mf_delete_recovery_code(self, user: Any, idx: int) -> bool:
        codes = list(user.mf_recovery_codes)
        del codes[idx]
        self.mf_set_recovery_codes(user, codes)
        return True


class SecureWhereServedSo(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


csrf = CSRFProtect()


def init_app(app: Flask, settings: Settings, database: Database) -> None:
    app.secret_key = app.secret_key or security.secret_key(settings.var_dir)
    app.session_interface = SecureWhereServedSo()
    app.config.update(sign_in.flask_security_settings())
    app.config.update(second_factor.flask_security_settings(settings, _key_of(app)))
    app.config.update(single_sign_on.flask_security_settings(settings))
    app.config.update(
        SESSION_COOKIE_NAME="front_desk",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Only staff pages use cookies; their guard checks (see `guard`), the chat API has tokens.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    csrf.init_app(app)
    connection = _Connection(database)
    datastore = StaffDatastore(connection, Staff, Role)
    app.security = Security(  # type: ignore[attr-defined]
        app,
        datastore,
        login_form=sign_in.SignInForm,
        verify_form=sign_in.PasswordAgainForm,
        two_factor_setup_form=second_factor.SetupForm,
        two_factor_rescue_form=second_factor.RescueForm,
        two_factor_verify_code_form=second_factor.CodeForm,
        mf_recovery_form=second_factor.RecoveryForm,
        totp_cls=second_factor.Codes,
    )
    sign_in.init_app(app)
    second_factor.init_app(app)
    single_sign_on.init_app(app, settings)
    app.before_request_funcs.setdefault("security", []).append(_end_stale_session)
    app.register_error_handler(CSRFError, _csrf_refused)

    @app.context_processor
    def texts() -> dict[str, Any]:
        return {"clinic_name": settings.clinic.name, "password_min_length": PASSWORD_MIN_LENGTH}

    @app.teardown_appcontext
    def let_go(_error: BaseException | None) -> None:
        connection.session.remove()


# The guard --------------------------------------------------------------------------------------


def guard(blueprint: Blueprint, *roles: RoleName) -> None:
    """Let only staff with one of `roles` in; anybody signed in when none is named."""

    @blueprint.before_request
    def check() -> ResponseReturnValue | None:
        if (refusal := _end_stale_session()) is not None:
            return refusal
        if not current_user.is_authenticated:
            return _to_sign_in()
        if roles and not current_user.has_any_role(*roles):
            abort(404)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            csrf.protect()
        if not _is_passive():
            keep_active()
        return None


def passive(view: View) -> View:
    """Mark a view the browser calls by itself: such a call is no sign that somebody is at work."""
    view.is_passive = True  # type: ignore[attr-defined]
    return view


def keep_active() -> None:
    """Somebody is at the keyboard."""
    found, at = _own_session(), utc_now()
    if found is None or at - found.active_at < sessions.ACTIVE_EVERY:
        return
    # One sign lost while the database is locked does no harm: the next comes soon.
    with (
        suppress(DatabaseBusy, OperationalError),
        services().database.transaction(durable=False) as opened,
    ):
        sessions.keep_active(opened, found, at)


def is_signed_in() -> bool:
    """Tell whether this request's session still stands, looked up anew: a stream lasts long."""
    return bool(current_user.is_authenticated) and _own_session() is not None


def idle_left_s() -> float:
    """Return the seconds until the session ends for want of activity."""
    found = _own_session()
    return sessions.idle_left(found, utc_now()).total_seconds() if found is not None else 0.0


def own_session_id() -> int | None:
    found = _own_session()
    return found.id if found is not None else None


def _own_session() -> StaffSession | None:
    with services().database.reading() as opened:
        return sessions.find(opened, session.get(sessions.TOKEN), utc_now())


def _key_of(app: Flask) -> bytes:
    key = app.secret_key
    return key if isinstance(key, bytes) else str(key).encode()


def _is_passive() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "is_passive", False)


def _end_stale_session() -> ResponseReturnValue | None:
    if "_user_id" not in session:
        return None
    if _own_session() is not None:
        return None
    logout_user()
    session.clear()
    flash("You were signed out: nothing happened for a while, or your session was ended.", "info")
    return _to_sign_in()


def _to_sign_in() -> ResponseReturnValue:
    accepts = request.accept_mimetypes
    if accepts and not accepts.accept_html:  # the console's script, or its stream
        message = "You are signed out. Sign in again."
        return jsonify(error={"code": "signed_out", "message": message}), 401
    after = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("security.login", next=after))


def wants_json() -> bool:
    """Tell whether the console's script asks, or a plain form."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.is_json or best == "application/json"


def _csrf_refused(_error: CSRFError) -> ResponseReturnValue:
    message = "This page is too old. Reload it and try again."
    if wants_json():
        return jsonify(error={"code": "csrf", "message": message}), 400
    return render_template("account/problem.html", message=message), 400
