"""The composition root: `configure` and `shutdown`, and the one session of this process."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any

from codetracer_otel.sdk.bootstrap.filters import load_filters
from codetracer_otel.sdk.diagnostics.logger import SessionLog
from codetracer_otel.sdk.fork import watch_forks
from codetracer_otel.sdk.lifecycle import start
from codetracer_otel.sdk.settings import Launch, from_process_environment, resolve

if TYPE_CHECKING:
    from codetracer_otel.filters.chain import Provenance
    from codetracer_otel.sdk.session import Session
    from codetracer_otel.sdk.settings import Settings

_lock = threading.RLock()


class _Active:
    """The session that runs, and what identifies its filters."""

    session: Session | None = None
    filters: tuple[Provenance, ...] = ()
    watches_exit = False


def begin_session(keywords: dict[str, Any], launch: Launch | None = None) -> Session:
    """Start a session from keywords and the environment; every way in comes through here.

    Args:
        keywords: options of ``configure`` by name; None means "not stated".
        launch: how the session is started.

    Returns:
        The running session, which is the previous one when its settings and filters are equal.

    Raises:
        ConfigurationError: with every problem; nothing was installed.
    """
    settings = resolve(keywords, from_process_environment(), launch=launch)
    chain = load_filters(settings)
    with _lock:
        present = _Active.session
        if present is not None and present.is_running:
            if _is_same(present, settings, chain.summary):
                return present
            present.shutdown()
        log = SessionLog(settings)
        session = start(settings, chain, log)
        _Active.session, _Active.filters = session, chain.summary
        _watch_process()
        log.report_warnings(settings.warnings)
        return session


def active_session() -> Session | None:
    """Return the running session, or None."""
    session = _Active.session
    return session if session is not None and session.is_running else None


def shutdown(timeout: float = 5.0) -> bool:
    """Shut the running session down; see `Session.shutdown`."""
    session = active_session()
    return True if session is None else session.shutdown(timeout)


def _is_same(present: Session, settings: Settings, filters: tuple[Provenance, ...]) -> bool:
    return present.settings == settings and _Active.filters == filters


def _watch_process() -> None:
    watch_forks(active_session)
    if not _Active.watches_exit:
        _Active.watches_exit = True
        atexit.register(shutdown)
