"""``install-autostart`` and ``remove-autostart``: the hook behind ``CODETRACER_AUTO_START``."""

from __future__ import annotations

import os
import sysconfig
from typing import TYPE_CHECKING, Final

from codetracer_otel.cli.terminal import say
from codetracer_otel.errors import EnvironmentFailure, ErrorCode

if TYPE_CHECKING:
    import argparse

FILE_NAME: Final = "codetracer_otel_autostart.pth"

# One line, which site runs in every interpreter of the environment: it imports nothing of ours
# unless the variable is set, and nothing at all when the package is gone.
HOOK: Final = (
    "import os, sys; not sys.flags.ignore_environment "
    "and (os.environ.get('CODETRACER_AUTO_START') or '').strip() "
    "and __import__('importlib.util').util.find_spec('codetracer_otel') "
    "and __import__('codetracer_otel.sdk.entry_points.autostart', fromlist=['begin']).begin()\n"
)


_INSTALL_EXAMPLES: Final = """\
examples:
  codetracer-otel install-autostart
  CODETRACER_AUTO_START=1 CODETRACER_EXPORTER=console python app.py
"""
_REMOVE_EXAMPLES: Final = """\
examples:
  codetracer-otel remove-autostart
"""


def add_install_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``install-autostart``."""
    parser = subparsers.add_parser(
        "install-autostart",
        description=f"Write {FILE_NAME} into this environment's site-packages.",
        epilog=_INSTALL_EXAMPLES,
    )
    parser.set_defaults(handler=install)


def add_remove_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``remove-autostart``."""
    parser = subparsers.add_parser(
        "remove-autostart",
        description=f"Remove {FILE_NAME} from this environment's site-packages.",
        epilog=_REMOVE_EXAMPLES,
    )
    parser.set_defaults(handler=remove)


def hook_path() -> str:
    """Return the path of this environment's hook."""
    return os.path.join(sysconfig.get_path("purelib"), FILE_NAME)


def install(_arguments: argparse.Namespace) -> int:
    """Write the hook.

    Raises:
        EnvironmentFailure: the directory cannot be written to.
    """
    path = hook_path()
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(HOOK)
    except OSError as error:
        raise _failure(path, "written", error) from error
    say(f"{path}: installed; set CODETRACER_AUTO_START=1 to start a session with the interpreter")
    return 0


def remove(_arguments: argparse.Namespace) -> int:
    """Remove the hook, if it is there.

    Raises:
        EnvironmentFailure: it cannot be removed.
    """
    path = hook_path()
    try:
        os.remove(path)
    except FileNotFoundError:
        say(f"{path}: was not installed")
    except OSError as error:
        raise _failure(path, "removed", error) from error
    else:
        say(f"{path}: removed")
    return 0


def _failure(path: str, action: str, error: OSError) -> EnvironmentFailure:
    message = f"{path}: cannot be {action}, {error.strerror}; expected a writable environment"
    return EnvironmentFailure(message, ErrorCode.IO)
