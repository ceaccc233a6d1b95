"""Describes the process of a session: the OpenTelemetry resource."""

from __future__ import annotations

import sys
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry.sdk import resources
from opentelemetry.sdk.resources import Resource

from codetracer_otel.bindings import Os, Paths, new_uuid
from codetracer_otel.exporters.attributes import SCHEMA_URL
from codetracer_otel.filters.types import CodeIdentity, learn_nothing
from codetracer_otel.sdk.delivery.attribute_keys import judged_attributes
from codetracer_otel.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetracer_otel.filters import Classifier
    from codetracer_otel.filters.language.chain import Provenance
    from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets
    from codetracer_otel.sdk.settings.launch import StartMode
    from codetracer_otel.sdk.settings.model import Settings

DISTRIBUTION: Final = "codetracer-otel"
SCOPE_NAME: Final = "codetracer_otel"
_OWN: Final = {"telemetry.distro.name": DISTRIBUTION, "telemetry.distro.version": VERSION}


def build_resource(settings: Settings, filters: Sequence[Provenance]) -> Resource:
    """Return the resource of this process.

    Args:
        settings: the session's.
        filters: those in force.
    """
    attributes = {**_process_attributes(), **_OWN, **filter_attributes(filters)}
    attributes.update(settings.resource_attributes)
    attributes["service.name"] = service_name(settings)
    resource = create_resource(attributes)
    stated = settings.resource
    if stated is not None:
        resource = resource.merge(
            stated if isinstance(stated, Resource) else Resource(dict(stated))
        )
    return resource if resource.schema_url else Resource(resource.attributes, SCHEMA_URL)


def with_globals(function: Any, **names: object) -> FunctionType:
    """Return a function that finds other things under some of its module's names."""
    made = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        argdefs=function.__defaults__,
        closure=function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


class _InlineExecutor:
    """Stands for the pool that the SDK asks its detectors in, and asks them on this thread.

    The module of pools, which few programs load, takes a lock before a fork. In the child it is
    released after older hooks have run, among them those of the SDK's providers, which ask a pool.
    """

    def __init__(self, **_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, ask: Callable[[], Resource]) -> SimpleNamespace:
        return SimpleNamespace(result=lambda **_: ask())

    def shutdown(self, **_: object) -> None:
        pass


_POOLS: Final = SimpleNamespace(ThreadPoolExecutor=_InlineExecutor, TimeoutError=TimeoutError)
_gathered: Final = with_globals(
    resources.get_aggregated_resources, concurrent=SimpleNamespace(futures=_POOLS)
)
create_resource: Final = with_globals(Resource.create, get_aggregated_resources=_gathered)


def describe_forked_child(provider: Any) -> None:
    """Do what the SDK does with a provider in a forked child, without a pool."""
    theirs = type(provider)._handle_fork.__globals__  # noqa: SLF001 - no public access
    name = "_get_process_dependent_resource"
    names = {name: with_globals(theirs[name], get_aggregated_resources=_gathered)}
    with_globals(type(provider)._handle_fork, **names)(provider)  # noqa: SLF001 - as above


def judged_resource(
    resource: Resource, classifier: Classifier, program: str, known: KnownSecrets | None = None
) -> Resource:
    """Return a resource without secrets, as the filters allow the main module to show it.

    Args:
        resource: of this process.
        classifier: the compiled filters.
        program: path of the script, or what stands for it.
        known: learns what is hidden because of its key.
    """
    decision = classifier.classify(CodeIdentity(("__main__",), program, "<module>"))
    learn = learn_nothing if known is None else known.learn
    if decision.text_rules is not None:
        # Its time of day looks like a pair: to look closer costs each start 1.5 ms.
        decision.text_rules.presume_clean(sys.version)
    return Resource(judged_attributes(resource.attributes, decision, learn), resource.schema_url)


def service_name(settings: Settings) -> str:
    """Return the stated name, else the script's or module's."""
    if settings.service_name:
        return settings.service_name
    stated = dict(settings.resource_attributes).get("service.name")
    return stated or _program_name(settings.launch)


def resource_attributes(resource: Resource) -> dict[str, Any]:
    """Return the attributes as exporters take them, with this process's own ids up to date."""
    return {**resource.attributes, **process_identity()}


def process_identity() -> dict[str, Any]:
    """Return what differs between a parent and its forked child."""
    return {"process.pid": Os.getpid(), "service.instance.id": new_uuid()}


def program_of(settings: Settings) -> str:
    """Return the absolute path of the script, or the name of what runs instead."""
    target = settings.launch.target or (sys.argv[0] if sys.argv else "")
    try:
        Os.stat(target)
    except (OSError, ValueError):
        return target or "<python>"
    return Paths.abspath(target)


def _process_attributes() -> dict[str, Any]:
    return {
        "process.executable.name": Paths.basename(sys.executable or "python"),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
        "process.runtime.description": sys.version,
    }


def filter_attributes(filters: Sequence[Provenance]) -> dict[str, Any]:
    """Return the attributes that name the filters in force."""
    if not filters:
        return {}
    return {
        "codetracer.filter.names": tuple(source.name for source in filters),
        "codetracer.filter.sha256": tuple(source.sha256 for source in filters),
    }


def _program_name(launch: StartMode) -> str:
    target = launch.target or (sys.argv[0] if sys.argv else "")
    name = Paths.basename(target)
    if name == "__main__.py":
        name = Paths.basename(Paths.dirname(target))
    stem = name.removesuffix(".py")
    return stem if stem not in ("", "-c", "-m", "-") else "python"
