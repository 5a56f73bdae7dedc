"""The proxies misbehave as intended: a fault that does not happen would let every kind pass."""

import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.faults.http_proxy import HttpFault, HttpProxy, Reply, gets, http_proxy
from tests.faults.proxy import LOOPBACK, PASS, Behaviour, Link, Loop, TcpProxy, proxy_loop, tcp_proxy

BODY = b"0123456789" * 100
SOON_S = 0.3


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """These tests disconnect clients on purpose."""


@pytest.fixture
def server() -> Iterator[int]:
    with _Quiet((LOOPBACK, 0), _Server) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made.server_port
        made.shutdown()


@pytest.fixture
def loop() -> Iterator[Loop]:
    with proxy_loop() as made:
        yield made


@pytest.fixture
def tcp(loop: Loop, server: int) -> Iterator[TcpProxy]:
    with tcp_proxy(loop, server) as made:
        yield made


@pytest.fixture
def http_(loop: Loop, server: int) -> Iterator[HttpProxy]:
    with http_proxy(loop, server) as made:
        yield made


def get(port: int, timeout: float = 10.0) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", "/")
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def _drain(client: socket.socket) -> None:
    while client.recv(1 << 16):
        pass


def test_what_passes_is_unchanged(tcp: TcpProxy) -> None:
    assert get(tcp.port) == (200, BODY)


def test_a_refusing_link_has_no_listener_and_keeps_its_port(tcp: TcpProxy) -> None:
    tcp.switch(Behaviour(link=Link.REFUSE))
    with pytest.raises(ConnectionRefusedError):
        get(tcp.port)
    tcp.switch(PASS)
    assert get(tcp.port) == (200, BODY)


@pytest.mark.parametrize("link", [Link.HANG, Link.MUTE, Link.DEAF])
def test_a_silent_link_accepts_and_delivers_once_healed(tcp: TcpProxy, link: Link) -> None:
    tcp.switch(Behaviour(link=link))
    with socket.create_connection((LOOPBACK, tcp.port), timeout=SOON_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            client.recv(1)
        tcp.switch(PASS)
        client.settimeout(10)
        assert client.recv(12) == b"HTTP/1.1 200"


def test_a_cut_link_ends_in_the_middle_of_a_reply(tcp: TcpProxy) -> None:
    tcp.switch(Behaviour(link=Link.CUT, cut_after=200))
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        get(tcp.port)


def test_open_connections_are_reset(tcp: TcpProxy) -> None:
    with socket.create_connection((LOOPBACK, tcp.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12)
        tcp.reset()
        with pytest.raises(ConnectionResetError):
            _drain(client)
    assert get(tcp.port) == (200, BODY)


def test_a_reply_is_replaced_only_a_limited_number_of_times(http_: HttpProxy) -> None:
    http_.switch(HttpFault(instead=Reply(status=503, body=b"busy"), only=gets, most=1))
    assert get(http_.port) == (503, b"busy")
    assert get(http_.port) == (200, BODY)
    assert http_.struck == 1


def test_a_reply_is_truncated_but_declares_its_full_length(http_: HttpProxy) -> None:
    http_.switch(HttpFault(shape=lambda reply: replace(reply, cut=0.5)))
    with pytest.raises(http.client.IncompleteRead) as raised:
        get(http_.port)
    assert (len(raised.value.partial), raised.value.expected) == (len(BODY) // 2, len(BODY) // 2)
