"""The manifest's tables in docs/data.md: ``python -m datasets.manifest_page`` brings them up to date."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from datasets.manifest import LabelledPicture, Region

PAGE = Path(__file__).parents[1] / "docs" / "data.md"
_TABLES: tuple[tuple[str, type[BaseModel]], ...] = (("row", LabelledPicture), ("region", Region))


def table(model: type[BaseModel]) -> str:
    """The fields of a model as a Markdown table."""
    lines = ["| field | | what |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        need = "always" if field.is_required() else "optional"
        lines.append(f"| `{name}` | {need} | {field.description} |")
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """The page with the tables between its markers as the models have them now."""
    for name, model in _TABLES:
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}\n{table(model)}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
