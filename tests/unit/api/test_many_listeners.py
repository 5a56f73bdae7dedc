"""However many listen to runs, requests are answered: listeners share looks, in threads that no request needs."""

import threading
from contextlib import ExitStack
from typing import Any

import httpx
from sqlalchemy import event

from services.api import watching
from services.api.app import make_app
from services.api.backend import Backend
from tests.loopback import listening
from tests.unit.api.conftest import TOKEN

LISTENERS = 50
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def test_fifty_listeners_hold_no_thread_of_a_request(backend: Backend, run_id: str) -> None:
    threads: list[str] = []

    def note(*_: Any) -> None:
        threads.append(threading.current_thread().name)

    request = f"GET /runs/{run_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    with listening(make_app(backend)) as api, ExitStack() as stack:
        event.listen(backend.database, "before_cursor_execute", note)
        stack.callback(event.remove, backend.database, "before_cursor_execute", note)
        for _ in range(LISTENERS):
            connection = stack.enter_context(api.connection())
            connection.sendall(request)
            came = b""
            while b"event: progress" not in came:
                came += connection.recv(65536)
        assert len({*threads}) <= watching.THREADS
        assert all(name.startswith(watching.NAME) for name in threads)
        threads.clear()
        for path in ("/health", "/runs", f"/runs/{run_id}"):
            assert httpx.get(f"{api.url}{path}", headers=HEADERS, timeout=10).status_code == 200
        assert any(not name.startswith(watching.NAME) for name in threads)


def test_listeners_of_a_run_share_a_look(backend: Backend, run_id: str) -> None:
    import asyncio

    async def looks() -> set[int]:
        watch = watching.Watching(backend)
        found = await asyncio.gather(*[watch.look(run_id, oldest_s=60.0) for _ in range(LISTENERS)])
        watch.close()
        return {id(each) for each in found}

    assert len(asyncio.run(looks())) == 1


def test_there_is_a_most_of_listeners(backend: Backend, run_id: str) -> None:
    app = make_app(backend)
    app.state.watching.listeners = watching.MOST_LISTENERS
    with listening(app) as api:
        reply = httpx.get(f"{api.url}/runs/{run_id}/events", headers=HEADERS, timeout=10)
    assert reply.status_code == 503
