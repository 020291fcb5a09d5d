"""How gunicorn serves the application: `gunicorn -c web/gunicorn.py "web:create_app()"`.

One worker: it holds encoder, index and streams. A stream occupies a thread while a panel
is open; `worker_connections` is where gthread stops accepting, so both stand above the cap of
streams (`[limits] max_streams`).
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

bind = f"{os.environ.get('CLINIC_HOST', '127.0.0.1')}:{os.environ.get('CLINIC_PORT', '8000')}"
worker_class = "gthread"
workers = 1
threads = 1200
worker_connections = 2500
graceful_timeout = 3
keepalive = 30
timeout = 60
# The heartbeat file: in memory, so that a full or slow disk does not look like a hung worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True
accesslog = None
errorlog = "-"

# What the start makes stays: looking for garbage in it is a quarter of the start's work.
gc.disable()


def post_worker_init(worker: Any) -> None:
    from web.background import Background

    # A thread that embeds or builds would keep the others from a reply for 5 ms at a time.
    sys.setswitchinterval(0.001)
    worker.front_desk = Background(worker.wsgi, on_warm=collect_garbage)
    worker.front_desk.start()


def collect_garbage() -> None:
    """From now on, without looking at what is there: that would hold up every thread."""
    gc.freeze()
    gc.enable()


def worker_int(worker: Any) -> None:
    worker_exit(None, worker)


def worker_exit(_server: Any, worker: Any) -> None:
    background = getattr(worker, "front_desk", None)
    if background is not None:
        worker.front_desk = None
        background.stop()
