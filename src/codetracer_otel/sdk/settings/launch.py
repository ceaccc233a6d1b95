"""How a session is started, and what that says about the program it records."""

from __future__ import annotations

from enum import Enum
from typing import Final

from codetracer_otel.data_classes import dataclass

_LAUNCHERS: Final = """
IPython _pytest accelerate airflow arq awslambdaric behave bokeh bpython celery chainlit chalice
coverage daphne dask debugpy deepspeed distributed django doit dramatiq fabric fastapi
fastapi_cli faust fire flask functions_framework gradio granian gunicorn huey hupper hypercorn
invoke ipdb ipykernel ipykernel_launcher jupyter jupyter_client jupyter_core jupyter_server
jupyterlab kernprof kopf line_profiler litestar locust luigi marimo memory_profiler memray
mod_wsgi nameko nbclient nbconvert nose2 notebook nox opentelemetry panel papermill pecan
prefect procrastinate ptpython pudb pyinstrument pyperf pyramid pytest quart ray reflex robot rq
sanic saq scalene scrapy slipcover solara streamlit taskiq testtools torch tornado twisted typer
uvicorn viztracer voila waitress ward watchdog watchfiles werkzeug
"""
_LAUNCHING: Final = frozenset(_LAUNCHERS.split())


def is_launcher(module: str) -> bool:
    """Return whether the commands of a module's package run another program."""
    return module.partition(".")[0] in _LAUNCHING


class StartKind(Enum):
    """Who started a session."""

    API = "api"
    SCRIPT = "script"
    MODULE = "module"
    COMMAND = "command"
    PYTEST = "pytest"
    UNITTEST = "unittest"
    AUTO_START = "auto_start"
    INSTRUMENTOR = "instrumentor"
    ATTACHED = "attached"


@dataclass(frozen=True, slots=True)
class StartMode:
    """How a session was started: where filters are looked for, and what names the service.

    Attributes:
        kind: who started it.
        target: absolute path of the script, the module's name, or empty.
        arguments: the program's own arguments.
        framework_filter: whether the builtin filter of a test framework is added.
        is_child: whether multiprocessing spawned the process, and its parent's session is this one.
        on_terminal: whether people read what is written to standard error.
    """

    kind: StartKind = StartKind.API
    target: str = ""
    arguments: tuple[str, ...] = ()
    framework_filter: bool = True
    is_child: bool = False
    on_terminal: bool = False

    @property
    def framework(self) -> str | None:
        """``pytest``, ``unittest``, or None: whose builtin filter the session adds."""
        frameworks = (StartKind.PYTEST, StartKind.UNITTEST)
        return self.kind.value if self.framework_filter and self.kind in frameworks else None

    @property
    def is_program(self) -> bool:
        """Whether ``codetracer-otel run`` started the session and so owns the process."""
        return self.has_flags and not self.is_child

    @property
    def has_flags(self) -> bool:
        """Whether ``codetracer-otel run`` started it: what a caller stated were flags."""
        return self.kind not in (
            StartKind.API,
            StartKind.AUTO_START,
            StartKind.INSTRUMENTOR,
            StartKind.ATTACHED,
        )

    @property
    def owns_process(self) -> bool:
        """Whether the session was there before the program, and follows it to its end."""
        return self.has_flags or self.kind is StartKind.AUTO_START
