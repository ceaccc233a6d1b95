"""A plugin of pytest by which the workers of pytest-xdist are traced as their controller is.

execnet starts those workers, not multiprocessing, so they inherit no session by themselves. The
command ``run`` offers the plugin; what configures a session in a ``conftest.py`` does so in each
worker. It is no entry point: pytest rewrites the assertions of a distribution that has one, which
would compile our modules anew in every run and warn of those that are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.sdk.diagnostics.logger import report_problem
from codetracer_otel.sdk.processes.children import UNTRACED, for_child

if TYPE_CHECKING:
    from collections.abc import MutableMapping

# What was loaded before pytest cannot be rewritten, and pytest would warn. It reads this where
# ``python -OO`` has left no docstring, too.
__doc__ = "PYTEST_DONT_REWRITE"

_VARIABLE: Final = "PYTEST_PLUGINS"
_START_LIMIT_S: Final = 30
_BEGIN: Final = """
if __name__ == "__channelexec__":
    from codetracer_otel.sdk.processes.children import begin_handed_on

    begin_handed_on(channel.receive())
"""


def offer(environ: MutableMapping[str, str]) -> None:
    """Let the pytest that reads ``environ`` load this plugin, which takes its name out again."""
    environ[_VARIABLE] = ",".join((__name__, *_others(environ)))


def _others(environ: MutableMapping[str, str]) -> list[str]:
    return [name for name in environ.get(_VARIABLE, "").split(",") if name not in ("", __name__)]


def pytest_addoption() -> None:
    """Leave the environment as the program's own: pytest calls this as it loads the plugin."""
    from os import environ  # noqa: PLC0415, TID251 - what `offer` wrote; others may have replaced it

    others = _others(environ)
    if others:
        environ[_VARIABLE] = ",".join(others)
    else:
        environ.pop(_VARIABLE, None)


def pytest_configure(config: Any) -> None:
    """Watch for workers where pytest-xdist is; pytest refuses hooks that it does not know."""
    if hasattr(config.hook, "pytest_configure_node"):
        config.pluginmanager.register(_Workers())


class _Workers:
    def __init__(self) -> None:
        self._has_told = False

    def pytest_configure_node(self, node: Any) -> None:
        """Begin the session of a worker of this machine before it imports the first test."""
        stated = for_child() if node.gateway.spec.popen else None
        if stated is None:
            return
        try:
            channel = node.gateway.remote_exec(_BEGIN)
            channel.send(stated)
            channel.waitclose(_START_LIMIT_S)
        except Exception as error:  # noqa: BLE001 - of execnet; the tests do not depend on it
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self._has_told:  # xdist replaces workers that end
            self._has_told = True
            reason = str(error).strip().rpartition("\n")[2] or type(error).__qualname__
            report_problem(UNTRACED.format(reason))
