"""Templates: strict, escaping, with the words that people read."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from inference.pages.contexts import WORDS, Context


def _word(value: str) -> str:
    return WORDS.get(value, value.replace("_", " "))


def _code(text: str) -> Markup:
    """Escaped text with its `backticks` as code and its blank lines as paragraphs."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text.strip())))
    return Markup("<p>" + "</p><p>".join(re.split(r"\n\s*\n", marked)) + "</p>")  # noqa: S704


def _stamp(moment: datetime) -> Markup:
    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S}"
    )


def environment() -> Environment:
    """The templates of this package."""
    made = Environment(
        loader=PackageLoader("inference.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"word": _word, "code": _code, "stamp": _stamp}
    return made


_ENVIRONMENT = environment()


def page(context: Context, *, status: int = 200) -> HTMLResponse:
    """Render a context with its template. Pages show the moment, so they are never cached."""
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    text = _ENVIRONMENT.get_template(context.template).render(values)
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})
