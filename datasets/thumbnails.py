"""Pictures within a page: reports are one file that needs no other."""

from __future__ import annotations

import base64
import io

from PIL import Image


def data_uri(picture: Image.Image) -> str:
    """The picture as a JPEG that a page holds within itself."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
