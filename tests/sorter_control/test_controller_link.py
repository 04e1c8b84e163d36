"""The session with the PLC: every event once and in order, every command until it is processed."""

from __future__ import annotations

from dataclasses import replace

from sorter_control.controller.link import Link
from sorter_control.controller.observations import PlcLost, PlcReported
from sorter_control.packml import Mode, State
from sorter_control.protocol import Event, EventType, Flag, Op, PlcImage, Reason, Status

STATUS = Status(
    plc_boot_id=3,
    plc_heartbeat=1,
    state_current=State.EXECUTE,
    unit_mode=Mode.PRODUCTION,
    flags=Flag.RUN,
    encoder=0,
    speed_mm_per_s=500,
    pulses_per_m=1000,
    event_head=0,
    host_heartbeat_echo=0,
    command_ack_seq=0,
    ack_code=Reason.NONE,
    in_flight=0,
    remap_state=1,
    lane_count=0,
    host_boot_id_echo=7,
    events_waiting=0,
)


def image(*seqs: int, status: Status = STATUS) -> PlcImage:
    events = tuple(Event(seq, EventType.ANNOUNCE, seq) for seq in seqs)
    return PlcImage(replace(status, event_head=max(seqs, default=0)), (), events, ())


def heard(link: Link, *seqs: int, status: Status = STATUS, now_s: float = 0.0) -> list[int]:
    report = link.receive(image(*seqs, status=status), now_s)
    assert isinstance(report, PlcReported)
    if report.events:
        link.acknowledge(report.events[-1].seq)
    return [event.seq for event in report.events]


def test_each_event_is_handed_on_once() -> None:
    link = Link(7)
    assert heard(link, 1, 2) == [1, 2]
    assert heard(link, 1, 2, 3) == [3]
    assert heard(link, 3) == []
    assert link.host_image().host.event_ack == 3


def test_a_new_controller_goes_on_after_what_its_journal_holds() -> None:
    link = Link(7, event_seq=5)
    assert heard(link, 4, 5, 6) == [6]


def test_a_missing_event_is_waited_for() -> None:
    link = Link(7)
    assert heard(link, 1) == [1]
    assert heard(link, 3, 4) == []
    assert heard(link, 2, 3, 4) == [2, 3, 4]


def test_events_go_on_over_the_wrap_and_over_a_restart_of_the_plc() -> None:
    link = Link(7, event_seq=65531)
    assert heard(link, 65532) == [65532]
    assert heard(link, 65532, 1, status=replace(STATUS, plc_boot_id=4)) == [1]


def test_a_plc_with_other_numbers_is_believed_when_its_boot_is_new() -> None:
    link = Link(7, event_seq=500)
    assert heard(link, 20, 21) == [20, 21]


def test_a_command_is_written_until_it_is_processed() -> None:
    link = Link(7)
    heard(link)
    link.send(Op.ASSIGN, 11, 2)
    first = link.host_image()
    assert [(c.seq, c.op, c.tid, c.lane) for c in first.commands] == [(1, Op.ASSIGN, 11, 2)]
    heard(link)
    assert link.host_image().commands == first.commands
    heard(link, status=replace(STATUS, command_ack_seq=1))
    assert link.host_image().commands == ()


def test_at_most_eight_commands_are_under_way() -> None:
    link = Link(7)
    heard(link)
    for tid in range(10):
        link.send(Op.ASSIGN, tid, 1)
    assert [command.seq for command in link.host_image().commands] == list(range(1, 9))
    heard(link, status=replace(STATUS, command_ack_seq=3))
    assert [command.seq for command in link.host_image().commands] == list(range(4, 11))


def test_an_acknowledgement_for_another_controller_counts_for_nothing() -> None:
    link = Link(7)
    heard(link)
    link.send(Op.ASSIGN, 11, 2)
    link.host_image()
    link.send(Op.ASSIGN, 12, 3)
    link.host_image()
    heard(link, status=replace(STATUS, command_ack_seq=1, host_boot_id_echo=6))
    asked = link.host_image()
    assert asked.commands == ()
    heard(link, status=replace(STATUS, remap_state=asked.host.remap_request))
    again = link.host_image().commands
    assert [(command.seq, command.tid) for command in again] == [(1, 11), (2, 12)]


def test_nothing_is_commanded_before_the_remap_is_complete() -> None:
    link = Link(7)
    waiting = replace(STATUS, remap_state=0)
    heard(link, status=waiting)
    link.send(Op.ASSIGN, 11, 2)
    assert link.host_image().commands == ()
    assert link.host_image().host.remap_request == 1
    heard(link, status=STATUS)
    assert len(link.host_image().commands) == 1


def test_a_restarted_plc_gets_no_command_of_the_time_before() -> None:
    link = Link(7)
    heard(link)
    link.send(Op.ASSIGN, 11, 2)
    link.host_image()
    heard(link, status=replace(STATUS, plc_boot_id=4, remap_state=0, host_boot_id_echo=0))
    words = link.host_image()
    assert words.commands == ()
    assert (words.host.plc_boot_id_seen, words.host.remap_request) == (4, 2)
    heard(link, status=replace(STATUS, plc_boot_id=4, remap_state=2))
    link.send(Op.ASSIGN, 12, 1)
    assert [command.seq for command in link.host_image().commands] == [1]


def test_the_heartbeat_changes_with_every_write() -> None:
    link = Link(7)
    beats = {link.host_image().host.host_heartbeat for _ in range(5)}
    assert len(beats) == 5


def test_a_heartbeat_that_stands_still_is_a_lost_plc_although_it_answers() -> None:
    link = Link(7)
    assert isinstance(link.receive(image(), 0.0), PlcReported)
    assert isinstance(link.receive(image(), 0.9), PlcReported)
    assert link.receive(image(), 1.1) == PlcLost("the PLC's heartbeat stands still", 1.1)
    alive = image(status=replace(STATUS, plc_heartbeat=2))
    assert isinstance(link.receive(alive, 1.2), PlcReported)
