"""The linear layer, through the faster of PyTorch's two products of float32 matrices on a CPU."""

import torch
from torch import Tensor, nn

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class Linear(nn.Linear):
    """`torch.nn.Linear`, by oneDNN where it computes in float32 on a CPU without gradients.

    PyTorch takes MKL there, whose kernels for other makers' processors are its older ones: on two cores of an AMD EPYC
    oneDNN makes 160 to 215 GFLOP a second out of the same products for which MKL makes 110 to 165. bfloat16 goes to oneDNN
    anyway. This is the operator that `torch.compile` puts in the place of a linear layer.
    """

    def forward(self, features: Tensor) -> Tensor:
        """(..., in) -> (..., out)"""
        if _HAS_ONEDNN and self._gains(features):
            product: Tensor = torch.ops.mkldnn._linear_pointwise(features, self.weight, self.bias, "none", [], "")
            return product
        return super().forward(features)

    def _gains(self, features: Tensor) -> bool:
        return (
            features.device.type == "cpu"
            and features.dtype == self.weight.dtype == torch.float32
            and not torch.is_grad_enabled()
            and not torch.is_autocast_enabled("cpu")
        )


def through_onednn(module: nn.Module) -> None:
    """Makes every plain linear layer of a model that others wrote one of these: the same weights under the same names."""
    for layer in module.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear
