"""Finds known secrets in texts without keeping them: one pass over many texts at a time.

Of each form of a secret the index keeps its length, a keyed digest of the whole, and fingerprints
of a few bytes, one for every offset that a window of fixed stride can fall on. Texts are joined,
read as machine words, and looked up in a table by C code; Python runs only where a fingerprint was
found. The bytes are substituted by a random table first, so that no part of a secret lies in
memory as it is written; who can read this memory can read the program's own values as well.

Compiled code, where there is some, reads a window at every byte instead: each form needs but one.
"""

from __future__ import annotations

import random
import sys
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.bindings import Digests
from codetracer_otel.data_classes import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    # text, 256 substitutes, bits: where windows of eight bytes stand whose bit is set
    FindWindows = Callable[[bytes, bytes, bytes], list[int]]

MIN_BYTES: Final = 7  # a shorter form has no window that is found wherever it stands
_ORDER: Final = sys.byteorder
_SEPARATOR: Final = "\0"
_KEY_BYTES: Final = 32
_DIGEST_BYTES: Final = 16
_DRAWN_BYTES: Final = 8  # that two are equal in a table is one chance in 5e14
_HEADS: Final = (8, 4)  # bytes of a beginning that a text may be cut behind

# Width and stride in bytes of what is read of a text. The wider the stride the fewer words are
# looked up, and the longer a form must be for one of its windows to be read.
_SHORT: Final = 4
_TIERS: Final = ((8, 16), (_SHORT, 8), (_SHORT, 4))

# Of a thousand secrets with eight forms each, one window in 130 of any text has a set bit.
_BIT_NAME: Final = 20
_BIT_BYTES: Final = 2**_BIT_NAME // 8
_KEPT_PLACES: Final = 2048
_MULTIPLIER: Final = 0x9E3779B97F4A7C15  # as in `_core/known.c`

Part = tuple[int, int]  # begin and end in code points


class Place(NamedTuple):
    """Where a form stands around one of its windows: bytes before it, and bytes in all."""

    before: int
    length: int


# Nearly every window has one place and is in one form. A table for each took 180 bytes: with those
# of 4,096 secrets 100 MB, in a million objects that the collector visited.
_AtWindow = Place | dict[Place, int]


class Form(NamedTuple):
    """What is kept of one form of a secret.

    Attributes:
        digest: keyed, of the whole.
        tier: index of the windows' width and stride.
        length: in bytes.
        windows: fingerprints, each a byte further on, the last one of its end; bytes where compiled
            code searches, numbers otherwise.
        heads: fingerprints of its beginning.
    """

    digest: bytes
    tier: int
    length: int
    windows: tuple[Any, ...]
    heads: tuple[int, ...]


class Found(NamedTuple):
    """A known secret in a text.

    Attributes:
        text: index of the text.
        part: what is to be hidden.
        digest: of the form that was found; None for the beginning of one that was cut off.
    """

    text: int
    part: Part
    digest: bytes | None


class SecretIndex:
    """The forms of known secrets; for one thread at a time.

    Args:
        find_windows: of compiled code; None where there is none.
    """

    def __init__(self, find_windows: FindWindows | None = None) -> None:
        drawn = random.SystemRandom().randbytes(_KEY_BYTES + 256 * _DRAWN_BYTES)
        self._key = drawn[-_KEY_BYTES:]
        # one system call: `sample` makes one for each byte
        order = [drawn[_DRAWN_BYTES * byte :][:_DRAWN_BYTES] for byte in range(256)]
        self._substitution = bytes(sorted(range(256), key=order.__getitem__))
        self._tiers: list[_Tier | _CompiledTier] = [_Tier(*tier) for tier in _TIERS]
        if find_windows is not None:
            self._tiers[:-1] = [_CompiledTier(find_windows)]
        self._digests: dict[bytes, int] = {}
        self._heads: dict[int, int] = {}
        self._longest = 0

    def digest(self, form: bytes) -> bytes:
        """Return the digest that only this index computes."""
        digest: bytes = Digests.blake2b(form, digest_size=_DIGEST_BYTES, key=self._key).digest()
        return digest

    def form_of(self, form: bytes) -> Form:
        """Return what is kept of a form of at least `MIN_BYTES`."""
        number = next(i for i, tier in enumerate(self._tiers) if len(form) >= tier.shortest)
        hidden = form.translate(self._substitution)
        heads = tuple(hash(hidden[:length]) for length in _HEADS)
        windows = tuple(self._tiers[number].windows_of(hidden))
        return Form(self.digest(form), number, len(form), windows, heads)

    def add(self, form: Form) -> None:
        """Find a form from now on."""
        _count(self._digests, form.digest)
        for head in form.heads:
            _count(self._heads, head)
        self._tiers[form.tier].add(form)
        self._longest = max(self._longest, form.length)

    def remove(self, form: Form) -> None:
        """Find a form no longer, as often as it was added."""
        _uncount(self._digests, form.digest)
        for head in form.heads:
            _uncount(self._heads, head)
        self._tiers[form.tier].remove(form)

    def windows(self) -> tuple[bytes, bytes] | None:
        """Return the substitutes of bytes and the bits of windows, or None where Python searches.

        Compiled code sees forms of a whole window alone.
        """
        compiled, *shorter = self._tiers
        if not isinstance(compiled, _CompiledTier) or any(map(bool, shorter)):
            return None
        return self._substitution, compiled.bits

    def search(self, texts: Sequence[str], cut: Sequence[bool] | None = None) -> list[Found]:
        """Return every known secret in the texts, in no order; parts may overlap.

        Args:
            texts: any texts; many at a time are cheaper than one by one.
            cut: which of them were cut off at their end; None for none.
        """
        if not self._digests:
            return []
        joined = _Joined(texts)
        found = list(self._whole(joined))
        if cut is not None:
            for index, is_cut in enumerate(cut):
                if is_cut:
                    found += self._beginning(index, texts[index])
        return found

    def _whole(self, joined: _Joined) -> Iterator[Found]:
        raw = joined.raw
        for tier in self._tiers:
            for begin, length in tier.candidates(raw, self._substitution):
                digest = self.digest(raw[begin : begin + length])
                if digest in self._digests:
                    yield joined.found(begin, begin + length, digest)

    def _beginning(self, index: int, text: str) -> Iterator[Found]:
        """Yield the end of a text that was cut where it may be the beginning of a secret."""
        tail = text[-self._longest :]
        hidden = tail.encode("utf-8", "surrogatepass").translate(self._substitution)
        longest, shortest = _HEADS
        for begin in range(len(hidden) - shortest + 1):
            length = longest if len(hidden) - begin >= longest else shortest
            if hash(hidden[begin : begin + length]) in self._heads:
                shown = len(text) - len(tail) + _characters(tail, begin)
                yield Found(index, (shown, len(text)), None)
                return


class _Tier:
    """The fingerprints of forms of at least ``shortest`` bytes."""

    def __init__(self, width: int, stride: int) -> None:
        self.shortest = width + stride - 1
        self._width = width
        self._stride = stride
        self._places: dict[int, _AtWindow] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def windows_of(self, form: bytes) -> Iterator[int]:
        # At the end: what tokens begin with is often the same for all of a vendor.
        last = len(form) - self._width
        for before in range(last - self._stride + 1, last + 1):
            yield int.from_bytes(form[before : before + self._width], _ORDER)

    def add(self, form: Form) -> None:
        for value, place in self._placed(form):
            _put(self._places, value, place)

    def remove(self, form: Form) -> None:
        for value, place in self._placed(form):
            _take_out(self._places, value, place)

    def _placed(self, form: Form) -> Iterator[tuple[int, Place]]:
        first = form.length - self._width - self._stride + 1
        for number, value in enumerate(form.windows):
            yield value, _place(first + number, form.length)

    def candidates(self, text: bytes, substitution: bytes) -> set[tuple[int, int]]:
        """Return begin and length of everything in a text that has a window of a form."""
        if not self._places:
            return set()
        raw = text.translate(substitution)
        words = memoryview(raw + bytes(-len(raw) % 16))
        typed = words.cast("I") if self._width == _SHORT else words.cast("Q")
        view = typed[:: self._stride // self._width]
        return {
            (begin - place.before, place.length)
            for value in self._places.keys() & view
            for begin in _aligned(raw, value.to_bytes(self._width, _ORDER), self._stride)
            for place in _each(self._places[value])
            if begin >= place.before
        }


class _CompiledTier:
    """The last windows of forms of at least ``shortest`` bytes, and a bit for each of them."""

    shortest = 8

    def __init__(self, find_windows: FindWindows) -> None:
        self._find = find_windows
        self._places: dict[bytes, _AtWindow] = {}
        self._bits = b""  # made anew from `_places` where it is empty

    @property
    def bits(self) -> bytes:
        """A table of `bits_of` with the windows that are known now."""
        self._bits = self._bits or bits_of(map(int.from_bytes, self._places))
        return self._bits

    def windows_of(self, form: bytes) -> Iterator[bytes]:
        yield form[-self.shortest :]

    def add(self, form: Form) -> None:
        _put(self._places, *self._placed(form))
        self._bits = b""

    def remove(self, form: Form) -> None:
        _take_out(self._places, *self._placed(form))
        self._bits = b""

    def _placed(self, form: Form) -> tuple[bytes, Place]:
        return form.windows[0], _place(form.length - self.shortest, form.length)

    def candidates(self, text: bytes, substitution: bytes) -> Iterator[tuple[int, int]]:
        """Yield begin and length of everything in a text that has a window of a form."""
        if not self._places:
            return
        for begin in self._find(text, substitution, self.bits):
            window = text[begin : begin + self.shortest].translate(substitution)
            there = self._places.get(window)
            if there is None:  # another window with the same bit
                continue
            for place in _each(there):
                if begin >= place.before:
                    yield begin - place.before, place.length


def bit_of(window: int) -> int:
    """Return the bit that a window has in a table of `bits_of`."""
    return (window * _MULTIPLIER % 2**64) >> (64 - _BIT_NAME)


def bits_of(windows: Iterable[int]) -> bytes:
    """Return a table in which the bit is set that compiled code names by a window."""
    bits = bytearray(_BIT_BYTES)
    for bit in map(bit_of, windows):
        bits[bit >> 3] |= 1 << (bit & 7)
    return bytes(bits)


class _Joined:
    """Texts joined, and where each of them stands."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        text = _SEPARATOR.join(texts)
        self.raw = text.encode("utf-8", "surrogatepass")
        self._is_ascii = len(self.raw) == len(text)
        self._begins: list[int] = []

    def found(self, begin: int, end: int, digest: bytes) -> Found:
        """Return where in which text these bytes stand."""
        if not self._begins:
            lengths = map(len if self._is_ascii else _bytes_of, self._texts)
            self._begins = [0, *accumulate(length + 1 for length in lengths)]
        index = bisect_right(self._begins, begin) - 1
        text, first = self._texts[index], self._begins[index]
        part = (_characters(text, begin - first), _characters(text, end - first))
        return Found(index, part, digest)


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _characters(text: str, offset: int) -> int:
    """Return how many code points stand before an offset in bytes."""
    if text.isascii():
        return offset
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "surrogatepass"))


def _aligned(raw: bytes, window: bytes, stride: int) -> Iterator[int]:
    begin = raw.find(window)
    while begin >= 0:
        if begin % stride == 0:
            yield begin
        begin = raw.find(window, begin + 1)


@lru_cache(_KEPT_PLACES)
def _place(before: int, length: int) -> Place:
    """Return the one place of many windows: forms of the same length have the same."""
    return Place(before, length)


def _put[W](places: dict[W, _AtWindow], window: W, place: Place) -> None:
    there = places.get(window)
    if there is None:
        places[window] = place
        return
    if isinstance(there, Place):
        there = places[window] = {there: 1}
    _count(there, place)


def _take_out[W](places: dict[W, _AtWindow], window: W, place: Place) -> None:
    there = places[window]
    if not isinstance(there, Place):
        _uncount(there, place)
        if there:
            return
    del places[window]


def _each(there: _AtWindow) -> Iterable[Place]:
    return (there,) if isinstance(there, Place) else there


def _count[T](counts: dict[T, int], key: T) -> None:
    counts[key] = counts.get(key, 0) + 1


def _uncount[T](counts: dict[T, int], key: T) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
