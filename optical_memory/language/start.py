"""How a decoder that is trained from nothing starts: looking things up and copying them is given, not discovered.

Answers from a passage take induction (arXiv 2209.11895): heads that know what stood just before, and heads that find where the same
stood earlier. In training they come late and by chance; here they are there from the first step, and are trained like the rest.

The width is divided into rooms as wide as a head: what stands HERE, what stood one to so many places back, features of groups of
characters, what is to be said. The last room holds a constant, by which heads can go by distance alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from optical_memory.language.circuits import by_distance, quiet, silence
from optical_memory.language.decoder import Decoder

_NOISE = 0.02
_CONSTANT = 8.0
_SHARPNESS = 8.0
"""By how much the scores of a head's best place exceed those of its neighbours, about."""
_BAG = 20
"""Positions: the middle of the stretch whose groups of characters are thrown together."""
_GROUP = 0.6
"""Size of a group's features: small beside those of the bag, or a stretch would be like itself alone."""


@dataclass(frozen=True, slots=True)
class _Rooms:
    """Where in a row each thing stands."""

    head: int
    here: slice
    back: tuple[slice, ...]
    groups: tuple[slice, ...]
    said: slice
    constant: int

    @classmethod
    def of(cls, width: int, heads: int) -> "_Rooms":
        head = width // heads
        rooms = [slice(head * room, head * (room + 1)) for room in range(heads)]
        free = heads - 3
        num_groups = free // 3
        num_back = free - num_groups
        return cls(
            head,
            rooms[0],
            tuple(rooms[1 : 1 + num_back]),
            tuple(rooms[1 + num_back : 1 + free]),
            rooms[1 + free],
            width - 1,
        )

    @property
    def constants(self) -> tuple[int, int]:
        """What queries and keys are where a head goes by distance alone."""
        return self.constant, self.constant

    @property
    def run(self) -> tuple[slice, ...]:
        """What stands here, then what stood one place back, two, and so on."""
        return (self.here, *self.back)


@torch.no_grad()
def start_looking_up(decoder: Decoder, like_a_space: Sequence[tuple[int, int]] = ()) -> None:
    """Sets the weights so that the last dense layer looks back, the one behind it finds what followed the same characters before,
    and the last finds what followed the same characters after a like stretch of text. Dense layers before that one, which see to
    reading (language/reading_layers.py), are silent.

    `like_a_space`: (token, space) pairs; the token is followed by what would follow the space. Raises ValueError for fewer than
    four heads, or layers of other kinds.
    """
    config = decoder.config
    kinds = list(config.mlp_layer_types)
    num_reading = kinds.count("dense") - 1
    if config.num_attention_heads < 4 or num_reading < 0 or kinds[num_reading:][1:2] != ["sparse"]:
        raise ValueError(
            "the start needs at least 4 heads and a dense layer before at least one sparse, got "
            f"{config.num_attention_heads} heads and {', '.join(kinds)}"
        )
    rooms = _Rooms.of(config.hidden_size, config.num_attention_heads)
    for parameter in decoder.parameters():
        if parameter.ndim > 1:
            parameter.normal_(0.0, _NOISE)
    codes = torch.randn(config.vocab_size, rooms.head).sign()
    for token, space in like_a_space:
        codes[token] = torch.where(torch.rand(rooms.head) < 0.7, codes[space], codes[token])
    embedding = decoder.model.embed_tokens.weight
    embedding[:, rooms.here] += codes
    embedding[:, rooms.constant] += _CONSTANT
    decoder.lm_head.weight[:, rooms.said] += 0.12 * codes
    for layer in decoder.model.layers[:num_reading]:
        silence(layer)
    first, second, *others = decoder.model.layers[num_reading:]
    frequencies = decoder.model.rotary_emb.inv_freq
    _look_back(first.self_attn, rooms, frequencies)
    _group(first.mlp, rooms)
    _gather(second.self_attn, rooms, frequencies)
    _follow(second.self_attn, rooms)
    if others:
        _look_up(others[-1].self_attn, rooms)
    for layer in (second, *others):
        layer.mlp.gate.weight.normal_(0.0, 0.05)


def rows_of_characters(embedding: Tensor, head: Tensor, heads: int, count: int) -> tuple[Tensor, Tensor]:
    """Rows (count, D) of embedding and head for new characters of a decoder that began so and has learnt since, of whose characters
    the rows (V, D) are given: as theirs are in the mean, with codes of their own."""
    rooms = _Rooms.of(embedding.shape[1], heads)
    codes = embedding[:, rooms.here]
    own = torch.randn(count, rooms.head, generator=torch.Generator().manual_seed(len(embedding))).sign()
    rows = tuple(table.mean(0).repeat(count, 1) for table in (embedding, head))
    for new, table, room in zip(rows, (embedding, head), (rooms.here, rooms.said), strict=True):
        new[:, room] = own * (table[:, room] * codes.sign()).mean()
    return rows[0], rows[1]


def _root_mean_square(energy: float, width: int) -> float:
    """Of a row whose rooms hold so much: what its norm divides by."""
    return math.sqrt((energy + _CONSTANT**2) / width)


def _carry(attention: nn.Module, head: int, rooms: _Rooms, source: slice, target: slice, scale: float) -> None:
    """What the head brings: the `source` room of where it looks, added to the `target` room."""
    rows = slice(head * rooms.head, (head + 1) * rooms.head)
    identity = torch.eye(rooms.head)
    attention.get_parameter("v_proj.weight")[rows, source] += identity
    attention.get_parameter("o_proj.weight")[target, rows] += scale * identity


def _look_back(attention: nn.Module, rooms: _Rooms, frequencies: Tensor) -> None:
    """Head h: what stood h + 1 places back."""
    width = attention.get_parameter("o_proj.weight").shape[0]
    norm = _root_mean_square(rooms.head, width)
    scale = (_SHARPNESS + 1) * norm / _CONSTANT
    used = slice(0, rooms.head * 7 // 32)
    quiet(attention, range(len(rooms.back)), rooms.head)
    for head, target in enumerate(rooms.back):
        by_distance(attention, head, rooms.head, rooms.constants, used, frequencies[used] * (head + 1), scale)
        _carry(attention, head, rooms, rooms.here, target, norm)


def _group(mlp: nn.Module, rooms: _Rooms) -> None:
    """Features of groups of characters: random products of the last two and the two before, small but where both are the same."""
    if not rooms.groups:
        return
    gate, up, down = (mlp.get_parameter(f"{name}_proj.weight") for name in ("gate", "up", "down"))
    hidden, width = gate.shape
    norm = _root_mean_square(rooms.head * len(rooms.run), width)
    spread = norm / math.sqrt(2 * rooms.head)
    for weight in (gate, up, down):
        weight.mul_(0.2)
    for room in rooms.run[:2]:
        gate[:, room] = 2 * spread * torch.randn(hidden, rooms.head)
    gate[:, rooms.constant] -= 1.5 * norm / _CONSTANT
    for room in rooms.run[2:4]:
        up[:, room] = spread * torch.randn(hidden, rooms.head)
    for room in rooms.groups:
        down[room] = (_GROUP / math.sqrt(hidden)) * torch.randn(rooms.head, hidden).sign()


def _gather(attention: nn.Module, rooms: _Rooms, frequencies: Tensor) -> None:
    """A head a room of groups: the groups of the last 40 places or so, thrown together."""
    width = attention.get_parameter("o_proj.weight").shape[0]
    norm = _root_mean_square(rooms.head * (len(rooms.run) + len(rooms.groups)), width)
    scale = math.sqrt(_SHARPNESS * 1.2) * norm / _CONSTANT
    used = slice(rooms.head * 7 // 64, rooms.head * 14 // 64)
    quiet(attention, range(len(rooms.groups)), rooms.head)
    for head, room in enumerate(rooms.groups):
        by_distance(attention, head, rooms.head, rooms.constants, used, frequencies[used] * _BAG, scale)
        _carry(attention, head, rooms, room, room, 36 * norm)


def _follow(attention: nn.Module, rooms: _Rooms) -> None:
    """The next heads: what followed the last two, three, four ... characters where they stood before."""
    width = attention.get_parameter("o_proj.weight").shape[0]
    norm = _root_mean_square(rooms.head * (len(rooms.run) + len(rooms.groups)), width)
    first = len(rooms.groups)
    heads = range(first, min(first + 4, first + len(rooms.back)))
    quiet(attention, heads, rooms.head)
    for length, head in enumerate(heads, 2):
        pairs = list(pairwise(rooms.run))[:length]
        _match(attention, head, rooms, pairs, math.sqrt(4 * _SHARPNESS) * norm)
        _carry(attention, head, rooms, rooms.here, rooms.said, norm / 4)


def _look_up(attention: nn.Module, rooms: _Rooms) -> None:
    """Two heads of three: what followed the last two characters where they stood before, after a stretch of like groups; not just
    now, where the stretch is most like itself."""
    width = attention.get_parameter("o_proj.weight").shape[0]
    energy = rooms.head * (len(rooms.run) + 8 * len(rooms.groups) + 1)
    norm = _root_mean_square(energy, width)
    heads = range((rooms.constant + 1) // rooms.head * 2 // 3)
    used = slice(rooms.head * 4 // 64, rooms.head * 10 // 64)
    turns = torch.full((used.stop - used.start,), math.pi)
    quiet(attention, heads, rooms.head)
    for head in heads:
        by_distance(attention, head, rooms.head, rooms.constants, used, turns, 6 * norm / _CONSTANT)
        pairs = list(pairwise(rooms.run))[:2]
        _match(attention, head, rooms, pairs, math.sqrt(3 * _SHARPNESS) * norm)
        likeness = [(room, room) for room in rooms.groups]
        _match(attention, head, rooms, likeness, math.sqrt(_SHARPNESS * rooms.head) * norm / 8)
        _carry(attention, head, rooms, rooms.here, rooms.said, norm / 4)


def _match(attention: nn.Module, head: int, rooms: _Rooms, pairs: Sequence[tuple[slice, slice]], scale: float) -> None:
    """A head that looks for keys whose second rooms hold what the query's first rooms hold: random projections of both, on the slow
    frequencies of the rotary positions, which hardly turn within a passage."""
    half = rooms.head // 2
    slow = torch.cat([torch.arange(half // 2, half), torch.arange(half + half // 2, rooms.head)]) + head * rooms.head
    query, key = attention.get_parameter("q_proj.weight"), attention.get_parameter("k_proj.weight")
    for here, there in pairs:
        projection = torch.randn(len(slow), rooms.head) * scale / math.sqrt(len(slow) * rooms.head)
        query[slow, here] += projection
        key[slow, there] += projection
