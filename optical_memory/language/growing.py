"""Keys and values that grow in place: a token more costs writing its own, not copying all that were there before."""

from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 256
"""Positions that a layer makes room for beyond those it needs: so many tokens are written for each copy of all before them."""


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """A layer of transformers' dynamic cache whose keys and values (B, heads, T, head) are the used part of larger tensors."""

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        self.keys, self.values = key_states[..., :0, :], value_states[..., :0, :]
        self._rooms = [self.keys, self.values]

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Adds the states of new positions; -> those of all. What the last call gave is void."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self.keys.untyped_storage().data_ptr() != self._rooms[0].untyped_storage().data_ptr():
            self._rooms = [self.keys, self.values]  # reordered, or moved to another device
        used = self.keys.shape[-2]
        needed = used + key_states.shape[-2]
        if self._rooms[0].shape[-2] < needed:
            larger = [self._larger(states, needed) for states in (self.keys, self.values)]
            self.erase()
            self._rooms = larger
        for room, states in zip(self._rooms, (key_states, value_states), strict=True):
            room[..., used:needed, :] = states
        self.keys, self.values = (room[..., :needed, :] for room in self._rooms)
        return self.keys, self.values

    def erase(self) -> None:
        """Overwrites all that was ever kept, what was cut off since with it."""
        if self.is_initialized:
            for room in self._rooms:
                room.zero_()

    @staticmethod
    def _larger(states: Tensor, needed: int) -> Tensor:
        *outer, used, size = states.shape
        room = states.new_empty(*outer, needed + ROOM, size)
        room[..., :used, :] = states
        return room


def has_window(config: PreTrainedConfig) -> bool:
    """Whether generated tokens attend to the prompt and to the last of their own only: transformers' own cache sees to it."""
    return getattr(config, "sliding_window", None) is not None


def cache_for(config: PreTrainedConfig) -> Cache:
    return DynamicCache(config=config) if has_window(config) else growing_cache()


def growing_cache() -> Cache:
    return Cache(layer_class_to_replicate=GrowingLayer)
