"""The linear layer, through the faster of PyTorch's two products of float32 matrices on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
MULTIPLIES_BFLOAT16: bool = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
"""Whether this processor does so by itself; elsewhere bfloat16 is converted number by number."""


class Linear(nn.Linear):
    """`torch.nn.Linear`, by oneDNN where it computes rows in float32 on a CPU without gradients.

    PyTorch takes MKL there, whose kernels for other makers' processors are its older ones: on two cores of an AMD EPYC
    oneDNN makes 160 to 215 GFLOP a second out of the same products for which MKL makes 110 to 165. Of a single row MKL makes
    a product of a matrix and a vector: on one EPYC in half of oneDNN's time, on a newer one, with AVX512-BF16, in twice that.
    bfloat16 goes to oneDNN anyway. This is the operator that `torch.compile` puts in the place of a linear layer.
    """

    def forward(self, features: Tensor) -> Tensor:
        """(..., in) -> (..., out)"""
        return linear(features, self.weight, self.bias)


def linear(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(..., in), (out, in) -> (..., out): what `Linear` does, of weights that are no layer's own."""
    if _HAS_ONEDNN and _gains(features, weight):
        product: Tensor = torch.ops.mkldnn._linear_pointwise(features, weight, bias, "none", [], "")
        return product
    return functional.linear(features, weight, bias)


def _gains(features: Tensor, weight: Tensor) -> bool:
    return (
        features.device.type == "cpu"
        and features.dtype == weight.dtype == torch.float32
        and (MULTIPLIES_BFLOAT16 or features.shape[:-1].numel() > 1)
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
    )


def through_onednn(module: nn.Module) -> None:
    """Makes every plain linear layer of a model that others wrote one of these: the same weights under the same names."""
    for layer in module.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear
