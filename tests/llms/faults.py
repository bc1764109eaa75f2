"""A chat server on loopback whose faults follow a script: it answers plainly once the script has ended."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: bytes | None = None
    """None: a proper answer."""
    headers: dict[str, str] = field(default_factory=dict)
    choices: int | None = None
    """Choices given instead of those asked for."""
    text: str | None = None
    """Content of each choice, as it stands between the quotes of the JSON text."""
    seconds: float = 0.0
    """Time before the answer."""
    drop: str = ""
    """`before` the answer or in the `middle` of it the connection is reset."""
    usage: bool = True


class FaultServer:
    """Context: the server runs.

    Args:
        script: replies for the first requests, in the order in which they arrive; or a function of the payload and
            of how often this payload came before.
    """

    def __init__(self, script: Sequence[Reply] | Callable[[dict[str, Any], int], Reply] = ()):
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.times: list[float] = []
        self.most_at_once = self._now = 0
        self._script = script
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                with contextlib.suppress(ConnectionError):
                    owner._serve(self)

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

            def handle_error(self, *_: Any) -> None: ...  # connections that the client or we reset

        self._server = Server(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FaultServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        payload = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        with self._lock:
            before = self.requests.count(payload)
            number = len(self.requests)
            self.requests.append(payload)
            self.paths.append(handler.path)
            self.times.append(time.monotonic())
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            if callable(self._script):
                reply = self._script(payload, before)
            else:
                reply = self._script[number] if number < len(self._script) else Reply()
            time.sleep(reply.seconds)
        finally:
            with self._lock:
                self._now -= 1
        self._send(handler, reply, payload)

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply, payload: dict[str, Any]) -> None:
        body = answer(payload, reply) if reply.body is None else reply.body
        if reply.drop == "before":
            return _reset(handler)
        handler.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if reply.drop == "middle":
            handler.wfile.write(body[: len(body) // 2])
            return _reset(handler)
        handler.wfile.write(body)


def answer(payload: dict[str, Any], reply: Reply) -> bytes:
    """A chat completion as bytes; each choice's text names its prompt, seed and index."""
    n = payload.get("n", 1) if reply.choices is None else reply.choices
    texts = [
        json.dumps(f"{payload['messages'][-1]['content']} {payload['seed']} {index}")
        if reply.text is None
        else f'"{reply.text}"'
        for index in range(n)
    ]
    choices = ",".join(
        f'{{"index": {i}, "message": {{"role": "assistant", "content": {text}}}, "finish_reason": "stop"}}'
        for i, text in enumerate(texts)
    )
    usage = f', "usage": {{"prompt_tokens": 10, "completion_tokens": {7 * n}}}' if reply.usage else ""
    return f'{{"choices": [{choices}]{usage}}}'.encode()


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
