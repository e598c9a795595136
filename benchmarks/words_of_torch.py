"""The words of PyTorch. It counts channels second; in memory they are last, as it likes best."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional


class TorchWords:
    """See `workload.py`."""

    def __init__(self) -> None:
        self.abs, self.cos, self.exp, self.log = torch.abs, torch.cos, torch.exp, torch.log
        self.log1p, self.relu, self.sigmoid, self.sin = torch.log1p, torch.relu, torch.sigmoid, torch.sin
        self.sqrt, self.tanh, self.where = torch.sqrt, torch.tanh, torch.where
        self.sum, self.mean, self.max = torch.sum, torch.mean, torch.amax
        self.softplus = functional.softplus

    def softmax(self, x: Any) -> Any:
        return functional.softmax(x, -1)

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        return functional.layer_norm(x, x.shape[-1:], scale, offset)

    def transpose(self, x: Any) -> Any:
        return x.mT

    def in_order(self, x: Any) -> Any:
        """The same, in memory in the order of its dims."""
        return x.contiguous()

    def gelu(self, x: Any) -> Any:
        return functional.gelu(x, approximate="tanh")

    def split(self, x: Any, parts: int) -> Any:
        return x.chunk(parts, -1)

    def heads(self, x: Any, count: int) -> Any:
        batch, length, width = x.shape
        return x.reshape(batch, length, count, width // count).transpose(1, 2)

    def merged(self, x: Any) -> Any:
        return x.transpose(1, 2).flatten(2)

    def flat(self, x: Any) -> Any:
        return x.flatten(1)

    def rows(self, table: Any, indices: Any) -> Any:
        return functional.embedding(indices, table)

    def convolution(self, x: Any, filters: Any) -> Any:
        turned = functional.conv2d(x.permute(0, 3, 1, 2), filters.permute(3, 2, 0, 1), padding=1)
        return turned.permute(0, 2, 3, 1)

    def pool(self, x: Any) -> Any:
        return functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        return functional.cross_entropy(logits, labels)

    def lstm_mean_square(self, x: Any, inner: Any, outer: Any, bias: Any) -> Any:
        """PyTorch's own layer, which takes the same gates in the same order."""
        none = torch.zeros(1, x.shape[1], outer.shape[0])
        weights = [inner.mT, outer.mT, bias, torch.zeros_like(bias)]
        hidden = torch.lstm(x, (none, none), weights, True, 1, 0.0, True, False, False)[0]
        return (hidden * hidden).mean()
