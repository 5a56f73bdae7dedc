"""Reports on their way out of a worker: none is dropped, whatever becomes of the broker and the process."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from spar.messages.coordinator import LeasedAttempt, Report, StepReturned, StepStarted, TrainingProgressed, WorkerAlive
from spar.runtime.outbox import Letter, Outbox


def started(step_id: int) -> StepStarted:
    return StepStarted(step_id=step_id, attempt=1, worker="w")


def alive(step_id: int) -> WorkerAlive:
    return WorkerAlive(worker="w", held=(LeasedAttempt(step_id=step_id, attempt=1),))


@dataclass
class Mail:
    """What arrived; while `away`, nothing does."""

    away: bool = False
    arrived: list[tuple[Report, str | None]] = field(default_factory=list)
    tries: int = 0
    tried: threading.Event = field(default_factory=threading.Event)

    def send(self, letter: Letter) -> None:
        self.tries += 1
        self.tried.set()
        if self.away:
            raise RuntimeError("OOM command not allowed when used memory > 'maxmemory'")
        self.arrived.append((letter.report, letter.to))


def test_reports_arrive_in_order_whatever_was_raised_on_the_way() -> None:
    mail = Mail(away=True)
    outbox = Outbox(mail.send)
    outbox.put(started(1))
    assert mail.tried.wait(10)
    outbox.put(started(2), "mine")
    mail.away = False
    assert outbox.close() == 0
    assert mail.arrived == [(started(1), None), (started(2), "mine")]
    assert mail.tries > 2


def test_signs_of_life_and_progress_that_are_outdated_do_not_pile_up() -> None:
    mail = Mail(away=True)
    outbox = Outbox(mail.send)
    outbox.put(started(1))
    progress = TrainingProgressed(step_id=1, attempt=1, step=1, steps=9, loss=None)
    for place in range(50):
        outbox.put(alive(place))
        outbox.put(progress.model_copy(update={"step": place}))
    outbox.put(alive(7), "mine")  # another's
    assert outbox.waiting == 4
    mail.away = False
    outbox.close()
    reports = [report for report, _ in mail.arrived]
    assert reports == [started(1), alive(49), progress.model_copy(update={"step": 49}), alive(7)]


def test_what_cannot_be_sent_before_the_end_is_sent_by_the_next_worker(tmp_path: Path) -> None:
    gone = Mail(away=True)
    outbox = Outbox(gone.send, tmp_path / "reports")
    returned = StepReturned(step_id=2, attempt=1, worker="w")
    outbox.put(started(1))
    outbox.put(returned, "mine")
    outbox.put(alive(1))  # of a process that is gone: of no use to anybody
    assert outbox.close(within_s=0.1) == 2
    mail = Mail()
    assert Outbox(mail.send, tmp_path / "reports").close() == 0
    assert mail.arrived == [(started(1), None), (returned, "mine")]
    assert list((tmp_path / "reports").iterdir()) == []


def test_beyond_its_bound_whoever_reports_waits() -> None:
    mail = Mail(away=True)
    outbox = Outbox(mail.send, most=2)
    outbox.put(started(1))
    outbox.put(started(2))
    third = threading.Thread(target=outbox.put, args=(started(3),), daemon=True)
    third.start()
    third.join(0.3)
    assert third.is_alive()
    mail.away = False
    third.join(10)
    outbox.close()
    assert [report for report, _ in mail.arrived] == [started(1), started(2), started(3)]
