"""Signing in with the clinic's own accounts, by OpenID Connect.

Rule: Flask-Security and Authlib do it (code flow with PKCE, state and nonce). Who comes back is the
account of the same e-mail, and only when the provider says that it has verified it. No account is
made here, and what people may do is decided here alone.
"""

from __future__ import annotations

from typing import Any

import requests
from authlib.integrations.base_client.errors import OAuthError  # type: ignore[import-untyped]
from flask import Flask, current_app, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_security import FsOAuthProvider

from web.config import Settings

NAME = "clinic"
TIMEOUT_S = 10


def flask_security_settings(settings: Settings) -> dict[str, Any]:
    return {
        "SECURITY_OAUTH_ENABLE": bool(settings.oidc.issuer),
        "SECURITY_OAUTH_BUILTIN_PROVIDERS": [],
        "SECURITY_OAUTH_START_URL": "/account/clinic-sign-in",
        "SECURITY_OAUTH_RESPONSE_URL": "/account/clinic-signed-in",
        "SECURITY_OAUTH_VERIFY_START_URL": "/account/clinic-again",
        "SECURITY_OAUTH_VERIFY_RESPONSE_URL": "/account/clinic-signed-in-again",
        "SECURITY_MSG_OAUTH_HANDSHAKE_ERROR": (
            "Signing in there did not work. Try again, or use your password.",
            "error",
        ),
        "SECURITY_MSG_IDENTITY_NOT_REGISTERED": (
            "There is no account here for %(id)s. Ask the person who runs this computer system.",
            "error",
        ),
    }


def init_app(app: Flask, settings: Settings) -> None:
    own = settings.oidc
    if not own.issuer:
        return
    registration = {
        "client_id": own.client_id,
        "client_secret": own.client_secret.get_secret_value(),
        "server_metadata_url": f"{own.issuer.rstrip('/')}/.well-known/openid-configuration",
        "client_kwargs": {
            "scope": "openid email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_S,
        },
    }
    provider = FsOAuthProvider(NAME, registration, _verified_email)
    app.security.oauthglue.register_provider_ext(provider)  # type: ignore[attr-defined]
    app.register_error_handler(requests.RequestException, _unreachable)

    @app.context_processor
    def texts() -> dict[str, Any]:
        return {"clinic_sign_in": own.label}


def _verified_email(_oauth: object, token: dict[str, Any]) -> tuple[str, str]:
    claims = token.get("userinfo") or {}
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        raise OAuthError(error="email_not_verified")
    return "email", email


def _unreachable(_error: requests.RequestException) -> ResponseReturnValue:
    flash(*current_app.config["SECURITY_MSG_OAUTH_HANDSHAKE_ERROR"])
    return redirect(url_for("security.login"))
