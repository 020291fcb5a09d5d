"""Who of the staff is there, and what they may see.

Rule: every staff blueprint has one `guard(*roles)`. Nobody signed in → the sign-in page; the wrong
role → 404, as if the page did not exist. Every POST of the staff carries a CSRF token. Accounts are
made by the operator (`python -m web.cli staff add`): no registration, no e-mail.

Flask-Security does the work: argon2id, sign-in, sign-out and password pages with our templates, and
the second step (accounts/second_factor.py). Its session never keeps a read of the database open:
`StaffDatastore` ends it after each look-up. Which cookies count stands in accounts/sessions.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
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
from flask_login import user_logged_out
from flask_security import Security, SQLAlchemyUserDatastore, current_user, hash_password
from flask_security.forms import LoginForm, VerifyForm
from flask_security.signals import (
    password_changed,
    tf_code_confirmed,
    tf_disabled,
    tf_profile_changed,
    user_authenticated,
)
from flask_security.utils import logout_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from web import security
from web.accounts import second_factor, sessions, single_sign_on
from web.config import Settings
from web.db import Database, DatabaseBusy, utc_now
from web.desk import presence
from web.models import Role, RoleName, Staff, StaffSession
from web.privacy import audit
from web.privacy.audit import Act

PASSWORD_MIN_LENGTH = 12
TOKEN = "session"
# Who has not typed the password for this long types it again before the second step is changed.
FRESH_FOR = timedelta(minutes=10)

View = TypeVar("View", bound=Callable[..., Any])


class StaffExists(Exception):
    """There is an account with this e-mail already."""


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


class SignInForm(LoginForm):
    remember = None  # the console is used on shared machines

    def validate(self, **options: Any) -> bool:
        email = str(self.email.data or "").strip().lower()
        wait_s = _count_sign_in(email)
        if wait_s is not None:
            self.form_errors.append(security.wait_text(wait_s))
            security.too_many(wait_s)
            return False
        if super().validate(**options):
            # A new session for a new sign-in: whatever was planted before it is gone.
            session.clear()
            _note_sign_in(email, is_right=True)
            return True
        _note_sign_in(email, is_right=False)
        if self.email.data and self.password.data:
            _audit(Act.SIGN_IN_FAILED, f"staff:{self.user.id if self.user else 'unknown'}", None)
        return False


class PasswordAgainForm(VerifyForm):
    def validate(self, **options: Any) -> bool:
        wait_s = _count_sign_in(self.user.email) if request.method == "POST" else None
        if wait_s is None:
            is_right = bool(super().validate(**options))
            if request.method == "POST":
                _note_sign_in(self.user.email, is_right=is_right)
            return is_right
        self.form_errors.append(security.wait_text(wait_s))
        security.too_many(wait_s)
        return False


class SecureWhereServedSo(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


csrf = CSRFProtect()


def init_app(app: Flask, settings: Settings, database: Database) -> None:
    app.secret_key = app.secret_key or security.secret_key(settings.var_dir)
    app.session_interface = SecureWhereServedSo()
    app.config.update(_flask_security_settings())
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
    app.extensions["front_desk_database"] = database
    app.security = Security(  # type: ignore[attr-defined]
        app,
        datastore,
        login_form=SignInForm,
        verify_form=PasswordAgainForm,
        two_factor_setup_form=second_factor.SetupForm,
        two_factor_rescue_form=second_factor.RescueForm,
        two_factor_verify_code_form=second_factor.CodeForm,
        mf_recovery_form=second_factor.RecoveryForm,
        totp_cls=second_factor.Codes,
    )
    second_factor.init_app(app)
    single_sign_on.init_app(app, settings)
    app.before_request_funcs.setdefault("security", []).append(_end_stale_session)
    app.register_error_handler(CSRFError, _csrf_refused)
    user_authenticated.connect(_signed_in, app)
    for signal in (tf_code_confirmed, tf_profile_changed, tf_disabled):
        signal.connect(_second_step_changed, app)
    password_changed.connect(_password_changed, app)
    user_logged_out.connect(_signed_out, app)

    @app.context_processor
    def texts() -> dict[str, Any]:
        return {"clinic_name": settings.clinic.name, "password_min_length": PASSWORD_MIN_LENGTH}

    @app.teardown_appcontext
    def let_go(_error: BaseException | None) -> None:
        connection.session.remove()


def _flask_security_settings() -> dict[str, Any]:
    return {
        "SECURITY_LOGIN_URL": "/account/sign-in",
        "SECURITY_LOGOUT_URL": "/account/sign-out",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_LOGOUT_CSRF": True,
        "SECURITY_CHANGEABLE": True,
        "SECURITY_CHANGE_URL": "/account/password",
        "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
        "SECURITY_LOGIN_USER_TEMPLATE": "account/sign_in.html",
        "SECURITY_CHANGE_PASSWORD_TEMPLATE": "account/password.html",
        "SECURITY_POST_LOGIN_VIEW": "/account/start",
        "SECURITY_POST_LOGOUT_VIEW": "/account/sign-in",
        "SECURITY_POST_CHANGE_VIEW": "/account/",
        "SECURITY_STATIC_FOLDER": None,
        "SECURITY_FRESHNESS": FRESH_FOR,
        "SECURITY_FRESHNESS_GRACE_PERIOD": FRESH_FOR,
        "SECURITY_VERIFY_URL": "/account/password-again",
        "SECURITY_VERIFY_TEMPLATE": "account/password_again.html",
        "SECURITY_MSG_REAUTHENTICATION_REQUIRED": ("Type your password again first.", "info"),
        "SECURITY_MSG_REAUTHENTICATION_SUCCESSFUL": ("Thank you.", "success"),
        "SECURITY_PASSWORD_HASH": "argon2",
        # No pepper from a file: a restored database still lets people in.
        "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
        "SECURITY_PASSWORD_LENGTH_MIN": PASSWORD_MIN_LENGTH,
        "SECURITY_PASSWORD_CONFIRM_REQUIRED": True,
        # An answer that does not tell which e-mails have accounts.
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": ("E-mail or password is not right.", "error"),
        "SECURITY_MSG_PASSWORD_CHANGE": ("Your password is changed.", "success"),
        "SECURITY_MSG_UNAUTHENTICATED": ("Please sign in first.", "info"),
        "SECURITY_JOIN_USER_ROLES": False,  # the model loads them
        "SECURITY_USE_REGISTER_V2": True,
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "test_environment": True},
    }


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
    with suppress(DatabaseBusy, OperationalError), _database().transaction(durable=False) as opened:
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
    with _database().reading() as opened:
        return sessions.find(opened, session.get(TOKEN), utc_now())


def _database() -> Database:
    database: Database = current_app.extensions["front_desk_database"]
    return database


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


# Sign-in ----------------------------------------------------------------------------------------


def _count_sign_in(email: str) -> float | None:
    """Count an attempt by account and by address. Returns the seconds to wait, None for go on."""
    address = request.remote_addr or ""
    waits = (
        security.allow("sign_in", f"{email} {address}"),
        security.allow("sign_in_account", email),
        security.limits().wait("sign_in_address", address),
    )
    return max((wait for wait in waits if wait is not None), default=None)


def _note_sign_in(email: str, *, is_right: bool) -> None:
    """Who knows the password is no attack: fifty colleagues behind one address all sign in."""
    address = request.remote_addr or ""
    if is_right:
        security.limits().forget("sign_in", f"{email} {address}")
        security.limits().forget("sign_in_account", email)
    else:
        security.allow("sign_in_address", address)


def _signed_in(_app: Flask, user: Staff, **_extra: Any) -> None:
    """Also after a new password: the others are over, and this browser gets a new cookie."""
    with _database().transaction() as opened:
        sessions.end(opened, session.get(TOKEN))
        session[TOKEN] = sessions.begin(
            opened, user.id, request.headers.get("User-Agent", ""), utc_now()
        )
        audit.record(opened, Act.SIGNED_IN, f"staff:{user.id}", staff_id=user.id)


def _signed_out(_app: Flask, user: Staff, **_extra: Any) -> None:
    if not user.is_authenticated:
        return
    with _database().transaction() as opened:
        sessions.end(opened, session.get(TOKEN))
        if not sessions.of_staff(opened, user.id, utc_now()):
            presence.left(opened, user.id)
        audit.record(opened, Act.SIGNED_OUT, f"staff:{user.id}", staff_id=user.id)


def _password_changed(_app: Flask, user: Staff, **_extra: Any) -> None:
    with _database().transaction() as opened:
        sessions.end_all(opened, user.id, but=session.get(TOKEN))
        audit.record(opened, Act.PASSWORD_CHANGED, f"staff:{user.id}", staff_id=user.id)


def _second_step_changed(_app: Flask, user: Staff, **_extra: Any) -> None:
    if current_user.is_authenticated:  # not with each sign-in, whose code is confirmed as well
        _audit(Act.SECOND_FACTOR_CHANGED, f"staff:{user.id}", user.id)


def _audit(act: Act, subject: str, staff_id: int | None) -> None:
    with _database().transaction() as opened:
        audit.record(opened, act, subject, staff_id=staff_id)


# Accounts ---------------------------------------------------------------------------------------


def add_staff(
    db_session: Session, email: str, name: str, roles: list[RoleName], password: str
) -> Staff:
    """Make an account; needs an application context for the hash. Raises StaffExists."""
    email = email.strip().lower()
    if db_session.scalar(select(Staff.id).where(func.lower(Staff.email) == email)) is not None:
        raise StaffExists(email)
    staff = Staff(
        email=email,
        name=name.strip(),
        password=hash_password(password),
        fs_uniquifier=secrets.token_hex(32),
        created_at=utc_now(),
        roles=[_role(db_session, role) for role in roles],
    )
    db_session.add(staff)
    db_session.flush()
    audit.record(db_session, Act.ACCOUNT_ADDED, f"staff:{staff.id}", staff_id=None)
    return staff


def _role(db_session: Session, name: RoleName) -> Role:
    role = db_session.scalar(select(Role).where(Role.name == name.value))
    if role is None:
        role = Role(name=name.value)
        db_session.add(role)
    return role


def disable_staff(db_session: Session, staff: Staff) -> None:
    """Close an account and end its sessions everywhere."""
    staff.active = False
    staff.last_seen_at = None
    end_sessions(db_session, staff)
    audit.record(db_session, Act.ACCOUNT_DISABLED, f"staff:{staff.id}", staff_id=None)


def end_sessions(db_session: Session, staff: Staff) -> int:
    """Sign somebody out everywhere. Returns how many sessions that were."""
    staff.fs_uniquifier = secrets.token_hex(32)
    presence.left(db_session, staff.id)
    audit.record(db_session, Act.SESSIONS_ENDED, f"staff:{staff.id}", staff_id=None)
    return sessions.end_all(db_session, staff.id)


def reset_second_factor(db_session: Session, staff: Staff) -> None:
    """Take the second step away: the phone is lost and the recovery codes are too."""
    staff.tf_primary_method = None
    staff.tf_totp_secret = None
    staff.tf_last_counter = None
    staff.mf_recovery_codes = []
    audit.record(db_session, Act.SECOND_FACTOR_RESET, f"staff:{staff.id}", staff_id=None)
    end_sessions(db_session, staff)
