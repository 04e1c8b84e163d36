"""Pictures as a line's camera sends them, made from the samples: 1280 x 960 JPEGs of 150 to 300 KB."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (1280, 960)
_BYTES = range(150_000, 300_000)
_NOISE = 4.0
_STAMP = 16
_COMMENT = b"\xff\xfe" + (_STAMP + 2).to_bytes(2, "big")


def photographs(samples: Path, number: int) -> list[bytes]:
    """JPEG files, with a sensor's noise, at the first quality that gives their size."""
    paths = sorted((samples / "pictures").glob("*.jpg"))[:number]
    if not paths:
        raise SystemExit(f"error: no pictures in {samples / 'pictures'}")
    generator = np.random.default_rng(0)
    return [_photograph(path, generator) for path in paths]


def _photograph(path: Path, generator: np.random.Generator) -> bytes:
    large = Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
    noise = generator.normal(0, _NOISE, (SIZE[1], SIZE[0], 1))
    image = Image.fromarray((np.asarray(large) + noise).clip(0, 255).astype(np.uint8))
    for quality in range(70, 99, 2):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if len(out.getvalue()) in _BYTES:
            return out.getvalue()
    raise SystemExit(f"error: {path} cannot be made a JPEG of {_BYTES}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to grade one picture. Its stamp makes capture, item and picture new each time."""

    data: bytearray
    places: tuple[int, ...]

    @classmethod
    def of(cls, jpeg: bytes, deadline_ms: int | None = None) -> Request:
        """The whole of it, header and all; the picture gets a comment that holds the stamp."""
        stamp = b"@" * _STAMP
        picture = jpeg[:2] + _COMMENT + stamp + jpeg[2:]
        item = json.dumps({"item_id": "R" + stamp.decode()})
        body = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % part
            for part in (
                (b"item", b"", item.encode()),
                (b"capture_id", b"", b"C" + stamp),
                (b"images", b'; filename="a.jpg"\r\nContent-Type: image/jpeg', picture),
            )
        )
        body += b"--x--\r\n"
        deadline = b"" if deadline_ms is None else b"X-Deadline-Ms: %d\r\n" % deadline_ms
        head = (
            b"POST /v1/grade HTTP/1.1\r\nHost: localhost\r\n%s"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"
        ) % (deadline, len(body))
        data = bytearray(head + body)
        places = []
        at = data.find(stamp)
        while at >= 0:
            places.append(at)
            at = data.find(stamp, at + 1)
        return cls(data, tuple(places))

    def stamped(self, number: int) -> bytearray:
        """The same bytes, with the number where the stamp is."""
        text = b"%0*d" % (_STAMP, number)
        for at in self.places:
            self.data[at : at + _STAMP] = text
        return self.data
