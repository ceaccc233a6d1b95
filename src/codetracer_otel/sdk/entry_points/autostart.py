"""Starts a session at interpreter start, where the ``.pth`` hook and the environment ask for it."""

from __future__ import annotations

import sys

from codetracer_otel.errors import CodetracerError, Problem
from codetracer_otel.sdk.processes.main_interpreter import is_main_interpreter
from codetracer_otel.sdk.settings.launch import StartKind, StartMode
from codetracer_otel.sdk.settings.model import (
    DORMANT,
    from_process_environment,
    wants_auto_start,
    wants_json_errors,
)


def begin() -> None:
    """Start a session if ``CODETRACER_AUTO_START`` says so; if that fails, the host continues.

    With ``dormant`` the process only takes commands, of which ``attach`` starts one.

    ``python -E`` and ``python -I`` ignore the environment, and so does this. So do subinterpreters,
    each of which runs the hook: they can have no session, and the program did not ask them to.
    """
    if sys.flags.ignore_environment or not is_main_interpreter():
        return
    environ = from_process_environment()
    is_wanted = wants_auto_start(environ)
    if is_wanted is False:
        return
    from codetracer_otel.sdk.diagnostics.logger import report_problem  # noqa: PLC0415
    from codetracer_otel.sdk.session.configure import (  # noqa: PLC0415 - on
        begin_session,
        claim_auto_start,
        offer_control,
    )

    if not claim_auto_start():
        return
    if isinstance(is_wanted, Problem):
        report_problem(is_wanted)
        return
    try:
        if is_wanted == DORMANT:
            offer_control()
            return
        begin_session({}, StartMode(StartKind.AUTO_START, sys.argv[0] if sys.argv else ""))
    except CodetracerError as error:
        report_problem(error, json_errors=wants_json_errors(environ))
    except Exception as error:  # noqa: BLE001 - a defect of ours must not stop every interpreter
        report_problem(f"no session: {type(error).__qualname__}; the program runs untraced")
