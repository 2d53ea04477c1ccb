"""How a decoder reads a page: two layers that are set, not discovered. The first finds out where it is, the second what is there.

The row that is read lies in its signpost, the visual token across it in the column's, the cell in how far back that one is: the
first layer's heads bring all three. The second layer asks for the visual token that lies there, all of its heads for the same,
and fetches it whole; its hidden units are features of the cells, so many of each, of which those of one cell are let through; the
head has a column for every feature. Text without signposts goes through both unchanged: there is nothing to bring, and whoever
asks for no place finds the beginning.

Numbers of a row that serve this are set apart (language/numbers.py); no other token has anything there.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from optical_memory.config import READING_LAYERS
from optical_memory.language.circuits import by_distance
from optical_memory.language.decoder import Decoder
from optical_memory.language.numbers import Numbers
from optical_memory.language.signposts import signposts_of
from optical_memory.language.tokenizer import CharacterTokenizer

_FLAG = 8.0
"""A signpost's flags, beside a character's code of root mean square 8."""
_BEGINNING = 3.0
_BROUGHT = 1.0
"""What the first layer brings of a flag: little, as it brings visual tokens the mean of those before."""
_LOUD = 20.0
"""What comes next and the row, where no character is to be said, are made a thousand times as large: other layers must not drown
them."""
_FETCHED = 1e4
"""A fetched token, whose own root mean square is 1, beside all else in the row."""
_DECIDED = 10.0
"""A feature, beside the fetched token."""
_SHARP = 40.0
"""By how much a head's best place is ahead of its neighbours, about."""
_GATE = 40.0
_BOTH = 1.5
"""Flags, of the line's and the offset's, that let a cell's features through: more than one of them."""
_CONSTANT = 7.8
"""Of a character, about."""
_NEIGHBOUR = 0.8
"""By how much the best place's cosines of DISTANCE add up to more than its neighbour's."""
_ROW_BEFORE = 2.4
"""The same of RECENCY and the signpost of the row before."""
DISTANCE = slice(0, 7)
"""Frequencies that tell every distance up to 8,192 positions from every other."""
RECENCY = slice(9, 18)
"""Frequencies by which of two signposts a row apart the later one is found, wherever in the row."""
_HEAD_LARGEST = 0.3
"""Of the head's values for features: no larger than its others, with which they share eight bits. The norm before it does the
rest."""
_NO_PLACE = 25.0
"""By how many times the beginning's score is larger where no character of a page is to be said."""
SINK = 20.0
"""Score of the beginning, against 0 of a place that nobody asks for."""


@dataclass(frozen=True, slots=True)
class Finder:
    """How the token that lies somewhere is found and fetched; tokens are those of a context, normed.

    `directions` (D, P): what of a token tells its place. `rows`, `columns` (tokens, P): the sum of two, times what a token
    tells, is its score where that place is asked for. `sources` (D,): which of its numbers comes where, -1: none.
    """

    directions: Tensor
    rows: Tensor
    columns: Tensor
    sources: Tensor


@dataclass(frozen=True, slots=True)
class CellReader:
    """How the cells of a fetched token are read, normed again.

    `features` (cells * cells, F, D) of each cell, row by row. `classes` (C, F): a character's score, times the cell's features over
    their root mean square in a row.
    """

    features: Tensor
    classes: Tensor


@torch.no_grad()
def set_finding(decoder: Decoder, numbers: Numbers, finder: Finder) -> None:
    """Sets the rows of the signposts, the first layer, and how the second one asks and fetches; it makes nothing of it yet."""
    first, second = decoder.model.layers[:READING_LAYERS]
    for layer in (first, second):
        for parameter in layer.parameters():
            parameter.fill_(1.0) if parameter.ndim == 1 else parameter.zero_()
    part = _embed_signposts(decoder, numbers)
    _find_out(first.self_attn, decoder.model.rotary_emb.inv_freq, numbers, finder, part)
    _fetch(second.self_attn, decoder.model.embed_tokens.weight[CharacterTokenizer.BOS], numbers, finder)
    _ask_as_loudly(second.self_attn, _size_of_a_row(decoder, numbers), numbers)


@torch.no_grad()
def set_reading(decoder: Decoder, numbers: Numbers, reader: CellReader) -> None:
    """Sets what the second layer makes of a fetched token, and the head's columns for its features.

    Raises ValueError if the hidden units are too few for the features of all cells of a token.
    """
    cells, num_features, _ = reader.features.shape
    needed, there = cells * num_features + len(_quiet_ones(numbers)), decoder.config.intermediate_size
    if needed > there:
        raise ValueError(
            f"{cells} cells of {num_features} features need {needed} hidden units, the decoder has {there}"
        )
    mlp = decoder.model.layers[1].mlp
    _see(mlp, numbers, reader)
    _speak_up(mlp, numbers)
    _name(decoder, numbers, reader)


def _embed_signposts(decoder: Decoder, numbers: Numbers) -> float:
    """A signpost's flags, and a constant that is to them as to a character's code, so that heads that go by distance know no kinds.
    -> the constant's part of a token's length."""
    table = decoder.model.embed_tokens.weight
    signposts = signposts_of(numbers.signposts, len(table))
    characters = table[CharacterTokenizer.FIRST : signposts.first]
    characters[:, numbers.all] = 0.0
    part = float((characters[:, numbers.constant] / characters.norm(dim=1)).mean())
    table[: CharacterTokenizer.FIRST, numbers.all] = 0.0
    table[CharacterTokenizer.BOS, numbers.beginning] = _BEGINNING
    table[signposts.first :], table[CharacterTokenizer.READ] = 0.0, 0.0
    table[CharacterTokenizer.READ, numbers.prompt] = _FLAG
    for row, token in enumerate(signposts.rows):
        for number in (
            numbers.row.start + row // numbers.signposts.cells,
            numbers.line.start + row % numbers.signposts.cells,
            numbers.row_signpost,
        ):
            table[token, number] = _FLAG
    for column, token in enumerate(signposts.columns):
        table[token, numbers.column.start + column] = _FLAG
    for token in (CharacterTokenizer.READ, *signposts.rows, *signposts.columns):
        table[token, numbers.constant] = table[token].norm() * part / math.sqrt(1 - part**2)
    return part


def _find_out(attention: nn.Module, frequencies: Tensor, numbers: Numbers, finder: Finder, part: float) -> None:
    """Heads 0 to `cells`: the column's signpost so many places back. The next head: the last row's signpost."""
    signposts = numbers.signposts
    value, output = (attention.get_parameter(f"{name}_proj.weight") for name in ("v", "o"))
    size = numbers.head
    constant = part * math.sqrt(numbers.width)  # of a normed row
    one_flag = math.sqrt((1 - part**2) * numbers.width)
    three_flags = one_flag / math.sqrt(3)
    temperature = math.sqrt(size)
    seen = torch.arange(signposts.tokens)
    to_itself = (numbers.constant, numbers.constant)
    scale = math.sqrt(_SHARP / _NEIGHBOUR * temperature) / constant
    for back in range(signposts.cells + 1):
        channels = back * size + seen
        by_distance(attention, back, size, to_itself, DISTANCE, frequencies[DISTANCE] * back, scale)
        value[channels, numbers.column.start + seen] = 1 / one_flag
        if back == signposts.cells:
            output[numbers.next.start + 1 + seen, channels] = _BROUGHT
        else:
            output[numbers.place, channels] = (_placing(finder) * finder.columns).T
            output[numbers.offset.start + back, channels] = _BROUGHT
    # Behind a row's signpost comes the first column, by so much as its own flags would otherwise outweigh it.
    for channel, source, flag, following, brought in (
        (signposts.tokens, numbers.row_signpost, three_flags, numbers.next.start, _FLAG + _BROUGHT),
        (signposts.tokens + 1, numbers.prompt, one_flag, numbers.next.stop - 1, _BROUGHT),
    ):
        value[channel, source] = 1 / flag
        output[following, channel] = brought

    last = signposts.cells + 1
    flags = torch.arange(signposts.tokens + signposts.cells)
    channels = last * size + flags
    turns = torch.zeros(RECENCY.stop - RECENCY.start)
    scale = math.sqrt(_SHARP / _ROW_BEFORE * temperature / (constant * three_flags))
    by_distance(attention, last, size, (numbers.constant, numbers.row_signpost), RECENCY, turns, scale)
    value[channels, numbers.row.start + flags] = 1 / three_flags
    output[numbers.row.start + flags, channels] = _BROUGHT
    output[numbers.place, channels[: signposts.tokens]] = (_placing(finder) * finder.rows).T


def _speak_up(mlp: nn.Module, numbers: Numbers) -> None:
    """The last hidden units: the row and what comes next, the louder the less else there is: not where a token was fetched."""
    gate, up, down = (mlp.get_parameter(f"{name}_proj.weight") for name in ("gate", "up", "down"))
    quiet = _quiet_ones(numbers)
    units = torch.arange(len(gate) - len(quiet), len(gate))
    gate[units, numbers.constant] = 1.0
    up[units, quiet] = 1.0
    down[quiet, units] = _LOUD


def _quiet_ones(numbers: Numbers) -> list[int]:
    return [*range(numbers.row.start, numbers.row.stop), *range(numbers.next.start, numbers.next.stop)]


def _size_of_a_row(decoder: Decoder, numbers: Numbers) -> float:
    """Root mean square of a row behind the first layer, where a character of a page is to be said."""
    signposts = signposts_of(numbers.signposts, decoder.config.vocab_size)
    characters = range(CharacterTokenizer.FIRST, CharacterTokenizer.FIRST + numbers.signposts.cells - 1)
    tokens = [CharacterTokenizer.BOS, CharacterTokenizer.READ, signposts.rows[0], signposts.columns[0], *characters]
    ids = torch.tensor([tokens], device=decoder.device)
    behind = decoder.model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states[1]
    return float(behind[0, 3:].square().mean(-1).sqrt().mean())


def _ask_as_loudly(attention: nn.Module, size_of_a_row: float, numbers: Numbers) -> None:
    """Queries as long as if the row had not been normed."""
    query = attention.get_parameter("q_proj.weight")
    query[:, numbers.place] *= size_of_a_row
    query[:, numbers.offset] *= size_of_a_row
    query[:, numbers.constant] *= size_of_a_row


def _fetch(attention: nn.Module, beginning: Tensor, numbers: Numbers, finder: Finder) -> None:
    """All heads look for the same token, by frequencies that hardly turn, and each brings its part of it. What is found where
    nothing is asked for, the beginning, is made nothing of, by the constant that it has and visual tokens have little of."""
    query, key, value, output = (attention.get_parameter(f"{name}_proj.weight") for name in ("q", "k", "v", "o"))
    size = numbers.head
    half, width = size // 2, finder.rows.shape[1]
    slow = torch.cat([torch.arange(half - (width + 1) // 2, half), torch.arange(size - width // 2 - 1, size)])[
        : width + 1
    ]
    normed = beginning * math.sqrt(numbers.width) / beginning.norm()
    for head in range(numbers.width // size):
        places = head * size + slow
        query[places[:-1], torch.arange(numbers.place.start, numbers.place.stop)] = math.sqrt(size) / _placing(finder)
        key[places[:-1]] = finder.directions.T
        query[places[-1], numbers.constant] = (1 + _NO_PLACE) * math.sqrt(size) / float(beginning[numbers.constant])
        query[places[-1], numbers.offset] = -_NO_PLACE * math.sqrt(size) / _BROUGHT
        key[places[-1], numbers.beginning] = SINK / float(normed[numbers.beginning])
    value.copy_(torch.eye(numbers.width))
    value[:, numbers.constant] -= beginning / beginning[numbers.constant]
    targets = (finder.sources >= 0).nonzero().view(-1)
    output[targets, finder.sources[targets]] = _FETCHED


def _see(mlp: nn.Module, numbers: Numbers, reader: CellReader) -> None:
    """Hidden units: the features of every cell of a token. Those of the cell meant are let through, by line and offset."""
    gate, up, down = (mlp.get_parameter(f"{name}_proj.weight") for name in ("gate", "up", "down"))
    cells, num_features, _ = reader.features.shape
    side = numbers.signposts.cells
    let_through = _GATE * _FETCHED / _BROUGHT
    for cell in range(cells):
        units = slice(cell * num_features, (cell + 1) * num_features)
        gate[units, numbers.line.start + cell // side] = let_through
        gate[units, numbers.offset.start + cell % side] = let_through
        gate[units, numbers.constant] = -_BOTH * let_through * _BROUGHT / _CONSTANT
        gate[units, numbers.row_signpost] = -2 * let_through  # where a line stands, but no cell
        up[units] = reader.features[cell]
        down[numbers.features, units] = _DECIDED * _FETCHED * torch.eye(num_features)


def _placing(finder: Finder) -> float:
    """By how much the parts of queries are larger than what the first layer brings."""
    return _BROUGHT / float(torch.cat([finder.rows, finder.columns]).norm(dim=1).max())


def _name(decoder: Decoder, numbers: Numbers, reader: CellReader) -> None:
    """The head: features to characters, and what comes next to signposts."""
    head, gain = decoder.lm_head.weight, decoder.model.norm.weight
    signposts = signposts_of(numbers.signposts, len(head))
    head[:, numbers.features], head[signposts.first :] = 0.0, 0.0
    gain[numbers.features] = reader.classes.abs().max() / _HEAD_LARGEST
    head[CharacterTokenizer.FIRST : signposts.first, numbers.features] = reader.classes / gain[numbers.features]
    following, row = 4.5 / gain[numbers.next], 1.5 / gain[numbers.row]
    for column, token in enumerate(signposts.columns):
        head[token, numbers.next.start + column] = following[column]
    head[signposts.first, numbers.next.stop - 1] = following[-1]
    for before, token in enumerate(signposts.rows[1:]):
        head[token, numbers.next.stop - 2] = following[-2]
        for number in (before // numbers.signposts.cells, numbers.signposts.tokens + before % numbers.signposts.cells):
            head[token, numbers.row.start + number] = row[number]
