"""The kinds of fault, one per line: when it is injected, how, for how long, and how the run must end."""

import json
import signal
from collections.abc import Iterable
from dataclasses import replace

from tests.faults import message_strikes, strikes
from tests.faults.http_proxy import HttpFault, HttpProxy, Reply, gets, puts
from tests.faults.proxy import Behaviour, Link, TcpProxy
from tests.faults.stack import FaultStack
from tests.faults.strikes import DEAF, HANG, MUTE, REFUSE, SHIFTING, fault, link, replies, reset
from tests.faults.trial import Expect, Kind

AT = {"coordinator": 6, "generation": 2, "judgment": 4, "refinement": 10, "training": 19, "api": 4}
"""Steps done when a process is likely at work: three for each of six shards, then selection and training."""
AWAY_S = 15.0
"""Longer than a lease, and than twice the threshold for a stuck run."""
STATUSES = (401, 403, 404, 408, 413, 429, 500, 503)
WAITING = {429, 503}
"""Statuses that come with a Retry-After."""


def redis(stack: FaultStack) -> TcpProxy:
    return stack.links.redis


def postgres(stack: FaultStack) -> TcpProxy:
    return stack.links.postgres


def s3(stack: FaultStack) -> TcpProxy:
    return stack.links.s3


def model(stack: FaultStack) -> TcpProxy:
    return stack.links.model


def s3_http(stack: FaultStack) -> HttpProxy:
    return stack.links.s3_http


def model_http(stack: FaultStack) -> HttpProxy:
    return stack.links.model_http


def process_kinds() -> Iterable[Kind]:
    for name, after in AT.items():
        yield Kind(name=f"{name} kill -9", after=after, fault=strikes.restarted(name))
        yield Kind(name=f"{name} SIGTERM", after=after, fault=strikes.restarted(name, sign=signal.SIGTERM))
        yield Kind(name=f"{name} asleep", after=after, for_s=5.0, fault=strikes.stopped(name))
    workers = [name for name in SHIFTING if name != "coordinator"]
    yield Kind(name="all workers away", for_s=5.0, fault=strikes.absent(*workers))
    yield Kind(name="everything kill -9", fault=strikes.restarted(*SHIFTING))
    yield Kind(name="everything asleep", for_s=6.0, fault=strikes.stopped(*SHIFTING))
    yield Kind(name="second coordinator", for_s=6.0, fault=fault(strikes.second_coordinator))
    yield Kind(name="coordinator deposed", for_s=6.0, fault=fault(strikes.deposed_coordinator))


def link_kinds() -> Iterable[Kind]:
    for name, choose in (("redis", redis), ("postgres", postgres), ("s3", s3), ("model", model)):
        yield Kind(name=f"{name} refuses", for_s=3.0, fault=link(choose, REFUSE))
        yield Kind(name=f"{name} hangs", for_s=5.0, fault=link(choose, HANG))
        yield Kind(name=f"{name} mute", for_s=4.0, fault=link(choose, MUTE))
        yield Kind(name=f"{name} deaf", for_s=4.0, fault=link(choose, DEAF))
        yield Kind(name=f"{name} resets", fault=reset(choose, 5))
        yield Kind(name=f"{name} cut", fault=link(choose, Behaviour(link=Link.CUT, cut_after=100)))
        yield Kind(name=f"{name} slow", for_s=4.0, fault=link(choose, Behaviour(delay_s=0.05)))


def redis_kinds() -> Iterable[Kind]:
    yield Kind(name="redis restarted", fault=strikes.redis_restarted(lose_data=False))
    yield Kind(name="redis restarted empty", fault=strikes.redis_restarted(lose_data=True))
    yield Kind(name="redis emptied", fault=fault(strikes.redis_emptied))
    yield Kind(name="redis out of memory", for_s=4.0, fault=strikes.redis_configured("maxmemory", "100kb", "0"))
    yield Kind(name="redis read-only", for_s=4.0, fault=fault(strikes.redis_read_only))
    yield Kind(name="redis cannot save", for_s=4.0, fault=fault(strikes.redis_cannot_save))
    yield Kind(name="redis forbids writes", for_s=4.0, fault=fault(strikes.redis_forbids_writes))
    yield Kind(name="redis other password", for_s=4.0, fault=fault(strikes.redis_other_password))
    yield Kind(name="redis clients killed", fault=fault(strikes.redis_clients_killed))
    yield Kind(name="redis asleep", for_s=5.0, fault=fault(strikes.redis_paused))
    held = ("generation",)
    other = message_strikes.steps(message_strikes.of_another_version)
    yield Kind(name="steps of another version", after=0, held=held, fault=other)
    for how, change in (
        ("twice", message_strikes.twice),
        ("reversed", message_strikes.reversed_order),
        ("dropped", message_strikes.dropped),
    ):
        yield Kind(name=f"steps {how}", after=0, held=held, fault=message_strikes.steps(change))
        yield Kind(name=f"reports {how}", after=5, fault=message_strikes.reports(change))


def postgres_kinds() -> Iterable[Kind]:
    yield Kind(name="postgres restarted", fault=fault(strikes.postgres_restarted))
    yield Kind(name="postgres backends terminated", fault=fault(strikes.backends_terminated))
    yield Kind(name="postgres read-only", for_s=4.0, fault=fault(strikes.postgres_read_only))
    yield Kind(name="postgres table locked", for_s=5.0, fault=fault(strikes.table_locked))
    yield Kind(name="postgres disk full", for_s=4.0, fault=strikes.refusing_writes("53100"))
    yield Kind(name="postgres deadlocks", for_s=4.0, fault=strikes.refusing_writes("40P01", 0.3))
    yield Kind(name="postgres serialization failures", for_s=4.0, fault=strikes.refusing_writes("40001", 0.3))
    yield Kind(name="postgres statement timeouts", for_s=4.0, fault=strikes.refusing_writes("57014", 0.3))
    yield Kind(name="postgres lock timeouts", for_s=4.0, fault=strikes.refusing_writes("55P03", 0.3))
    yield Kind(name="postgres out of memory", for_s=4.0, fault=strikes.refusing_writes("53200"))
    yield Kind(name="postgres internal errors", for_s=4.0, fault=strikes.refusing_writes("XX000", 0.3))


def s3_error(status: int, code: str) -> HttpFault:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>planted</Message><RequestId>1</RequestId></Error>'
    return HttpFault(instead=Reply(status=status, body=body.encode(), headers={"Content-Type": "application/xml"}))


S3_CODES = {
    401: "Unauthorized",
    403: "AccessDenied",
    404: "NoSuchBucket",
    408: "RequestTimeout",
    413: "EntityTooLarge",
    429: "TooManyRequests",
    500: "InternalError",
    503: "SlowDown",
}


def s3_kinds() -> Iterable[Kind]:
    for status, code in S3_CODES.items():
        yield Kind(name=f"s3 {status} {code}", for_s=3.0, fault=replies(s3_http, s3_error(status, code)))
    shapes = {
        "truncated gets": HttpFault(shape=lambda reply: replace(reply, cut=0.5), only=gets),
        "garbage gets": HttpFault(shape=lambda reply: replace(reply, body=b"x" * len(reply.body)), only=gets, most=4),
        "200 with an error": HttpFault(instead=replace(_instead(s3_error(200, "InternalError"))), only=puts),
        "wrong content type": HttpFault(
            shape=lambda reply: replace(reply, headers={**reply.headers, "Content-Type": "text/html"})
        ),
        "answers in HTML": HttpFault(
            instead=Reply(status=502, body=b"<html>Bad Gateway</html>", headers={"Content-Type": "text/html"})
        ),
    }
    for name, shape in shapes.items():
        yield Kind(name=f"s3 {name}", for_s=3.0, fault=replies(s3_http, shape))


def _instead(fault: HttpFault) -> Reply:
    assert fault.instead is not None
    return fault.instead


def model_error(status: int) -> HttpFault:
    body = json.dumps({"error": {"message": "planted", "type": "planted", "code": status}}).encode()
    after = {"Retry-After": "1"} if status in WAITING else {}
    return HttpFault(instead=Reply(status=status, body=body, headers={"Content-Type": "application/json", **after}))


def _content(text: str) -> HttpFault:
    """One reply with a different text."""

    def shape(reply: Reply) -> Reply:
        data = json.loads(reply.body)
        for choice in data.get("choices", ()):
            choice["message"]["content"] = text
        return replace(reply, body=json.dumps(data).encode())

    return HttpFault(shape=shape, most=1)


def model_kinds() -> Iterable[Kind]:
    for status in STATUSES:
        yield Kind(
            name=f"model {status}", for_s=4.0, expect=Expect.RESUMED, fault=replies(model_http, model_error(status))
        )
    json_type = {"Content-Type": "application/json"}
    bodies = {
        "garbage": Reply(status=200, body=b"\xff\xfe garbage", headers=json_type),
        "empty body": Reply(status=200, body=b"", headers=json_type),
        "200 with an error": Reply(status=200, body=b'{"error": {"message": "planted"}}', headers=json_type),
        "HTML": Reply(status=200, body=b"<html>hello</html>", headers={"Content-Type": "text/html"}),
    }
    for name, reply in bodies.items():
        yield Kind(name=f"model {name}", expect=Expect.RESUMED, fault=replies(model_http, HttpFault(instead=reply)))
    cut = HttpFault(shape=lambda reply: replace(reply, cut=0.5))
    yield Kind(name="model cut mid-body", fault=replies(model_http, cut))
    yield Kind(name="model killed", for_s=3.0, fault=fault(strikes.model_server_restarted))
    for name, text in (("NUL", "a\x00b"), ("surrogate", "\ud800"), ("15 MB", "word " * 3_000_000)):
        yield Kind(
            name=f"model reply {name}",
            expect=Expect.COUNTED,
            most_lost=1,
            for_s=3.0,
            fault=replies(model_http, _content(text)),
        )


def disk_kinds() -> Iterable[Kind]:
    blocked = fault(strikes.folder_is_a_file)
    yield Kind(name="training folder blocked", after=18, for_s=5.0, expect=Expect.RESUMED, fault=blocked)
    yield Kind(
        name="training disk full",
        after=18,
        for_s=5.0,
        expect=Expect.RESUMED,
        fault=strikes.no_bytes_on_disk("training"),
    )


def lasting_kinds() -> Iterable[Kind]:
    """Long-lasting faults: they must be reported, not only survived."""
    absent, paused = "coordinator_absent", "circuit_opened"
    alarms = {redis: {absent, "run_stuck"}, postgres: {absent}, s3: {paused, "run_stuck", absent}, model: {paused}}
    for choose, names in alarms.items():
        for how, behaviour in (("refuses", REFUSE), ("hangs", HANG)):
            name = f"{choose.__name__} {how} for long"
            yield Kind(name=name, for_s=AWAY_S, fault=link(choose, behaviour), alarms=frozenset(names))
    workers = [name for name in SHIFTING if name != "coordinator"]
    stuck, interrupted = frozenset({"run_stuck"}), frozenset({"shown interrupted"})
    yield Kind(name="all workers away for long", for_s=AWAY_S, fault=strikes.absent(*workers), alarms=stuck)
    yield Kind(name="all workers asleep for long", for_s=AWAY_S, fault=strikes.stopped(*workers), alarms=stuck)
    yield Kind(name="coordinator away for long", for_s=AWAY_S, fault=strikes.absent("coordinator"), alarms=interrupted)
    asleep = strikes.stopped("coordinator")
    yield Kind(name="coordinator asleep for long", for_s=AWAY_S, fault=asleep, alarms=frozenset({absent}))
    training = strikes.absent("training")
    yield Kind(name="training away for long", after=AT["training"], for_s=AWAY_S, fault=training, alarms=stuck)


KINDS: tuple[Kind, ...] = (
    *process_kinds(),
    *link_kinds(),
    *redis_kinds(),
    *postgres_kinds(),
    *s3_kinds(),
    *model_kinds(),
    *disk_kinds(),
    *lasting_kinds(),
)
BY_NAME = {kind.name: kind for kind in KINDS}

SHORT = (
    "coordinator kill -9",
    "refinement SIGTERM",
    "redis restarted empty",
    "postgres backends terminated",
    "s3 503 SlowDown",
    "s3 truncated gets",
    "model 503",
    "reports twice",
)
"""The kinds that `make test` tries: one per component."""
