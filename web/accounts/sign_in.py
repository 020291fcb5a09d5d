"""Signing in and out: the forms, how often a password may be tried, and what is noted of it.

Rule: whether one may try is asked before the password is looked at. Every sign-in begins a session
of its own and every sign-out ends one; both stand in the audit log.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask, request, session
from flask_login import user_logged_out
from flask_security import current_user
from flask_security.forms import LoginForm, VerifyForm
from flask_security.signals import (
    password_changed,
    tf_code_confirmed,
    tf_disabled,
    tf_profile_changed,
    user_authenticated,
)

from web import security
from web.accounts import sessions
from web.accounts.staff import PASSWORD_MIN_LENGTH
from web.db import utc_now
from web.desk import presence
from web.models import Staff
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services

# Who has not typed the password for this long types it again before the second step is changed.
FRESH_FOR = timedelta(minutes=10)


def flask_security_settings() -> dict[str, Any]:
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


def init_app(app: Flask) -> None:
    user_authenticated.connect(_signed_in, app)
    for signal in (tf_code_confirmed, tf_profile_changed, tf_disabled):
        signal.connect(_second_step_changed, app)
    password_changed.connect(_password_changed, app)
    user_logged_out.connect(_signed_out, app)


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
    with services().database.transaction() as opened:
        sessions.end(opened, session.get(sessions.TOKEN))
        session[sessions.TOKEN] = sessions.begin(
            opened, user.id, request.headers.get("User-Agent", ""), utc_now()
        )
        audit.record(opened, Act.SIGNED_IN, f"staff:{user.id}", staff_id=user.id)


def _signed_out(_app: Flask, user: Staff, **_extra: Any) -> None:
    if not user.is_authenticated:
        return
    with services().database.transaction() as opened:
        sessions.end(opened, session.get(sessions.TOKEN))
        if not sessions.of_staff(opened, user.id, utc_now()):
            presence.left(opened, user.id)
        audit.record(opened, Act.SIGNED_OUT, f"staff:{user.id}", staff_id=user.id)


def _password_changed(_app: Flask, user: Staff, **_extra: Any) -> None:
    with services().database.transaction() as opened:
        sessions.end_all(opened, user.id, but=session.get(sessions.TOKEN))
        audit.record(opened, Act.PASSWORD_CHANGED, f"staff:{user.id}", staff_id=user.id)


def _second_step_changed(_app: Flask, user: Staff, **_extra: Any) -> None:
    if current_user.is_authenticated:  # not with each sign-in, whose code is confirmed as well
        _audit(Act.SECOND_FACTOR_CHANGED, f"staff:{user.id}", user.id)


def _audit(act: Act, subject: str, staff_id: int | None) -> None:
    with services().database.transaction() as opened:
        audit.record(opened, act, subject, staff_id=staff_id)
