"""A hub on loopback: as much of the Hugging Face hub's HTTP API as making a repository and one commit takes.

POST /api/repos/create, /api/validate-yaml, /api/{kind}s/{repo}/preupload/{branch}, /api/{kind}s/{repo}/commit/{branch}
(JSON lines with the files in base64), as huggingface_hub 2.4 sends them. Whatever else is asked is not there.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeHub:
    """`refuse` is a status that every request is answered with."""

    def __init__(self) -> None:
        self.refuse: int | None = None
        self.repos: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.messages: list[str] = []
        self.url = ""

    def answer(self, path: str, body: bytes) -> Any:
        if path == "/api/repos/create":
            self.repos.append(json.loads(body))
            return {"url": self._address()}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            return {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                self._commit(line)
            return {
                "success": True,
                "commitUrl": f"{self._address()}/commit/{'1' * 40}",
                "commitOid": "1" * 40,
                "hookOutput": "",
            }
        return None

    def _address(self) -> str:
        made = self.repos[-1]
        kind = "" if made.get("type", "model") == "model" else f"{made['type']}s/"
        return f"{self.url}/{kind}{made['organization']}/{made['name']}"

    def _commit(self, line: dict[str, Any]) -> None:
        if line["key"] == "header":
            self.messages.append(line["value"]["summary"])
        elif line["key"] == "file":
            self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])


@contextmanager
def serving() -> Iterator[FakeHub]:
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            told = None if hub.refuse else hub.answer(self._path(), body)
            self._reply(hub.refuse or (404 if told is None else 200), told or {"error": "refused"})

        def do_GET(self) -> None:
            self._reply(hub.refuse or 404, {"error": "there is no such thing"})

        def _path(self) -> str:
            return self.path.partition("?")[0]

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                return b"".join(self._chunks())
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _chunks(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _reply(self, status: int, told: Any) -> None:
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests say what went wrong themselves."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
