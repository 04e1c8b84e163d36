"""The released ``tritonclient[http]``, unchanged, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, aio
from tritonclient.utils import InferenceServerException

from inference.access import ledger
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.grader import BundleGrader
from inference.store import Store
from model.contract import SHIPPED, Assessment, Bundle
from model.pictures import decode
from tests.inference.live_server import live_server

pytestmark = pytest.mark.slow
MODEL = "returns"


@pytest.fixture(scope="module")
def grader() -> BundleGrader:
    return BundleGrader(Bundle.load(SHIPPED))


@pytest.fixture(scope="module")
def address(grader: BundleGrader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the shipped bundle."""
    with live_server(grader, tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def triton(address: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(address) as client:
        yield client


@pytest.fixture(scope="module")
def golden() -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(SHIPPED).glob("golden-*.jpg"))[:2]]


def files(*items: list[bytes]) -> InferInput:
    array: NDArray[np.object_] = np.array(items, np.object_)
    return tensor("images", array, "BYTES")


def tensor(name: str, array: NDArray[Any], kind: str, *, binary: bool = True) -> InferInput:
    each = InferInput(name, list(array.shape), kind)
    each.set_data_from_numpy(array, binary_data=binary)
    return each


def expected(grader: BundleGrader, *views: bytes) -> Assessment:
    return grader.assess([grader.prepare(view) for view in views])


def version(client: InferenceServerClient) -> str:
    found: str = client.get_model_metadata(MODEL)["versions"][0]
    return found


def test_a_key_comes_as_a_header(grader: BundleGrader, tmp_path: Path, golden: list[bytes]) -> None:
    with live_server(grader, tmp_path, AccessSettings()) as address:
        store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
        key = ledger.add_key(store, "platform", Role.LINE, "test").text
        store.close()
        with InferenceServerClient(address) as client:
            assert client.is_server_live()
            with pytest.raises(InferenceServerException, match="send a key in X-API-Key"):
                client.infer(MODEL, [files(golden[:1])])
            headers = {"X-API-Key": key}
            assert client.get_server_metadata(headers=headers)["name"] == "regrade"
            assert client.infer(MODEL, [files(golden[:1])], headers=headers).get_response()


def test_health_and_metadata(triton: InferenceServerClient, grader: BundleGrader) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready(MODEL)
    assert triton.is_model_ready(MODEL, version(triton))
    assert not triton.is_model_ready(MODEL, "1")
    assert not triton.is_model_ready("other")
    assert triton.get_server_metadata()["name"] == "regrade"
    metadata = triton.get_model_metadata(MODEL, version(triton))
    assert metadata["platform"] == "onnx_onnxv1"
    assert version(triton) == "".join(filter(str.isdigit, grader.model.version))
    config = triton.get_model_config(MODEL)
    assert config["max_batch_size"] == 8
    assert [each["name"] for each in config["output"]] == [
        each["name"] for each in metadata["outputs"]
    ]
    (entry,) = triton.get_model_repository_index()
    assert (entry["name"], entry["state"]) == (MODEL, "READY")


@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_jpegs_are_graded_as_the_bundle_grades_them(
    triton: InferenceServerClient,
    grader: BundleGrader,
    golden: list[bytes],
    packing: str | None,
    binary: bool,
) -> None:
    names = ("grade", "probabilities", "needs_review", "prediction_set", "assessment")
    result = triton.infer(
        MODEL,
        [files([golden[0]], [golden[1]])],
        model_version=version(triton),
        outputs=[InferRequestedOutput(name, binary_data=binary) for name in names],
        request_id="42",
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    one, other = (expected(grader, view) for view in golden)
    grades = [str(each, "utf-8") if binary else each for each in result.as_numpy("grade").ravel()]
    assert grades == [one.grade, other.grade]
    assert np.allclose(
        result.as_numpy("probabilities"),
        [list(one.probabilities.values()), list(other.probabilities.values())],
        atol=1e-6,
    )
    assert result.as_numpy("needs_review").tolist() == [[one.needs_review], [other.needs_review]]
    assert result.as_numpy("prediction_set").sum() == len(one.prediction_set) + len(
        other.prediction_set
    )
    assert Assessment.model_validate_json(result.as_numpy("assessment")[1, 0]) == other
    assert result.get_response()["id"] == "42"
    assert result.get_response()["parameters"]["bundle_version"] == grader.model.version


def test_views_of_one_item_are_graded_together(
    triton: InferenceServerClient, grader: BundleGrader, golden: list[bytes]
) -> None:
    result = triton.infer(MODEL, [files(golden)])
    assert result.as_numpy("grade").shape == (1, 1)
    assert result.as_numpy("grade")[0, 0].decode() == expected(grader, *golden).grade


def test_pixels_give_what_their_file_gives(
    triton: InferenceServerClient, golden: list[bytes]
) -> None:
    pixels = decode(golden[0])[None, None]
    of_pixels = triton.infer(MODEL, [tensor("pixels", pixels, "UINT8")])
    of_file = triton.infer(MODEL, [files([golden[0]])])
    assert np.array_equal(of_pixels.as_numpy("probabilities"), of_file.as_numpy("probabilities"))


def test_small_pixels_may_come_as_json(triton: InferenceServerClient) -> None:
    pixels = np.full((1, 1, 24, 20, 3), 128, np.uint8)
    answers = [
        triton.infer(MODEL, [tensor("pixels", pixels, "UINT8", binary=binary)])
        for binary in (True, False)
    ]
    first, second = (answer.as_numpy("probabilities") for answer in answers)
    assert np.array_equal(first, second)


def test_classes_are_value_index_and_label(
    triton: InferenceServerClient, golden: list[bytes]
) -> None:
    wanted = [
        InferRequestedOutput("probabilities", class_count=2),
        InferRequestedOutput("damage_probabilities", class_count=99),
        InferRequestedOutput("probabilities2", class_count=1),
    ]
    result = triton.infer(MODEL, [files([golden[0]])], outputs=wanted[:2])
    best = result.as_numpy("probabilities")
    assert best.shape == (1, 2)
    values, indices, labels = zip(*(each.decode().split(":") for each in best[0]), strict=True)
    assert float(values[0]) >= float(values[1])
    assert [("new", "lightly_used", "repairable", "salvage")[int(index)] for index in indices] == [
        *labels
    ]
    assert result.as_numpy("damage_probabilities").shape[1] < 99
    with pytest.raises(InferenceServerException, match="no output 'probabilities2'"):
        triton.infer(MODEL, [files([golden[0]])], outputs=wanted)


def test_errors_reach_the_caller_with_status_and_words(triton: InferenceServerClient) -> None:
    cases: list[tuple[str, str, str, Any]] = [
        ("[400]", "not a picture", MODEL, files([b"no picture"])),
        ("[400]", "its shape is", MODEL, tensor("images", np.array([b"x"], object), "BYTES")),
        ("[404]", "no model 'other'", "other", files([b"x"])),
    ]
    for status, words, name, each in cases:
        with pytest.raises(InferenceServerException) as refused:
            triton.infer(name, [each])
        assert str(refused.value).startswith(status)
        assert words in str(refused.value)
    with pytest.raises(InferenceServerException, match=r"\[501\].*/v1/models/promote"):
        triton.load_model(MODEL)
    with pytest.raises(InferenceServerException, match=r"\[501\]"):
        triton.infer(MODEL, [files([b"x"])], sequence_id=3)


def test_a_timeout_is_kept_and_statistics_count(
    triton: InferenceServerClient, golden: list[bytes]
) -> None:
    def counts() -> tuple[int, int]:
        (stats,) = triton.get_inference_statistics(MODEL)["model_stats"]
        each = stats["inference_stats"]
        return each["success"]["count"], each["fail"]["count"]

    succeeded, failed = counts()
    triton.infer(MODEL, [files([golden[0]])])
    with pytest.raises(InferenceServerException, match=r"\[503\]"):
        triton.infer(MODEL, [files([golden[0]])], timeout=1)
    assert counts() == (succeeded + 1, failed + 1)


def test_requests_side_by_side_keep_their_answers(
    triton: InferenceServerClient, grader: BundleGrader, golden: list[bytes]
) -> None:
    waiting = [
        (view, triton.async_infer(MODEL, [files([view])], request_id=str(number)))
        for number, view in enumerate(golden * 3)
    ]
    for view, request in waiting:
        answer = request.get_result().as_numpy("grade")[0, 0].decode()
        assert answer == expected(grader, view).grade


async def test_its_asyncio_client_works_too(
    address: str, grader: BundleGrader, golden: list[bytes]
) -> None:
    async with aio.InferenceServerClient(address) as client:
        assert await client.is_server_ready()
        result = await client.infer(MODEL, [files([golden[0]])])
        assert result.as_numpy("grade")[0, 0].decode() == expected(grader, golden[0]).grade
        with pytest.raises(InferenceServerException, match="not a picture"):
            await client.infer(MODEL, [files([b"no picture"])])
