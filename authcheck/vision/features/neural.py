"""The description of a picture as one vector by a neural network. The operator names an ONNX file.

The network is optional and needs the extra `[neural]`. onnxruntime is imported only when a model is opened.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.errors import BadSetting
from authcheck.vision.features.embedding_index import Vectors

# Change this name with `_prepare`: vectors of different preparations must not be compared.
PREPARATION = "squash-bicubic-1"
NAME_DIGITS = 12
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class NeuralModel:
    """An ONNX file and the preparation of pictures for this file.

    A picture is squashed to `input_px` x `input_px` pixels and scaled to [0, 1]. Then each channel becomes
    `(value - mean) / std`, red first. The network gets the picture as `(1, 3, input_px, input_px) float32`.
    """

    path: Path
    input_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class NeuralDescriptor:
    """An opened model. Threads may share a descriptor. Each call runs on the caller's thread only.

    `name` is `neural-` and 12 hex digits of a SHA-256 over the file and its declared preparation. Vectors
    with different names must never be compared. `size` is the number of numbers in a vector. The network sees
    no more detail than `input_px` pixels a side.
    """

    def __init__(self, session: Any, model: NeuralModel, name: str) -> None:
        self._session, self._model = session, model
        self._input: str = session.get_inputs()[0].name
        self.name, self.input_px = name, model.input_px
        self.size = self._measure_size()

    @classmethod
    def open(cls, model: NeuralModel) -> Self:
        """Load a model and test it on one picture.

        The model must have one float32 input N x 3 x input_px x input_px, where N is 1 or free, and one 2-D
        output. Raises BadSetting: `neural.not_installed`, `neural.model_missing`, `neural.model_unreadable`,
        `neural.model_shape` for other inputs or outputs, `neural.model_output` when the output is not a
        vector.
        """
        data = _read(model.path)
        session = _load(data, model.path)
        _check_shapes(session, model)
        return cls(session, model, _make_name(data, model))

    def describe(self, images: Iterable[Image.Image]) -> Vectors:
        """Return the vectors of pictures, `(n, size) float32`, each of length 1.

        The pictures are upright sRGB (mode RGB), of any size. When the network's answer is not usable (NaN,
        infinity, all zero), the vector is zero and is similar to no other vector. The network gets one
        picture at a time, so that a vector does not depend on the other pictures. Raises BadSetting
        (`neural.model_output`) when the network fails.
        """
        rows = [_normalise(self._run(_prepare(image, self._model))[0]) for image in images]
        return np.stack(rows) if rows else np.empty((0, self.size), np.float32)

    def _run(self, pixels: Vectors) -> NDArray[Any]:
        try:
            return np.asarray(self._session.run(None, {self._input: pixels})[0])
        except Exception as error:  # onnxruntime's errors share no other class
            raise _output_error("the model failed") from error

    def _measure_size(self) -> int:
        """Return the size of a vector.

        Tests the model on a picture, because many files do not declare the size.
        """
        output = self._run(_prepare(Image.linear_gradient("L").convert("RGB"), self._model))
        # One picture must give one row.
        if output.ndim != 2 or output.shape[0] != 1 or output.dtype != np.float32:  # noqa: PLR2004
            raise _shape_error(f"output {output.dtype} {output.shape} for one picture")
        if not _normalise(output[0]).any():
            raise _output_error("the numbers are not finite, or all are zero")
        return int(output.shape[1])


def _prepare(image: Image.Image, model: NeuralModel) -> Vectors:
    """Return the picture as `(1, 3, input_px, input_px)`.

    The picture's proportions are not kept. Pillow's bicubic filter averages pixels when it shrinks a picture.
    """
    square = image.resize((model.input_px, model.input_px), Image.Resampling.BICUBIC)
    pixels = np.asarray(square, np.float32) / np.float32(255)
    scaled = (pixels - np.array(model.mean, np.float32)) / np.array(model.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def _normalise(row: NDArray[Any]) -> Vectors:
    """Return the vector with length 1. A vector that is zero or not finite becomes zeros."""
    exact_row = row.astype(np.float64)
    length = float(np.linalg.norm(exact_row))
    if not (math.isfinite(length) and length > 0):
        return np.zeros(len(row), np.float32)
    return (exact_row / length).astype(np.float32)


def _make_name(data: bytes, model: NeuralModel) -> str:
    preparation = f"{PREPARATION} {model.input_px} {model.mean} {model.std}"
    return f"neural-{hashlib.sha256(data + preparation.encode()).hexdigest()[:NAME_DIGITS]}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BadSetting(
            f"There is no model file {path}. Check the path.", code="neural.model_missing", path=str(path)
        ) from error
    except OSError as error:
        raise _unreadable_error(path, error.strerror or "") from error


def _load(data: bytes, path: Path) -> Any:
    """Return an onnxruntime session that runs on one CPU thread and reads no other file."""
    try:
        import onnxruntime  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise BadSetting(
            "A neural model needs onnxruntime. Install it: pip install authcheck[neural]",
            code="neural.not_installed",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # otherwise onnxruntime also prints its errors to stderr
    # The SHA-256 in the name does not cover weights in other files, so such weights must not be read. By
    # default, onnxruntime reads them from the current folder. The model file is no folder, so it finds none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path))
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no other class
        raise _unreadable_error(path, str(error)) from error


def _check_shapes(session: Any, model: NeuralModel) -> None:
    """Raise BadSetting (`neural.model_shape`) unless the network takes our pictures and gives one output."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise _shape_error(f"{len(inputs)} inputs and {len(outputs)} outputs")
    picture_shape = (1, CHANNELS, model.input_px, model.input_px)
    shape = inputs[0].shape
    fits = len(shape) == len(picture_shape) and all(
        not isinstance(side, int) or side == picture_side
        for side, picture_side in zip(shape, picture_shape, strict=True)
    )
    if inputs[0].type != "tensor(float)" or not fits:
        side_px = model.input_px
        raise _shape_error(f"input {inputs[0].type} {shape}, but a picture is 1 x 3 x {side_px} x {side_px}")


def _shape_error(found: str) -> BadSetting:
    return BadSetting(
        "The model must take one float32 picture N x 3 x H x W of the size in the settings. "
        f"It must return one row of numbers for the picture. This model has {found}.",
        code="neural.model_shape",
        found=found,
    )


def _output_error(found: str) -> BadSetting:
    return BadSetting(
        f"The model's output for a picture cannot be compared: {found}.",
        code="neural.model_output",
        found=found,
    )


def _unreadable_error(path: Path, why: str) -> BadSetting:
    return BadSetting(
        f"The file {path} cannot be read as one complete ONNX model: {why}",
        code="neural.model_unreadable",
        path=str(path),
        detail=why,
    )
