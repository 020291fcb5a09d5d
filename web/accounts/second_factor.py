"""The second step of signing in: a code from an app on the phone, or a recovery code.

Rule: Flask-Security's views do it, with our templates; here is what they leave open. A code is
accepted once. Attempts are counted as passwords are. The secret is kept under the clinic's keys and
not under this machine's, so that a restored backup lets people in.
"""

from __future__ import annotations

import hashlib
from typing import Any, NoReturn, cast

from flask import Flask, abort, current_app, request
from flask_security import Totp
from flask_security.forms import TwoFactorRescueForm, TwoFactorSetupForm, TwoFactorVerifyCodeForm
from flask_security.recovery_codes import MfRecoveryForm
from passlib.totp import TOTP, TotpMatch  # type: ignore[import-untyped]
from wtforms import RadioField, StringField  # type: ignore[import-untyped]

from web import security
from web.config import Settings
from web.models import RoleName, Staff
from web.sections import TwoFactor

# One step of 30 seconds before and after: a phone's clock may be off.
CLOCK_WINDOW_S = 30
# Pages that Flask-Security brings along and that make no sense here: nobody is sent e-mail, and
# there is one kind of code.
UNWANTED = ("security.two_factor_rescue", "security.tf_select")


def flask_security_settings(settings: Settings, secret_key: bytes) -> dict[str, Any]:
    is_on = settings.staff.two_factor is not TwoFactor.OFF
    return {
        "STAFF_TWO_FACTOR_ROLES": required_roles(settings),
        "SECURITY_TWO_FACTOR": is_on,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": CLOCK_WINDOW_S,
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": is_on,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": 10,
        # For the secret while it is being set up, in the cookie; what is kept is sealed.
        "SECURITY_TOTP_SECRETS": {"1": hashlib.sha256(b"totp\0" + secret_key).hexdigest()},
        "SECURITY_TOTP_ISSUER": settings.clinic.name.replace(":", " "),
        "SECURITY_TWO_FACTOR_SETUP_URL": "/account/second-step",
        "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/account/code",
        "SECURITY_TWO_FACTOR_RESCUE_URL": "/account/code/help",
        "SECURITY_TWO_FACTOR_SELECT_URL": "/account/code/choose",
        "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "/account/",
        "SECURITY_TWO_FACTOR_SETUP_TEMPLATE": "account/second_step.html",
        "SECURITY_TWO_FACTOR_VERIFY_CODE_TEMPLATE": "account/code.html",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_URL": "/account/recovery-codes",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "account/recovery_codes.html",
        "SECURITY_MULTI_FACTOR_RECOVERY_URL": "/account/recovery",
        "SECURITY_MULTI_FACTOR_RECOVERY_TEMPLATE": "account/recovery.html",
        "SECURITY_MSG_TWO_FACTOR_INVALID_TOKEN": (
            "This code is not right, or was used before. Wait for the next one.",
            "error",
        ),
        "SECURITY_MSG_TWO_FACTOR_LOGIN_SUCCESSFUL": ("You are signed in.", "success"),
        "SECURITY_MSG_TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
            "The second step is on. Now make recovery codes, for the day your phone is lost.",
            "success",
        ),
        "SECURITY_MSG_TWO_FACTOR_DISABLED": ("The second step is off.", "success"),
        "SECURITY_MSG_TWO_FACTOR_PERMISSION_DENIED": ("Please sign in first.", "info"),
        "SECURITY_MSG_INVALID_RECOVERY_CODE": ("This code is not right.", "error"),
    }


def required_roles(settings: Settings) -> tuple[str, ...]:
    """Return the roles that must have a second step."""
    if settings.staff.two_factor is not TwoFactor.REQUIRED:
        return ()
    return tuple(role.value for role in settings.staff.two_factor_roles or RoleName)


def init_app(app: Flask) -> None:
    for endpoint in UNWANTED:
        if endpoint in app.view_functions:
            app.view_functions[endpoint] = _not_here


def _not_here() -> NoReturn:
    abort(404)


class Codes(Totp):
    def get_last_counter(self, user: Any) -> int | None:
        return cast(Staff, user).tf_last_counter

    def set_last_counter(self, user: Any, tmatch: TotpMatch) -> None:
        user.tf_last_counter = tmatch.counter
        current_app.security.datastore.put(user)  # type: ignore[attr-defined]


def lasting(totp_secret: str) -> str:
    """Return the secret without this machine's encryption; the clinic's keys seal it."""
    return str(_factory().from_source(totp_secret).to_json(encrypt=False))


def _factory() -> type[TOTP]:
    return cast(type[TOTP], current_app.security.totp_factory._totp)  # type: ignore[attr-defined]


class SetupForm(TwoFactorSetupForm):
    setup = StringField()  # a button's value: there is one method, no choice among several


class RescueForm(TwoFactorRescueForm):
    help_setup = RadioField(choices=[])  # filled by the code's page, which shows a link instead


class CodeForm(TwoFactorVerifyCodeForm):
    def validate(self, **options: Any) -> bool:
        return _may_try(self) and bool(super().validate(**options))


class RecoveryForm(MfRecoveryForm):
    def validate(self, **options: Any) -> bool:
        if self.code.data:
            self.code.data = self.code.data.strip().lower()
        return _may_try(self) and bool(super().validate(**options))


def _may_try(form: CodeForm | RecoveryForm) -> bool:
    if request.method != "POST" or form.user is None:
        return True
    wait_s = security.allow("second_factor", str(form.user.id))
    if wait_s is None:
        return True
    form.form_errors.append(security.wait_text(wait_s))
    security.too_many(wait_s)
    return False
