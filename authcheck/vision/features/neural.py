"""A picture as one vector of a neural network: an ONNX file that the operator points to, behind the extra `[neural]`.

Optional: nothing else needs it, and onnxruntime is imported only when a model is opened.
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

PREPARATION = "squash-bicubic-1"  # changes when `_prepared` does: vectors made otherwise must not be compared
NAME_DIGITS = 12
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class NeuralModel:
    """An ONNX file and how pictures are made ready for it.

    A picture is squashed to `input_px` x `input_px` pixels, scaled to [0, 1], and `(value - mean) / std` taken a
    channel, red first; the network gets it as `(1, 3, input_px, input_px) float32`.
    """

    path: Path
    input_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class NeuralDescriptor:
    """An opened model. Safe to share between threads; each call works on the caller's thread alone.

    `name` is `neural-` and 12 hex digits of a SHA-256 over the file and its declared preparation: vectors under
    different names must never be compared. `size` is how many numbers a vector has; more detail than `input_px` pixels
    a side is not looked at.
    """

    def __init__(self, session: Any, model: NeuralModel, name: str) -> None:
        self._session, self._model = session, model
        self._input: str = session.get_inputs()[0].name
        self.name, self.input_px = name, model.input_px
        self.size = self._probed()

    @classmethod
    def open(cls, model: NeuralModel) -> Self:
        """Load a model and try it on one picture.

        Raises BadSetting: `neural.not_installed`, `neural.model_missing`, `neural.model_unreadable`,
        `neural.model_shape` (it must have one float32 input N x 3 x input_px x input_px, N being 1 or free, and one
        2-D output), or `neural.model_output` (what it says of a picture is no vector).
        """
        data = _read(model.path)
        session = _load(data, model.path)
        _check_ends(session, model)
        return cls(session, model, _name(data, model))

    def describe(self, images: Iterable[Image.Image]) -> Vectors:
        """`(n, size) float32`, each row of length 1, of upright sRGB pictures (mode RGB) of any size.

        A picture of which the network says nothing (NaN, infinity, all zero) gets zeros: it is like no other. One
        picture at a time, so that a vector does not depend on what it was computed beside.
        Raises BadSetting (`neural.model_output`) where the network breaks off.
        """
        rows = [_unit(self._run(_prepared(image, self._model))[0]) for image in images]
        return np.stack(rows) if rows else np.empty((0, self.size), np.float32)

    def _run(self, pixels: Vectors) -> NDArray[Any]:
        try:
            return np.asarray(self._session.run(None, {self._input: pixels})[0])
        except Exception as error:  # onnxruntime's errors share no other class
            raise _bad_output("it broke off") from error

    def _probed(self) -> int:
        """The length of a vector, by trying: many files leave it open."""
        output = self._run(_prepared(Image.linear_gradient("L").convert("RGB"), self._model))
        if output.ndim != 2 or output.shape[0] != 1 or output.dtype != np.float32:  # noqa: PLR2004 - a row a picture
            raise _bad_shape(f"output {output.dtype} {output.shape} for one picture")
        if not _unit(output[0]).any():
            raise _bad_output("it is not finite, or zero")
        return int(output.shape[1])


def _prepared(image: Image.Image, model: NeuralModel) -> Vectors:
    """`(1, 3, input_px, input_px)`. Pillow's bicubic averages where it shrinks; proportions are given up."""
    square = image.resize((model.input_px, model.input_px), Image.Resampling.BICUBIC)
    pixels = np.asarray(square, np.float32) / np.float32(255)
    scaled = (pixels - np.array(model.mean, np.float32)) / np.array(model.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def _unit(row: NDArray[Any]) -> Vectors:
    """The vector at length 1; zeros where it has no direction."""
    wide = row.astype(np.float64)
    length = float(np.linalg.norm(wide))
    if not (math.isfinite(length) and length > 0):
        return np.zeros(len(row), np.float32)
    return (wide / length).astype(np.float32)


def _name(data: bytes, model: NeuralModel) -> str:
    declared = f"{PREPARATION} {model.input_px} {model.mean} {model.std}"
    return f"neural-{hashlib.sha256(data + declared.encode()).hexdigest()[:NAME_DIGITS]}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BadSetting(f"There is no model {path}.", code="neural.model_missing", path=str(path)) from error
    except OSError as error:
        raise _unreadable(path, error.strerror or "") from error


def _load(data: bytes, path: Path) -> Any:
    """An onnxruntime session on the CPU, of one thread, that reads no other file."""
    try:
        import onnxruntime  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise BadSetting(
            "A neural model needs onnxruntime: pip install authcheck[neural]", code="neural.not_installed"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # it prints to stderr what it raises as well
    # Weights in files beside this one would be outside of the name's SHA-256. They are looked for in a folder that
    # cannot be one; by default onnxruntime would take them from the current folder.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path))
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no other class
        raise _unreadable(path, str(error)) from error


def _check_ends(session: Any, model: NeuralModel) -> None:
    """Raise BadSetting (`neural.model_shape`) for a network that takes or gives something else than we send and read."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise _bad_shape(f"{len(inputs)} inputs and {len(outputs)} outputs")
    wanted = (1, CHANNELS, model.input_px, model.input_px)
    shape = inputs[0].shape
    fits = len(shape) == len(wanted) and all(
        not isinstance(side, int) or side == want for side, want in zip(shape, wanted, strict=True)
    )
    if inputs[0].type != "tensor(float)" or not fits:
        raise _bad_shape(f"input {inputs[0].type} {shape}, while 1 x 3 x {wanted[2]} x {wanted[2]} is sent")


def _bad_shape(found: str) -> BadSetting:
    return BadSetting(
        "The model must take one float32 picture N x 3 x H x W of the size set and give one row of numbers for it; "
        f"it has {found}.",
        code="neural.model_shape",
        found=found,
    )


def _bad_output(found: str) -> BadSetting:
    return BadSetting(
        f"What the model says of a picture cannot be compared: {found}.",
        code="neural.model_output",
        found=found,
    )


def _unreadable(path: Path, why: str) -> BadSetting:
    return BadSetting(
        f"{path} cannot be read as one whole ONNX model: {why}",
        code="neural.model_unreadable",
        path=str(path),
        detail=why,
    )
