"""Whose fault a failure is: the environment's, which pauses a kind, or the step's own."""

from datetime import UTC, datetime, timedelta

from services.coordinator.circuit_breaker import Blame, CircuitBreakers, Failure
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WAIT = timedelta(minutes=6)
SECOND = timedelta(seconds=1)
G, J = StepKind.GENERATION, StepKind.JUDGMENT


def failure(
    step: int,
    reason: FailureReason = FailureReason.ENGINE,
    error: str = "HTTP 401",
    last: bool = False,
    proven: bool = True,
    kind: StepKind = G,
) -> Failure:
    return Failure(kind=kind, step=step, reason=reason, error=error, last=last, proven=proven)


def test_the_same_error_over_three_steps_in_a_row_opens_the_breaker() -> None:
    breakers = CircuitBreakers()
    assert [breakers.failed(failure(step), NOW, WAIT) for step in (1, 1, 2)] == [Blame.STEP] * 3
    assert breakers.failed(failure(3), NOW, WAIT) is Blame.OPENED
    assert breakers.suspects(G) == {1: 2, 2: 1, 3: 1}
    assert breakers.open(NOW) == {G: 0}
    assert breakers.open(NOW + SECOND) == {G: 1}


def test_identifiers_of_requests_make_no_other_error() -> None:
    breakers = CircuitBreakers()
    errors = [f"HTTP 500, request {mark}" for mark in ("8f14e45fceea", "45c48cce2e2d", "c9f0f895fb98")]
    verdicts = [breakers.failed(failure(step, error=error), NOW, WAIT) for step, error in enumerate(errors)]
    assert verdicts[-1] is Blame.OPENED


def test_other_errors_and_successes_end_a_row() -> None:
    breakers = CircuitBreakers()
    for step, error in enumerate(["a", "b", "a", "b", "a", "b"]):
        assert breakers.failed(failure(step, error=error), NOW, WAIT) is Blame.STEP
    for step in range(10, 20):
        assert breakers.failed(failure(step), NOW, WAIT) is Blame.STEP
        assert breakers.succeeded(G, 100 + step, NOW, NOW) is None


def test_faults_of_data_never_open_it() -> None:
    breakers = CircuitBreakers()
    for step in range(9):
        assert breakers.failed(failure(step, FailureReason.DATA, last=True), NOW, WAIT) is Blame.STEP
    assert breakers.open(NOW) == {}


def test_what_is_unavailable_opens_it_at_once() -> None:
    for reason in (FailureReason.ENGINE_UNAVAILABLE, FailureReason.SERVICE, FailureReason.STORE):
        assert CircuitBreakers().failed(failure(1, reason), NOW, WAIT) is Blame.OPENED


def test_a_wrong_setting_that_would_end_a_step_opens_it_until_others_acquit_the_environment_twice() -> None:
    breakers = CircuitBreakers()
    poison = failure(1, FailureReason.MODEL_UNUSABLE, last=True)
    for _ in range(2):
        assert breakers.failed(poison, NOW, WAIT) is Blame.OPENED
        assert breakers.succeeded(G, 2, NOW + SECOND, NOW + 2 * SECOND) == 2 * SECOND
    assert breakers.failed(poison, NOW, WAIT) is Blame.STEP


def test_a_failed_probe_doubles_the_pause_and_others_in_flight_do_not() -> None:
    breakers = CircuitBreakers()
    down = failure(1, FailureReason.ENGINE_UNAVAILABLE)
    breakers.failed(down, NOW, WAIT)
    assert breakers.failed(failure(2, FailureReason.ENGINE_UNAVAILABLE), NOW, WAIT) is Blame.PAUSED
    assert breakers.until(G) == NOW + SECOND
    assert breakers.failed(down, NOW + SECOND, WAIT) is Blame.PAUSED
    assert breakers.until(G) == NOW + 3 * SECOND


def test_what_was_sent_before_the_fault_does_not_close_it() -> None:
    breakers = CircuitBreakers()
    breakers.failed(failure(1, FailureReason.ENGINE_UNAVAILABLE), NOW, WAIT)
    assert breakers.succeeded(G, 2, NOW - SECOND, NOW + SECOND) is None
    assert breakers.open(NOW) == {G: 0}
    assert breakers.succeeded(G, 2, NOW + SECOND, NOW + 2 * SECOND) == 2 * SECOND
    assert breakers.open(NOW) == {}


def test_one_fault_is_one_alarm_whatever_kinds_it_meets_and_however_often_it_comes_back() -> None:
    breakers = CircuitBreakers()
    down = FailureReason.ENGINE_UNAVAILABLE
    breakers.failed(failure(1, down), NOW, WAIT)
    assert breakers.alarms(G, NOW)
    breakers.failed(failure(2, down, kind=J), NOW, WAIT)
    assert not breakers.alarms(J, NOW)
    breakers.succeeded(G, 1, NOW, NOW + SECOND)
    breakers.succeeded(J, 2, NOW, NOW + SECOND)
    breakers.failed(failure(1, down), NOW + 2 * SECOND, WAIT)
    assert not breakers.alarms(G, NOW + 2 * SECOND)
    breakers.succeeded(G, 1, NOW + 3 * SECOND, NOW + 4 * SECOND)
    breakers.failed(failure(1, down), NOW + WAIT, WAIT)
    assert breakers.alarms(G, NOW + WAIT)


def test_it_is_given_up_after_the_wait_and_sooner_where_nothing_has_ever_succeeded() -> None:
    for proven, lasting in ((True, WAIT), (False, timedelta(seconds=30))):
        breakers = CircuitBreakers()
        wrong = failure(1, last=True, proven=proven)
        assert breakers.failed(wrong, NOW, WAIT) is Blame.OPENED
        assert breakers.failed(wrong, NOW + lasting - SECOND, WAIT) is Blame.PAUSED
        assert breakers.failed(wrong, NOW + lasting + timedelta(minutes=2), WAIT) is Blame.GIVEN_UP


def test_a_training_that_fails_is_its_own_fault_unless_something_is_unavailable() -> None:
    breakers = CircuitBreakers()
    training = StepKind.TRAINING
    wrong = failure(1, FailureReason.TRAINING, last=True, kind=training)
    assert breakers.failed(wrong, NOW, WAIT) is Blame.STEP
    assert breakers.failed(failure(1, FailureReason.SERVICE, kind=training), NOW, WAIT) is Blame.OPENED


def test_a_fault_that_lasts_all_night_is_probed_every_minute() -> None:
    breakers, now, wait = CircuitBreakers(), NOW, timedelta(hours=24)
    for _ in range(600):
        breakers.failed(failure(1, FailureReason.ENGINE_UNAVAILABLE), now, wait)
        until = breakers.until(G)
        assert until is not None
        assert until - now <= timedelta(minutes=1)
        now = until
    assert now - NOW > timedelta(hours=9)
