"""Heat maps in replies to ``explain=true``."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from inference.grading.heatmaps import Explanation
from model.contract import DamageType, ModelRef
from tests.inference.inference_factories import FakeGrader, picture
from tests.inference.test_batch import entry, send
from tests.inference.test_grade_endpoint import Form, form


def explained(client: TestClient, parts: Form) -> Any:
    reply = client.post("/v1/grade?explain=true", files=parts)
    assert reply.status_code == 200
    return reply.json()


def pixels_of(png: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_each_picture_has_a_map_for_each_type(client: TestClient) -> None:
    found = explained(client, form(picture(), picture(colour="red")))["explanation"]
    assert (found["rows"], found["columns"]) == (2, 3)
    assert found["model"] == {"name": "fake", "version": "1"}
    types = [[heat_map["type"] for heat_map in of_view] for of_view in found["views"]]
    assert types == [["dent", "scratch"]] * 2
    for of_view in found["views"]:
        for heat_map in of_view:
            assert np.array_equal(pixels_of(heat_map["png"]), np.full((2, 3), 102))


def test_a_pixel_is_the_probability_of_its_cell() -> None:
    maps = np.array([[[[0.0, 0.5], [1.0, 0.25]]]], np.float32)
    explanation = Explanation.of(maps, (DamageType.DENT,), ModelRef(name="m", version="1"))
    assert pixels_of(explanation.views[0][0].png).tolist() == [[0, 128], [255, 64]]


def test_an_explanation_changes_nothing_of_the_verdict(
    client: TestClient, grader: FakeGrader
) -> None:
    with_maps = explained(client, form(picture()))
    assert grader.assessed == 1, "the maps are of the same run"
    plain = client.post("/v1/grade", files=form(picture())).json()
    assert "explanation" not in plain
    assert {**plain, "explanation": with_maps["explanation"]} == with_maps
    assert client.get("/v1/items/R-1").json()["gradings"] == [plain]


def test_what_was_graded_before_is_explained_too(client: TestClient, grader: FakeGrader) -> None:
    plain = client.post("/v1/grade", files=form(picture())).json()
    again = explained(client, form(picture()))
    assert again.pop("explanation")["views"]
    assert again == plain
    assert len(client.get("/v1/items/R-1").json()["gradings"]) == 1


def test_a_batch_can_be_explained(client: TestClient) -> None:
    reply = send(client, [entry(1)], {"1.jpg": picture()}, "?explain=true")
    assert reply.json()["results"][0]["verdict"]["explanation"]["rows"] == 2


@pytest.mark.parametrize("value", ["perhaps", "2"])
def test_explain_is_yes_or_no(client: TestClient, value: str) -> None:
    reply = client.post(f"/v1/grade?explain={value}", files=form(picture()))
    assert reply.json()["error"]["code"] == "invalid_field"
