"""Checkpoint files: what is written comes back, and every kind of damage is told apart."""

import dataclasses
from pathlib import Path

import pytest
import torch

from optical_memory.checkpoint import Checkpoint, fill, fingerprint_of, quantise, save_checkpoint
from optical_memory.config import default, tiny_random
from optical_memory.errors import CheckpointError, DeviceError
from optical_memory.loading import load_model


def test_quantised_rows_come_back_within_half_a_step() -> None:
    weight = torch.randn(5, 7, 3, 3) * torch.logspace(-3, 2, 5)[:, None, None, None]
    stored = quantise(weight)
    error = (stored.matrix() - weight).abs().flatten(1).amax(1)
    assert stored.levels.dtype == torch.int8
    assert (error <= stored.scale * 0.5001).all()


def test_a_few_large_values_do_not_coarsen_the_others(tmp_path: Path) -> None:
    """What a matrix that began as the identity looks like."""
    weight = torch.eye(64) + torch.randn(64, 64, generator=torch.Generator().manual_seed(0)) * 0.01
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, tiny_random(), {"a": weight, "b": torch.zeros(3, 5)}, {})
    loaded = Checkpoint(path).load(["a", "b"])
    others = ~torch.eye(64, dtype=torch.bool)
    assert torch.allclose(loaded["a"].diagonal(), weight.diagonal(), rtol=5e-4)
    assert (loaded["a"] - weight)[others].std() < 0.01 * weight[others].std()
    assert not loaded["b"].any()


def test_a_row_of_two_kinds_of_values_has_no_thousand_outliers() -> None:
    """What a matrix looks like that has one block among next to nothing, and one value beyond both."""
    weight = torch.randn(64, 256, generator=torch.Generator().manual_seed(0)) * 0.01
    weight[:, :64] += torch.randn(64, 64, generator=torch.Generator().manual_seed(1)).sign()
    weight[:, 100] = 30.0
    quantised = quantise(weight)
    assert quantised.places.tolist() == [row * 256 + 100 for row in range(64)]
    assert (quantised.matrix() - weight).abs().max() < 0.01


def test_rows_of_few_values_cost_next_to_nothing_and_come_back_exactly(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sparse = torch.zeros(300, 500)
    sparse[7, 3], sparse[250, 499] = 2.5, -1e6
    half = torch.cat([torch.randn(2, 500), torch.zeros(298, 500)])
    experts = torch.zeros(4, 6, 500)
    experts[1, 2] = torch.randn(500)
    tensors = {"sparse": sparse, "half": half, "experts": experts, "nothing": torch.zeros(300, 500)}
    file = tmp_path / "few.safetensors"

    save_checkpoint(file, tiny_random(), tensors, {})
    loaded = Checkpoint(file).load([""])

    assert file.stat().st_size < 20_000
    assert loaded.keys() == tensors.keys()
    assert torch.equal(loaded["sparse"], sparse) and torch.equal(loaded["nothing"], tensors["nothing"])
    for name in ("half", "experts"):
        assert loaded[name].shape == tensors[name].shape
        assert torch.allclose(loaded[name], tensors[name], atol=0.02)


def test_configuration_and_notes_come_back(tiny_checkpoint: Path) -> None:
    checkpoint = Checkpoint(tiny_checkpoint)
    assert checkpoint.config == tiny_random()
    assert checkpoint.notes == {"note": "random"}


def test_only_the_prefixes_asked_for_are_read(tiny_checkpoint: Path) -> None:
    names = Checkpoint(tiny_checkpoint).load(["readout."])
    assert names and all(name.startswith("readout.") for name in names)


def test_vectors_are_stored_exactly(tmp_path: Path) -> None:
    vector, stack = torch.randn(9), torch.randn(2, 3, 4)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, tiny_random(), {"a": vector, "b": stack}, {})
    loaded = Checkpoint(path).load(["a", "b"])
    assert torch.equal(loaded["a"], vector)
    assert loaded["b"].shape == stack.shape
    assert (loaded["b"] - stack).abs().max() < 0.02


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*absent"):
        load_model(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 1000, -10])
def test_truncated_file_is_called_damaged(tiny_checkpoint: Path, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny_checkpoint.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoint(path)


def test_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="format None"):
        Checkpoint(path)


def test_tensor_that_is_missing_or_of_another_shape_is_named(tmp_path: Path) -> None:
    module = torch.nn.Linear(3, 2)
    with pytest.raises(CheckpointError, match=r"lacks the tensor 'm\.bias'"):
        fill(module, {"m.weight": torch.zeros(2, 3)}, "m.", tmp_path)
    with pytest.raises(CheckpointError, match=r"'m\.weight' has shape \(3, 2\), the model needs \(2, 3\)"):
        fill(module, {"m.weight": torch.zeros(3, 2), "m.bias": torch.zeros(2)}, "m.", tmp_path)
    with pytest.raises(CheckpointError, match="no place for: more"):
        tensors = {"m.weight": torch.zeros(2, 3), "m.bias": torch.zeros(2), "m.more": torch.zeros(1)}
        fill(module, tensors, "m.", tmp_path)


def test_failed_save_leaves_the_old_checkpoint(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(tiny_checkpoint.read_bytes())

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("optical_memory.checkpoint.save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, tiny_random(), {"a": torch.zeros(3)}, {})
    assert path.read_bytes() == tiny_checkpoint.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_fingerprint_changes_with_a_single_weight() -> None:
    tensors = {"a": torch.zeros(4), "b": torch.ones(2, 2)}
    changed = {"a": torch.zeros(4), "b": torch.ones(2, 2)}
    assert fingerprint_of(tensors) == fingerprint_of(changed)
    changed["b"][1, 1] += 1e-6
    assert fingerprint_of(tensors) != fingerprint_of(changed)


def test_device_that_does_not_exist_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(DeviceError, match="abacus"):
        load_model(tiny_checkpoint, "abacus")


def test_decoder_and_encoder_must_agree_on_width() -> None:
    config = default()
    with pytest.raises(ValueError, match="make them equal"):
        dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, width=512))
