"""Where things stand in a checkout. var/ can be rebuilt, except for the database and the keys."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("CLINIC_VAR", ROOT / "var")).resolve()
LOGS = VAR / "logs"
WEB_ENVIRONMENT = ROOT / ".venv"
BOT_ENVIRONMENT = ROOT / ".venv-bot"
WEB_PYTHON = WEB_ENVIRONMENT / "bin" / "python"
BOT_PYTHON = BOT_ENVIRONMENT / "bin" / "python"
# Every instance in this checkout shares these two, also a test with a CLINIC_VAR of its own.
MODELS = ROOT / "var" / "models"
ASSISTANT = ROOT / "var" / "assistant"


def offline_environment() -> dict[str, str]:
    """Return the environment for our processes: no telemetry, no model hubs, one thread each."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",  # Rasa brings SQLAlchemy 1.4
        # More threads make one short question slower, not faster, on small machines.
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
