"""Changes of models over HTTP, while items are graded."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.access.roles import RULES
from inference.models.roles import meets_challenger
from inference.store import Store
from tests.inference.models.conftest import Site, model


def test_a_promoted_model_grades_and_the_record_says_who_wanted_it(site: Site) -> None:
    assert site.grade("R-1")["model"] == model("1")
    reply = site.promote("2", actor="%C5%81ucja", note="fewer misses")
    assert reply.status_code == 200, reply.text
    assert reply.json()["roles"]["champion"] == model("2")
    after = site.grade("R-2")
    assert (after["model"], after["grade"]) == (model("2"), "salvage")
    (row,) = site.history()
    assert (row["kind"], row["actor"], row["note"]) == ("promoted", "Łucja", "fewer misses")
    assert row["before"] == {"champion": model("1"), "challenger": None, "shadow": None}
    assert row["after"] == {"champion": model("2"), "challenger": None, "shadow": None}
    assert site.client.get("/health/ready").json()["model"] == model("2")


def test_an_item_under_way_ends_with_the_model_that_it_began_with(site: Site) -> None:
    """And the line is not held up while the new one is loaded, nor by the swap."""
    site.first.hold()
    with ThreadPoolExecutor() as pool:
        under_way = pool.submit(site.grade, "R-1")
        assert site.first.entered.acquire(timeout=30)
        assert site.promote("2").status_code == 200
        after = site.grade("R-2")
        site.first.release()
        before = under_way.result(30)
    assert (before["model"], before["grade"]) == (model("1"), "new")
    assert (after["model"], after["grade"]) == (model("2"), "salvage")
    assert site.grade("R-1") == before, "a repeat gets the verdict that was given"


def test_a_model_is_released_after_its_last_item(site: Site) -> None:
    site.promote("2")
    site.grade("R-1")
    released = weakref.ref(site.loader.loaded.pop("2"))
    site.promote("3")
    gc.collect()
    assert released() is None


def test_the_old_model_grades_while_the_new_one_is_loaded(site: Site) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def wait(_version: str) -> None:
        loading.set()
        assert go_on.wait(30)

    site.loader.before = wait
    with ThreadPoolExecutor() as pool:
        promoting = pool.submit(site.promote, "2")
        assert loading.wait(30)
        assert site.grade("R-1")["model"] == model("1")
        go_on.set()
        assert promoting.result(30).status_code == 200
    assert site.grade("R-2")["model"] == model("2")


def test_a_model_that_fails_leaves_the_old_one_and_says_why(site: Site) -> None:
    site.loader.broken.add("2")
    reply = site.promote("2")
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "bundle_refused")
    assert "graded otherwise here" in reply.json()["error"]["message"]
    assert site.grade("R-1")["model"] == model("1")
    (row,) = site.history()
    assert "graded otherwise here" in str(row["problem"])
    assert row["before"] == row["after"]


def test_a_model_that_cannot_be_recorded_does_not_serve(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Store, "add_model_change", fails)
    assert site.promote("2").status_code == 500
    assert site.grade("R-1")["model"] == model("1")


def test_a_rollback_goes_back_once_however_often_it_is_sent(site: Site) -> None:
    for version in ("2", "3"):
        assert site.promote(version).status_code == 200
    seen_seq = site.client.get("/v1/models").json()["seq"]
    first = site.post("/rollback", seen_seq=seen_seq, note="too many misses")
    assert first.json()["roles"]["champion"] == model("2")
    again = site.post("/rollback", seen_seq=seen_seq)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "models_changed")
    assert "Eva: rolled_back tiny/2" in again.json()["error"]["message"]
    assert site.grade("R-1")["model"] == model("2")


def test_a_promotion_that_is_sent_twice_is_one(site: Site) -> None:
    assert [site.promote("2").status_code for _ in range(2)] == [200, 200]
    assert len(site.history()) == 1


def test_each_item_meets_the_same_model_again(site: Site) -> None:
    reply = site.post("/challenge", challenger={"model": model("2"), "share": 0.5})
    assert reply.status_code == 200, reply.text
    met = set()
    for item_id in ("R-0", "R-1", "R-2", "R-3"):
        expected = model("2" if meets_challenger(item_id, 0.5) else "1")
        met.add(expected["version"])
        verdicts = [site.grade(item_id, f"{item_id}-{capture}") for capture in range(2)]
        assert [each["model"] for each in verdicts] == [expected] * 2
    assert met == {"1", "2"}
    models = [each["name"] for each in site.client.post("/v2/repository/index").json()]
    assert models.count("tiny") == 3
    assert site.client.get("/v2/models/tiny/versions/2/ready").status_code == 200
    assert site.client.get("/v2/models/tiny/versions/3/ready").status_code == 404
    assert site.post("/challenge", challenger=None).status_code == 200
    assert site.grade("R-0", "last")["model"] == model("1")


def test_a_promoted_challenger_is_loaded_once_and_takes_all_items(site: Site) -> None:
    loads: list[str] = []
    site.loader.before = loads.append
    site.post("/challenge", challenger={"model": model("2"), "share": 0.1})
    state = site.promote("2").json()
    assert state["roles"] == {"champion": model("2"), "challenger": None, "shadow": None}
    assert loads == ["2"]
    assert {site.grade(f"R-{n}")["model"]["version"] for n in range(6)} == {"2"}


@pytest.mark.parametrize(
    ("path", "body", "actor", "status", "code"),
    [
        ("/promote", {"model": model("2")}, None, 422, "missing_field"),
        ("/promote", {"model": model("2")}, "%0A", 422, "invalid_field"),
        ("/promote", {"model": model("2")}, "%ff", 422, "invalid_field"),
        ("/promote", {"model": model("9")}, "Eva", 404, "unknown_model"),
        ("/promote", {"model": model("../1")}, "Eva", 404, "unknown_model"),
        ("/promote", {"model": model("2+int8")}, "Eva", 422, "bundle_refused"),
        ("/promote", {"model": model("2"), "x": 1}, "Eva", 422, "unexpected_field"),
        ("/rollback", {}, "Eva", 409, "model_conflict"),
        ("/shadow", {"model": model("1")}, "Eva", 409, "model_conflict"),
        (
            "/challenge",
            {"challenger": {"model": model("1"), "share": 0.1}},
            "Eva",
            409,
            "model_conflict",
        ),
        (
            "/challenge",
            {"challenger": {"model": model("2"), "share": 0.6}},
            "Eva",
            422,
            "invalid_field",
        ),
        (
            "/tune",
            {"base": model("1"), "thresholds": {"review_cost": 1.0}},
            "Eva",
            422,
            "invalid_field",
        ),
        ("", {"source": "/nowhere"}, "Eva", 422, "bundle_refused"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_changes(
    site: Site, path: str, body: dict[str, object], actor: str | None, status: int, code: str
) -> None:
    before = site.client.get("/v1/models").json()["roles"]
    reply = site.post(path, actor=actor, **body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code), reply.text
    assert site.client.get("/v1/models").json()["roles"] == before
    assert site.grade("R-1")["model"] == model("1")


def test_other_thresholds_are_a_version_with_a_row_of_its_own(site: Site) -> None:
    for _ in range(2):  # the reply was lost, say
        reply = site.post("/tune", base=model("1"), thresholds={"review_cost": 7}, note="peak week")
        assert reply.status_code == 201, reply.text
        assert reply.json()["version"] == "1.t1"
    assert site.grade("R-1")["model"] == model("1"), "it gets no role by itself"
    assert site.promote("1.t1").status_code == 200
    assert [row["kind"] for row in site.history()] == ["promoted", "tuned"]


def test_a_bundle_that_is_added_twice_is_one(site: Site) -> None:
    source = str(site.registry.root / "tiny" / "2")
    for _ in range(2):
        assert site.post("", source=source, version="7").status_code == 201
    assert [row["kind"] for row in site.history()] == ["added"]


def test_a_bundle_that_was_edited_in_the_registry_does_not_serve(site: Site) -> None:
    site.post("/tune", base=model("1"), thresholds={"review_cost": 7}, version="8")
    manifest = site.registry.root / "tiny" / "8" / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace('"review_cost": 7.0', '"review_cost": 70.0'))
    reply = site.promote("8")
    assert reply.status_code == 422
    assert "was changed since the bundle was added" in reply.json()["error"]["message"]


def acts(site: Site) -> list[tuple[str, str, str, str]]:
    """Address, outcome, target and reason of what is in the audit log, oldest first."""
    entries = site.client.get("/v1/audit?limit=100").json()["entries"]
    return [
        (each["act"].removeprefix("POST "), each["outcome"], each["target"], each["detail"])
        for each in reversed(entries)
    ]


def test_the_audit_log_names_bundle_and_versions_before_and_after_each_change(site: Site) -> None:
    source = str(site.registry.root / "tiny" / "2")
    site.post("", source=source, version="7", note="of November")
    site.post("/tune", base=model("1"), thresholds={"review_cost": 7}, note="peak week")
    site.promote("2", note="fewer misses")
    site.post("/challenge", challenger={"model": model("3"), "share": 0.1}, note="try it")
    site.promote("3", note="now for all")
    site.post("/rollback", note="too many misses")
    site.post("/shadow", model=None, note="enough")
    expected = [
        ("/v1/models", f"{source} as version 7", f"tiny/7 from {source}", "of November"),
        (
            "/v1/models/tune",
            'tiny/1 with {"review_cost":7.0}',
            "tiny/1.t1 from tiny/1",
            "peak week",
        ),
        ("/v1/models/promote", "champion tiny/1 to tiny/2", None, "fewer misses"),
        ("/v1/models/challenge", "challenger none to tiny/3 for 10 %", None, "try it"),
        (
            "/v1/models/promote",
            "champion tiny/2 to tiny/3; challenger tiny/3 for 10 % to none",
            None,
            "now for all",
        ),
        ("/v1/models/rollback", "champion tiny/3 to tiny/2", None, "too many misses"),
        ("/v1/models/shadow", "what holds already", None, "enough"),
    ]
    assert acts(site) == [
        row
        for address, begun, done, note in expected
        for row in ((address, "begun", begun, note), (address, "done", done or begun, note))
    ]
    audited = {rule.removeprefix("POST ") for rule, each in RULES.items() if each.audited}
    assert {address for address, *_ in expected} == {
        address for address in audited if address.startswith("/v1/")
    }, "whatever is audited is on record before it is done"


def test_a_change_that_is_refused_or_fails_is_in_the_audit_log_with_what_was_asked(
    site: Site,
) -> None:
    site.loader.broken.add("3")
    site.promote("3", note="better")
    site.post("/shadow", model=model("1"))
    site.post("/promote", model={"name": "tiny"})
    assert acts(site) == [
        ("/v1/models/promote", "begun", "champion tiny/1 to tiny/3", "better"),
        ("/v1/models/promote", "failed", "champion tiny/1 to tiny/3", "better"),
        ("/v1/models/shadow", "failed", "shadow tiny/1", "409"),
        ("/v1/models/promote", "failed", "/v1/models/promote", "422"),
    ]


def test_figures_show_who_serves(site: Site) -> None:
    site.promote("2")
    text = site.client.get("/metrics").text
    assert 'regrade_model_info{name="tiny",role="champion",version="2"} 1.0' in text
    assert 'version="1"}' not in text
    assert 'regrade_model_changes_total{kind="promoted",outcome="done"} 1.0' in text


def test_the_page_shows_roles_history_and_why_something_failed(site: Site) -> None:
    site.loader.broken.add("3")
    site.promote("2", note="<b>better</b>")
    site.promote("3")
    text = site.client.get("/models").text
    assert "tiny/2" in text
    assert "&lt;b&gt;better&lt;/b&gt;" in text
    assert "golden.png is graded otherwise here" in text
