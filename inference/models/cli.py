"""``regrade models``: asks and changes a running server over HTTP.

The server is told who asks by ``REGRADE_API_KEY``, the key of an engineer.
"""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import quote

import typer

if TYPE_CHECKING:
    from model.contract import ModelRef

app = typer.Typer(
    name="models",
    no_args_is_help=True,
    help="Who grades: the models of a running server. Changes need an engineer's key in REGRADE_API_KEY.",
)

Server = Annotated[
    str, typer.Option(envvar="REGRADE_SERVER", help="Address of the server.", show_default=True)
]
Name = Annotated[
    str | None,
    typer.Option("--as", help="Your name for the record; by default the login's, or the key's."),
]
Why = Annotated[str, typer.Option(help="Why, for the record.")]
Model = Annotated[str, typer.Argument(help="NAME/VERSION, as the list shows it.")]
_LOCAL = "http://127.0.0.1:8000"
#: A bundle may come from far away, and its proof waits for a busy machine.
_TIMEOUT_S = 900.0


@app.command("list")
def show(server: Server = _LOCAL) -> None:
    """Show who has which role, and what else is in the registry."""
    state = _ask(server, "GET", "")
    roles = _roles(state["roles"])
    for bundle in state["bundles"]:
        for model in map(_shown, bundle["models"]):
            typer.echo(f"{model}  {roles.pop(model, '')}".rstrip())
    for model, role in roles.items():
        typer.echo(f"{model}  {role}, not in the registry")


@app.command()
def add(
    source: Annotated[
        str,
        typer.Argument(help="Folder on the server's machine, or URL: s3://, gs://, https://..."),
    ],
    version: Annotated[str | None, typer.Option(help="Take it in as this version.")] = None,
    note: Why = "",
    name: Name = None,
    server: Server = _LOCAL,
) -> None:
    """Take a bundle into the registry; it gets no role."""
    if Path(source).exists():
        source = str(Path(source).resolve())
    added = _ask(server, "POST", "", name, source=source, version=version, note=note)
    typer.echo(f"{_shown(added)} is in the registry")


@app.command()
def promote(model: Model, note: Why = "", name: Name = None, server: Server = _LOCAL) -> None:
    """Make a model the champion, which grades all items but the challenger's."""
    _tell(_ask(server, "POST", "/promote", name, model=_ref(model), note=note))


@app.command()
def rollback(note: Why = "", name: Name = None, server: Server = _LOCAL) -> None:
    """Bring back the champion before this one."""
    seen_seq = _ask(server, "GET", "")["seq"]
    _tell(_ask(server, "POST", "/rollback", name, seen_seq=seen_seq, note=note))


@app.command()
def challenge(
    model: Annotated[str | None, typer.Argument(help="NAME/VERSION; left out: no more.")] = None,
    share: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of the items.")] = 0.1,
    note: Why = "",
    name: Name = None,
    server: Server = _LOCAL,
) -> None:
    """Have another model grade a share of the items, or end that."""
    challenger = {"model": _ref(model), "share": share} if model else None
    _tell(_ask(server, "POST", "/challenge", name, challenger=challenger, note=note))


@app.command()
def shadow(
    model: Annotated[str | None, typer.Argument(help="NAME/VERSION; left out: no more.")] = None,
    note: Why = "",
    name: Name = None,
    server: Server = _LOCAL,
) -> None:
    """Have another model grade along without acting, or end that."""
    chosen = _ref(model) if model else None
    _tell(_ask(server, "POST", "/shadow", name, model=chosen, note=note))


@app.command()
def tune(
    model: Model,
    thresholds: Annotated[
        str,
        typer.Argument(
            help='JSON of what is other, e.g. {"review_cost": 0.8, "damage": {"dent": 0.6}}.'
        ),
    ],
    version: Annotated[str | None, typer.Option(help="By default the model's with .t1.")] = None,
    note: Why = "",
    name: Name = None,
    server: Server = _LOCAL,
) -> None:
    """Make a version with other thresholds and the same network; it gets no role."""
    try:
        changes = json.loads(thresholds)
    except ValueError as error:
        _fail(f"the thresholds are not JSON: {error}", 2)
    added = _ask(
        server,
        "POST",
        "/tune",
        name,
        base=_ref(model),
        thresholds=changes,
        version=version,
        note=note,
    )
    typer.echo(f"{_shown(added)} is in the registry; `regrade models promote` makes it serve")


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20, server: Server = _LOCAL
) -> None:
    """Show who changed what, when and why, newest first."""
    for change in _ask(server, "GET", f"/history?limit={limit}"):
        about = _shown(change["model"]) if change["model"] else change["source"] or "nobody"
        line = (
            f"{change['seq']:>5}  {change['at'][:19]}  {change['actor']}  {change['kind']}  {about}"
        )
        if change["note"]:
            line += f"  ({change['note']})"
        typer.echo(line)
        if change["problem"]:
            typer.echo(f"       not done: {change['problem']}")


def _ref(text: str) -> dict[str, str]:
    from inference.models import names

    try:
        model: ModelRef = names.parse(text)
    except ValueError as error:
        _fail(str(error), 2)
    return model.model_dump()


def _ask(server: str, method: str, path: str, name: str | None = None, **body: object) -> Any:
    import httpx

    from regrade.client.exchange import with_key

    headers = dict(with_key({}, None).get("headers", {}))
    who = name or (None if headers else getpass.getuser())  # a key names its owner
    if method == "POST" and who:
        headers["X-Actor"] = quote(who)
    try:
        reply = httpx.request(
            method,
            f"{server.rstrip('/')}/v1/models{path}",
            json=body if method == "POST" else None,
            headers=headers,
            timeout=_TIMEOUT_S,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _fail(f"{server} does not answer ({error}); is `regrade serve` running there?", 4)
    answer: Any = None
    try:
        answer = reply.json()
        said = "" if reply.is_success else str(answer["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = f"{server} answered {reply.status_code}; is it a Regrade server?"
    if said:
        _fail(said, 3)
    return answer


def _tell(state: dict[str, Any]) -> None:
    for model, role in _roles(state["roles"]).items():
        typer.echo(f"{role}: {model}")


def _roles(roles: dict[str, Any]) -> dict[str, str]:
    found = {_shown(roles["champion"]): "champion"}
    if challenger := roles["challenger"]:
        found[_shown(challenger["model"])] = f"challenger for {challenger['share']:.0%}"
    if roles["shadow"]:
        found[_shown(roles["shadow"])] = "shadow"
    return found


def _shown(model: dict[str, str]) -> str:
    return f"{model['name']}/{model['version']}"


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"regrade models: {message}", err=True)
    raise typer.Exit(code)
