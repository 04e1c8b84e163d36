"""The endpoint that anyone writes first: FastAPI, one process, decode and run in a plain function.

It stores nothing. Started by ``benchmarks.serve``: ``python -m benchmarks.naive_server PORT BUNDLE``.
"""

# FastAPI reads these annotations when the function is defined: no postponed ones here.
import sys
from pathlib import Path
from typing import Annotated

import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, Form, UploadFile

from model.contract import Bundle
from model.decision import RawOutputs, assess
from model.pictures import decode, resize
from model.quality import measure
from model.runtime import OUTPUTS


def make_app(bundle: Bundle) -> FastAPI:
    """One route."""
    app = FastAPI()
    session = ort.InferenceSession(bundle.network, providers=["CPUExecutionProvider"])
    manifest = bundle.manifest

    @app.post("/v1/grade")
    def grade(
        item: Annotated[str, Form()], capture_id: Annotated[str, Form()], images: UploadFile
    ) -> dict[str, object]:
        picture = decode(images.file.read())
        pixels = resize(picture, manifest.input_size)
        raw = RawOutputs(*session.run(list(OUTPUTS), {"images": pixels[None]}))
        height, width, _ = picture.shape
        quality = measure(pixels, (width, height), manifest.thresholds.quality)
        answer = assess(raw, [quality], manifest).model_dump(mode="json")
        return {"capture_id": capture_id, "item": item, **answer}

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(Bundle.load(Path(sys.argv[2]))), port=int(sys.argv[1]), log_level="warning"
    )
