"""Neural models of a few numbers, generated for tests: average pooling and one matrix."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from authcheck.vision.features.neural import NeuralModel

INPUT_PX = 32
POOL_PX = 16
SIZE = 6
WEIGHTS = np.random.default_rng(7).normal(size=(3 * (INPUT_PX // POOL_PX) ** 2, SIZE)).astype(np.float32)
HALF = (0.5, 0.5, 0.5)
ONE = (1.0, 1.0, 1.0)

Nodes = Sequence[Any]


def value(name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> Any:
    """Return an input or output of a model."""
    return helper.make_tensor_value_info(name, kind, shape)


def layers(after: Nodes = (), *, last: str = "dense") -> Nodes:
    """Return pooling in squares of POOL_PX, WEIGHTS, then `after`, which leads from `last` to `out`."""
    pool = helper.make_node(
        "AveragePool", ["in"], ["pooled"], kernel_shape=[POOL_PX] * 2, strides=[POOL_PX] * 2
    )
    flat = helper.make_node("Flatten", ["pooled"], ["flat"])
    dense = helper.make_node("MatMul", ["flat", "weights"], [last])
    return [pool, flat, dense, *after]


def save(
    path: Path,
    *,
    nodes: Nodes | None = None,
    inputs: Nodes | None = None,
    outputs: Nodes | None = None,
    weights: NDArray[Any] = WEIGHTS,
    **options: Any,
) -> Path:
    """Write a model, by default that of `described_by_hand`. `options` go to `onnx.save_model`."""
    graph = helper.make_graph(
        nodes or layers(last="out"),
        "tiny",
        inputs or [value("in", ["n", 3, INPUT_PX, INPUT_PX])],
        outputs or [value("out", ["n", SIZE])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save_model(model, str(path), **options)
    return path


def model(path: Path, **changes: Any) -> NeuralModel:
    """Return a tiny model's file with its declared preparation."""
    return NeuralModel(**{"path": path, "input_px": INPUT_PX, "mean": HALF, "std": ONE} | changes)


def described_by_hand(image: Image.Image, declared: NeuralModel) -> NDArray[np.float64]:
    """Return the vector of length 1 that the saved model gives for a picture, computed in plain numpy."""
    small = np.asarray(image.resize((INPUT_PX, INPUT_PX), Image.Resampling.BICUBIC), np.float64) / 255
    scaled = (small - declared.mean) / declared.std
    cells = INPUT_PX // POOL_PX
    pooled = scaled.reshape(cells, POOL_PX, cells, POOL_PX, 3).mean(axis=(1, 3))
    out = pooled.transpose(2, 0, 1).ravel() @ WEIGHTS
    return np.asarray(out / np.linalg.norm(out))
