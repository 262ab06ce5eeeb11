"""The neural descriptor: vectors computed by hand, its name, and models that must be refused."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import make
import numpy as np
import pytest
import tiny_models
from onnx import TensorProto, helper
from PIL import Image

from authcheck.errors import BadSetting
from authcheck.vision.features.neural import NeuralDescriptor

PICTURES = [make.picture(seed) for seed in range(3)]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Return the file of a tiny model."""
    return tiny_models.save(tmp_path / "tiny.onnx")


def refused(path: Path, **changes: Any) -> BadSetting:
    """Return the error from opening a model."""
    with pytest.raises(BadSetting) as caught:
        NeuralDescriptor.open(tiny_models.model(path, **changes))
    return caught.value


@pytest.mark.parametrize("std", [(1.0, 1.0, 1.0), (0.229, 0.224, 0.225)])
@pytest.mark.parametrize("mean", [(0.5, 0.5, 0.5), (0.485, 0.456, 0.406)])
def test_vectors_are_those_computed_by_hand(tiny: Path, mean: Any, std: Any) -> None:
    """Squashing, scaling, the order of channels and the length are as documented."""
    declared = tiny_models.model(tiny, mean=mean, std=std)
    descriptor = NeuralDescriptor.open(declared)
    vectors = descriptor.describe(PICTURES)
    expected = np.stack([tiny_models.described_by_hand(image, declared) for image in PICTURES])
    assert (vectors.dtype, vectors.shape) == (np.float32, (3, descriptor.size))
    assert np.abs(vectors - expected).max() < 1e-5
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6


def test_no_pictures_give_no_rows(tiny: Path) -> None:
    """An empty sequence gives no rows and no error."""
    assert NeuralDescriptor.open(tiny_models.model(tiny)).describe([]).shape == (0, tiny_models.SIZE)


def test_a_model_of_one_picture_a_time_is_as_good(tiny: Path, tmp_path: Path) -> None:
    """A model for one picture at a time gives exactly the vectors of a model with a free batch."""
    side = tiny_models.INPUT_PX
    fixed = tiny_models.save(
        tmp_path / "fixed.onnx",
        inputs=[tiny_models.value("in", [1, 3, side, side])],
        outputs=[tiny_models.value("out", [1, tiny_models.SIZE])],
    )
    free = NeuralDescriptor.open(tiny_models.model(tiny)).describe(PICTURES)
    assert np.array_equal(NeuralDescriptor.open(tiny_models.model(fixed)).describe(PICTURES), free)


def test_a_vector_does_not_depend_on_company_or_thread(tiny: Path) -> None:
    """A vector is bit for bit the same alone, among others, and from eight threads at once."""
    descriptor = NeuralDescriptor.open(tiny_models.model(tiny))
    together = descriptor.describe(PICTURES)
    with ThreadPoolExecutor(8) as pool:
        alone = list(pool.map(lambda image: descriptor.describe([image])[0], PICTURES * 20))
    assert np.array_equal(np.stack(alone), np.concatenate([together] * 20))


def test_the_name_is_that_of_the_model_and_its_preparation(tiny: Path, tmp_path: Path) -> None:
    """The same file elsewhere has the same name. Another file, size, mean or deviation changes the name."""
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(tiny.read_bytes())
    other = tiny_models.save(tmp_path / "other.onnx", weights=tiny_models.WEIGHTS * 2)
    side = tiny_models.INPUT_PX
    any_size = {"inputs": [tiny_models.value("in", ["n", 3, "h", "w"])]}
    pooled = [
        helper.make_node("GlobalAveragePool", ["in"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["out"]),
    ]
    sized = tiny_models.save(
        tmp_path / "sized.onnx", nodes=pooled, weights=tiny_models.WEIGHTS[:3], **any_size
    )

    def name(path: Path, **changes: Any) -> str:
        return NeuralDescriptor.open(tiny_models.model(path, **changes)).name

    assert name(tiny) == name(copy)
    assert name(tiny).startswith("neural-")
    assert len(name(tiny)) == len("neural-") + 12
    different = [
        name(tiny),
        name(other),
        name(sized),
        name(sized, input_px=side + 1),
        name(tiny, mean=(0.5, 0.5, 0.25)),
        name(tiny, std=(1.0, 1.0, 0.5)),
        name(tiny, mean=(1.0, 1.0, 1.0), std=(0.5, 0.5, 0.5)),
    ]
    assert len(set(different)) == len(different)


@pytest.mark.slow
def test_a_picture_the_model_says_nothing_of_is_like_no_other(tmp_path: Path) -> None:
    """Zeros, infinities and NaN become the zero vector. The pictures beside them keep their vectors."""
    plain = tiny_models.save(tmp_path / "plain.onnx")
    nodes = [
        helper.make_node("GlobalAveragePool", ["in"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Log", ["flat"], ["out"]),
    ]
    logs = tiny_models.save(tmp_path / "logs.onnx", nodes=nodes, outputs=[tiny_models.value("out", ["n", 3])])
    for path, mean in ((plain, (0.0, 0.0, 0.0)), (logs, (0.0, 0.0, 0.0)), (logs, (0.001, 0.0, 0.0))):
        descriptor = NeuralDescriptor.open(tiny_models.model(path, mean=mean))
        vectors = descriptor.describe([PICTURES[0], Image.new("RGB", (40, 50)), PICTURES[1]])
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1])


def test_without_onnxruntime_the_error_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default installation lacks onnxruntime. An operator who sets a model learns the extra's name."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    error = refused(tiny)
    assert error.code == "neural.not_installed"
    assert "pip install authcheck[neural]" in str(error)


@pytest.mark.parametrize("name", ["absent.onnx", ".", "tiny.onnx/inside"])
def test_a_model_that_is_not_there_is_named(tiny: Path, name: str) -> None:
    """The error names a wrong path, a folder, and a path through a file."""
    error = refused(tiny.parent / name)
    assert error.code == "neural.model_missing"
    assert error.params["path"] == str(tiny.parent / name)


def test_a_model_that_may_not_be_read_is_named(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names a model without read permission, not a missing file."""

    def deny(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    error = refused(tiny)
    assert (error.code, error.params["detail"]) == ("neural.model_unreadable", "Permission denied")


@pytest.mark.parametrize("keep", [0, 1, 40, -20])
def test_a_damaged_model_is_unreadable(tiny: Path, keep: int) -> None:
    """An empty or cut-off model is refused."""
    tiny.write_bytes(tiny.read_bytes()[:keep])
    assert refused(tiny).code == "neural.model_unreadable"


@pytest.mark.parametrize("data", [make.picture_bytes(0), b"#!/bin/sh\n"], ids=["picture", "script"])
def test_a_file_of_another_kind_is_unreadable(tiny: Path, data: bytes) -> None:
    """A picture or a program set by mistake is refused."""
    tiny.write_bytes(data)
    assert refused(tiny).code == "neural.model_unreadable"


def test_weights_in_another_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights in another file could be changed under the same name. They are refused in every folder."""
    path = tiny_models.save(
        tmp_path / "tiny.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    assert (tmp_path / "weights.bin").exists()
    monkeypatch.chdir(tmp_path)
    for spelled in (path, Path(path.name)):
        assert refused(spelled).code == "neural.model_unreadable"


def two_inputs(path: Path) -> None:
    """Return a model with another input beside the picture."""
    nodes = tiny_models.layers([helper.make_node("Add", ["dense", "more"], ["out"])])
    picture = tiny_models.value("in", ["n", 3, 32, 32])
    tiny_models.save(path, nodes=nodes, inputs=[picture, tiny_models.value("more", ["n", tiny_models.SIZE])])


def two_outputs(path: Path) -> None:
    """Return a model with another output beside the vector."""
    outputs = [tiny_models.value("out", ["n", tiny_models.SIZE]), tiny_models.value("pooled", ["n", 3, 2, 2])]
    tiny_models.save(path, outputs=outputs)


def feature_map(path: Path) -> None:
    """Return a model with a grid of vectors, not pooled."""
    nodes = [helper.make_node("Identity", ["in"], ["out"])]
    tiny_models.save(path, nodes=nodes, outputs=[tiny_models.value("out", ["n", 3, 32, 32])])


def rows_of_channels(path: Path) -> None:
    """Return a model with three rows for one picture."""
    nodes = [helper.make_node("Flatten", ["in"], ["out"], axis=2)]
    tiny_models.save(path, nodes=nodes, outputs=[tiny_models.value("out", ["m", 1024])])


def whole_numbers(path: Path) -> None:
    """Return a model with a vector of integers."""
    nodes = tiny_models.layers([helper.make_node("Cast", ["dense"], ["out"], to=TensorProto.INT64)])
    output = tiny_models.value("out", ["n", tiny_models.SIZE], TensorProto.INT64)
    tiny_models.save(path, nodes=nodes, outputs=[output])


def of_input(*shape: int | str, kind: int = TensorProto.FLOAT) -> Callable[[Path], None]:
    """Return a model whose input has that shape and which gives its mean."""

    def build(path: Path) -> None:
        nodes = [
            helper.make_node("Cast", ["in"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["cast"], ["flat"]),
            helper.make_node("ReduceMean", ["flat"], ["out"], axes=[1]),
        ]
        tiny_models.save(
            path,
            nodes=nodes,
            inputs=[tiny_models.value("in", shape, kind)],
            outputs=[tiny_models.value("out", ["n", 1])],
        )

    return build


@pytest.mark.parametrize(
    "build",
    [
        two_inputs,
        two_outputs,
        feature_map,
        rows_of_channels,
        whole_numbers,
        pytest.param(of_input("n", 32, 32, 3), id="channels last"),
        pytest.param(of_input("n", 1, 32, 32), id="grey"),
        pytest.param(of_input("n", 3, 64, 64), id="another size"),
        pytest.param(of_input("n", 3, 32, 31), id="not square"),
        pytest.param(of_input(2, 3, 32, 32), id="two pictures at once"),
        pytest.param(of_input("n", 3072), id="flat"),
        pytest.param(of_input("n", 3, 32, 32, kind=TensorProto.UINT8), id="bytes"),
        pytest.param(of_input("n", 3, 32, 32, kind=TensorProto.DOUBLE), id="doubles"),
    ],
)
def test_a_model_of_another_shape_is_refused(tmp_path: Path, build: Callable[[Path], None]) -> None:
    """Only one float32 picture in and one float32 row out is accepted. The error states the model's shape."""
    path = tmp_path / "odd.onnx"
    build(path)
    error = refused(path)
    assert error.code == "neural.model_shape"
    assert str(error.params["found"]) in str(error)


def test_a_model_that_gives_zeros_is_refused(tmp_path: Path) -> None:
    """Weights that were never trained or were lost in conversion are refused."""
    path = tiny_models.save(tmp_path / "zero.onnx", weights=tiny_models.WEIGHTS * 0)
    assert refused(path).code == "neural.model_output"


def test_a_model_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    """Weights with NaN are refused."""
    path = tiny_models.save(tmp_path / "nan.onnx", weights=tiny_models.WEIGHTS * np.float32("nan"))
    assert refused(path).code == "neural.model_output"


def test_a_model_that_breaks_off_is_refused(tmp_path: Path) -> None:
    """A model that claims to take any size but multiplies by a matrix for one size is refused."""
    path = tiny_models.save(tmp_path / "free.onnx", inputs=[tiny_models.value("in", ["n", 3, "h", "w"])])
    assert NeuralDescriptor.open(tiny_models.model(path)).size == tiny_models.SIZE
    assert refused(path, input_px=64).code == "neural.model_output"
