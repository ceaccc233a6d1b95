"""The known secrets of a session: what was hidden once is hidden wherever it comes again.

The program's threads leave hidden texts in a queue, which costs them a look-up where a text was
left before. Whoever judges texts empties it first: it keeps fingerprints and forgets the text.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, deque
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from codetracer_otel.bindings import Os, Paths, Threads
from codetracer_otel.data_classes import dataclass
from codetracer_otel.filters.patterns.lazy_regex import lazy_regex
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.secrets.known.forms import MAX_LENGTH, MIN_LENGTH, forms_of, secrets_in
from codetracer_otel.filters.secrets.known.index import MIN_BYTES, SecretIndex
from codetracer_otel.filters.types import LearnedTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from codetracer_otel.filters.secrets.known.index import FindWindows, Form, Part

MAX_SECRETS: Final = 4096
_MAX_WAITING: Final = 4096  # texts in the queue
_SHOWN: Final = 10  # places of `known_secrets_met`
_MAX_MET: Final = 4 * MAX_SECRETS
_NAME: Final = lazy_regex(r"-{0,2}[\w.\[\]$-]{1,48}(?: [\w.-]{1,24}){0,3}")
_PATH_BEGINS: Final = ("/", "~", "./", "../")
_DIRECTORIES: Final = ("PWD", "OLDPWD")  # every shell sets them, and `pwd` is a word for passwords


@dataclass(slots=True)
class _Secret:
    """What is kept of a secret.

    Attributes:
        place: where it was hidden first.
        forms: fingerprints of the texts that stand for it.
        met: how often it was found in a text since.
    """

    place: str
    forms: tuple[Form, ...]
    met: int = 0


class KnownSecrets:
    """Learns secrets and finds them; see `filters.types.SecretStore`.

    Args:
        path_exists: whether a path is there; asked by the worker, and of working directories.
        find_windows: of compiled code; None where there is none.

    Attributes:
        learn: takes a hidden value; does nothing while learning is off.
    """

    def __init__(
        self,
        path_exists: Callable[[str], bool] | None = None,
        find_windows: FindWindows | None = None,
    ) -> None:
        self._find_windows = find_windows
        self._path_exists = path_exists or _path_exists
        self._waiting: deque[tuple[str | bytes, str | tuple[str, str]]] = deque(maxlen=_MAX_WAITING)
        self._paths: deque[tuple[str, str]] = deque(maxlen=_MAX_WAITING)
        self._met: set[int] = set()  # by hash, keyed per process: a text here would be kept alive
        self._lock = Threads.RLock()
        self._generation = 0
        self._is_off = False
        self._is_asked_to_wipe = False
        self._keepers = 0
        self._is_wiped_on_release = False
        self._begin()

    def _begin(self) -> None:
        self._index = SecretIndex(self._find_windows)
        self._secrets: OrderedDict[bytes, _Secret] = OrderedDict()
        self._owners: dict[bytes, bytes] = {}

    @property
    def generation(self) -> int:
        """Another number once another secret is known."""
        if self._waiting:
            self._take_waiting()
        return self._generation

    def __len__(self) -> int:
        return len(self._secrets)

    @property
    def windows(self) -> tuple[()] | tuple[bytes, bytes] | None:
        """What compiled code sees the secrets by; see `filters.types.SecretStore`."""
        with self._lock:
            return self._index.windows() if self._secrets else ()

    def learn(self, value: object, place: str | tuple[str, str], /) -> None:
        """Take a hidden value if it is an exact text or bytes object; safe in a callback."""
        kind = type(value)
        if (kind is not str and kind is not bytes) or len(value) < MIN_LENGTH:  # type: ignore[arg-type]
            return
        key = hash(value)
        if key in self._met or self._is_off or len(value) > MAX_LENGTH:  # type: ignore[arg-type]
            return
        if len(self._met) >= _MAX_MET or len(self._waiting) >= _MAX_WAITING:
            self._met.clear()  # what the full queue drops is learned at its next appearance
        self._met.add(key)
        self._waiting.append((value, place))  # type: ignore[arg-type]

    @property
    def learned(self) -> LearnedTexts:
        """What `learn` would leave alone."""
        return LearnedTexts(self._met, MIN_LENGTH, MAX_LENGTH)

    def learn_environment(
        self, environment: Mapping[str, str], is_secret_name: Callable[[str], bool]
    ) -> None:
        """Take the variables of this process whose names are secret.

        ``PWD`` of a shell is no secret; to search it for one would take 11 ms at each start.
        """
        for name, value in environment.items():
            if is_secret_name(name) and not (name in _DIRECTORIES and self._is_there(value)):
                self.learn(value, f"environment variable {name}")

    def _is_there(self, text: str) -> bool:
        return text.startswith("/") and self._path_exists(text)

    def search(
        self, texts: Sequence[str], cut: Sequence[bool] | None = None
    ) -> list[tuple[int, Part, str]]:
        """Return index of the text, part to hide, and place of each known secret in texts."""
        if self._waiting:
            self._take_waiting()
        if not self._secrets:
            return []
        with self._lock:
            return [
                (found.text, found.part, self._meet(found.digest))
                for found in self._index.search(texts, cut)
            ]

    def most_met(self) -> dict[str, int]:
        """Return where the secrets that came again most often were hidden first, and how often.

        A word that somebody gave as a password is seen here: it is met in innocent texts.
        """
        with self._lock:
            met = Counter[str]()
            for secret in self._secrets.values():
                met[secret.place] += secret.met
        # not `most_common`, which imports a module as the program ends
        most = sorted(met.items(), key=itemgetter(1), reverse=True)
        return {place: count for place, count in most[:_SHOWN] if count}

    def settle(self) -> None:
        """Take what waits, paths as well; not to be called on a thread of the program."""
        if self._waiting:
            self._take_waiting()
        while self._paths:
            path, place = self._paths.popleft()
            if not self._path_exists(path):
                self._add(path, place)

    def wipe(self, *, is_off: bool = False) -> None:
        """Forget everything; learn nothing more if ``is_off``."""
        if is_off and self._keepers:
            self._is_wiped_on_release = True
        else:
            self._wipe(is_off=is_off)

    def _wipe(self, *, is_off: bool) -> None:
        with self._lock:
            self._is_off = is_off
            self._waiting.clear()
            self._paths.clear()
            self._met.clear()
            self._begin()
            self._generation += 1

    def keep(self) -> None:
        """Know and learn beyond the end of a session, for spans that are still to be exported."""
        self._keepers += 1

    def release(self) -> None:
        """Take back a `keep`; the last one does what the end of the session asked for."""
        self._keepers -= 1
        if self._is_wiped_on_release and not self._keepers:
            self._is_wiped_on_release = False
            self.wipe(is_off=True)

    def wipe_later(self) -> None:
        """Learn nothing more, and forget everything once what was recorded has been judged."""
        with self._lock:
            self._is_off = self._is_asked_to_wipe = True

    def wipe_if_asked(self) -> None:
        """Do what `wipe_later` asked for; called as nothing waits to be judged."""
        if self._is_asked_to_wipe:
            with self._lock:
                if self._is_asked_to_wipe:  # no `resume` has withdrawn it meanwhile
                    self._is_asked_to_wipe = False
                    self._wipe(is_off=True)

    def begin_again(self) -> None:
        """Learn again after `wipe_later`."""
        with self._lock:
            self._is_off = self._is_asked_to_wipe = False

    def after_fork(self) -> None:
        """Go on in a forked child with what the parent knew."""
        self._lock = Threads.RLock()

    def _take_waiting(self) -> None:
        with self._lock:
            while self._waiting:
                item = self._waiting[0]
                self._take(*item)
                # Removed only when learned: a thread that finds the queue empty searches at once.
                if self._waiting and self._waiting[0] is item:
                    self._waiting.popleft()

    def _take(self, value: str | bytes, stated: str | tuple[str, str]) -> None:
        text = value if isinstance(value, str) else _text_of(value)
        place = stated if isinstance(stated, str) else _place_text(*stated)
        for secret in secrets_in(text):
            if secret.startswith(_PATH_BEGINS):
                self._paths.append((secret, place))
            elif secret not in sys.modules:
                self._add(secret, place)

    def _add(self, secret: str, place: str) -> None:
        digest = self._index.digest(secret.encode("utf-8", "surrogatepass"))
        with self._lock:
            if digest in self._secrets:
                self._secrets.move_to_end(digest)
                return
            forms = [self._index.form_of(form) for form in _searched(forms_of(secret))]
            while len(self._secrets) >= MAX_SECRETS:
                self._forget_oldest()
            self._secrets[digest] = _Secret(place, tuple(forms))
            for form in forms:
                self._index.add(form)
                self._owners[form.digest] = digest
            self._generation += 1

    def _forget_oldest(self) -> None:
        digest, secret = self._secrets.popitem(last=False)
        for form in secret.forms:
            self._index.remove(form)
            if self._owners.get(form.digest) == digest:
                del self._owners[form.digest]
        self._met.clear()  # so that a forgotten secret is learned again when it is next hidden

    def _meet(self, digest: bytes | None) -> str:
        owner = None if digest is None else self._owners.get(digest)
        if owner is None or owner not in self._secrets:
            return ""
        self._secrets.move_to_end(owner)
        secret = self._secrets[owner]
        secret.met += 1
        return secret.place


def _path_exists(path: str) -> bool:
    try:
        Os.lstat(Paths.expanduser(path))
    except (OSError, ValueError):
        return False
    return True


def _searched(forms: Iterable[bytes]) -> list[bytes]:
    return [form for form in forms if len(form) >= MIN_BYTES and b"\0" not in form]


def _place_text(what: str, rest: str) -> str:
    if not rest.startswith(" at "):
        return f"{what} {_shown_name(rest)}".rstrip()
    kind, _, name = what.partition(" ")
    return f"{kind} {_shown_name(name)}".rstrip() + rest


def _shown_name(name: str) -> str:
    """Return a name that the program gave, or nothing for a text that may hold the secret itself.

    What says that its neighbour is a secret may be a whole line: ``("password=X", "X")``.
    """
    is_name = _NAME.fullmatch(name) is not None
    is_secret = any(any(shape.find(name, is_cut=False)) for shape in SHAPES)
    return name if is_name and not is_secret else ""


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
