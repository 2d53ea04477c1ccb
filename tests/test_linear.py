"""The faster product says what the usual one says, and steps aside where it must."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from optical_memory import linear
from optical_memory.config import tiny_random
from optical_memory.language.decoder import blank_decoder, build_decoder
from optical_memory.linear import Linear


@pytest.mark.parametrize("shape", [(1, 48), (7, 48), (2, 5, 48), (2, 3, 4, 48)])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_torchs_linear_layer(shape: tuple[int, ...], bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = Linear(48, 20, bias=bias)
    plain = nn.Linear(48, 20, bias=bias)
    plain.load_state_dict(layer.state_dict())
    features = torch.randn(shape, generator=generator)
    with torch.inference_mode():
        ours, theirs = layer(features), plain(features)
        strided = layer(features.transpose(0, -2).contiguous().transpose(0, -2)) if len(shape) > 2 else ours
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(strided, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch was built without oneDNN")
def test_it_goes_to_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: torch.Tensor) -> None:
        raise AssertionError("went to torch's own product")

    monkeypatch.setattr(functional, "linear", refuse)
    with torch.inference_mode():
        assert Linear(8, 4)(torch.randn(3, 8)).shape == (3, 4)
        monkeypatch.setattr(linear, "MULTIPLIES_BFLOAT16", True)
        assert Linear(8, 4)(torch.randn(1, 1, 8)).shape == (1, 1, 4)
        monkeypatch.setattr(linear, "MULTIPLIES_BFLOAT16", False)
        with pytest.raises(AssertionError, match="torch's own"):
            Linear(8, 4)(torch.randn(1, 1, 8))  # a single row, which MKL multiplies faster on older processors
    with pytest.raises(AssertionError, match="torch's own"):
        Linear(8, 4)(torch.randn(3, 8))


def test_gradients_and_other_widths_go_the_usual_way() -> None:
    layer = Linear(8, 4)
    layer(torch.randn(3, 8)).sum().backward()
    assert layer.weight.grad is not None
    with torch.inference_mode():
        half = layer.to(torch.bfloat16)(torch.randn(3, 8, dtype=torch.bfloat16))
        assert half.dtype == torch.bfloat16
        with torch.autocast("cpu", torch.bfloat16):
            assert Linear(8, 4)(torch.randn(3, 8)).dtype == torch.bfloat16


def test_every_product_of_the_decoder_goes_there() -> None:
    config = tiny_random().decoder
    assert config is not None
    for decoder in (blank_decoder(config), build_decoder(config)):
        layers = [layer for layer in decoder.modules() if isinstance(layer, nn.Linear)]
        assert len(layers) > 10 and {type(layer) for layer in layers} == {Linear}
