"""A chat server on loopback with canned completions (`canned.py`): rate, latency, lengths and errors as asked for.

    python perf/loopback.py --rate 500 --latency 0.2 --errors 0.02

Prints its base URL; one process, one core. GET /stats tells what it was asked, and how often it was asked for something
that it had answered before. Errors are a choice of: HTTP 500, HTTP 429 with Retry-After, a dropped connection, half a
JSON text; each hits a request once, so that a retry is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import time
from dataclasses import asdict, dataclass, field

from canned import Answer, Shares, answer

_FIXED = Answer("def f(x):\n    return x\n" * 15, "stop")
_FAULTS = (500, 429, 0, 200)


@dataclass
class Stats:
    """What the server was asked."""

    requests: int = 0
    completions: int = 0
    faults: int = 0
    repeated: int = 0
    """Requests that had been answered before."""
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class Service:
    """Answers requests; of the settings only `rate`, completions a second, and `latency` cost time."""

    rate: float
    latency: float
    errors: float
    refusals: float
    length: float
    shares: Shares
    fixed: bool
    stats: Stats = field(default_factory=Stats)
    _answered: set[bytes] = field(default_factory=set)
    _failed: set[bytes] = field(default_factory=set)
    _free_at: float = 0.0

    def reply(self, body: bytes) -> tuple[float, bytes | None]:
        """Seconds until the answer goes out, and its bytes; None drops the connection."""
        digest = hashlib.blake2b(body, digest_size=8).digest()
        luck = random.Random(digest)
        self.stats.requests += 1
        if luck.random() < self.errors and digest not in self._failed:
            self._failed.add(digest)
            self.stats.faults += 1
            return 0.0, _fault(luck.choice(_FAULTS))
        if luck.random() < self.refusals:
            self.stats.refused += 1
            return 0.0, _response(400, b'{"error": {"message": "this prompt is too long"}}')
        self.stats.repeated += digest in self._answered
        self._answered.add(digest)
        payload = json.loads(body)
        count = payload.get("n", 1)
        self._free_at = max(self._free_at, time.monotonic()) + (count / self.rate if self.rate else 0.0)
        return self._free_at - time.monotonic() + self.latency, _response(200, self._answer(payload, count))

    def _answer(self, payload: dict, count: int) -> bytes:
        messages, seed = payload["messages"], payload["seed"]
        given = [
            _FIXED if self.fixed else answer(messages, seed, index, shares=self.shares, length=self.length)
            for index in range(count)
        ]
        # 4 characters a token is usual for code.
        usage = {
            "prompt_tokens": sum(len(message["content"]) for message in messages) // 4,
            "completion_tokens": sum(len(one.text) for one in given) // 4,
        }
        self.stats.completions += count
        self.stats.prompt_tokens += usage["prompt_tokens"]
        self.stats.completion_tokens += usage["completion_tokens"]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": one.text}, "finish_reason": one.finish_reason}
            for i, one in enumerate(given)
        ]
        head = {"id": "x", "object": "chat.completion", "created": 1, "model": payload["model"]}
        return json.dumps({**head, "choices": choices, "usage": usage}).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection: requests come one after another."""

    def __init__(self, service: Service):
        self._service = service
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self._read) < end + 4 + length:
                return
            body, self._read = self._read[end + 4 : end + 4 + length], self._read[end + 4 + length :]
            if head.startswith(b"get"):
                self._transport.write(_response(200, json.dumps(asdict(self._service.stats)).encode()))
                continue
            seconds, response = self._service.reply(body)
            asyncio.get_running_loop().call_later(max(0.0, seconds), self._send, response)

    def _send(self, response: bytes | None) -> None:
        if self._transport.is_closing():
            return
        if response is None:
            self._transport.abort()
        else:
            self._transport.write(response)


def _fault(status: int) -> bytes | None:
    if status == 0:
        return None
    body = b'{"choices": [{"mess' if status == 200 else b'{"error": {"message": "overloaded"}}'
    return _response(status, body, b"Retry-After: 0.5\r\n" if status == 429 else b"")


def _response(status: int, body: bytes, headers: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d .\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
    return head % (status, headers, len(body)) + body


async def serve(service: Service, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(service), "127.0.0.1", port, backlog=2048
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="completions a second; 0: as fast as it can")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to each answer")
    parser.add_argument("--errors", type=float, default=0.0, help="share of requests whose first attempt fails")
    parser.add_argument("--refusals", type=float, default=0.0, help="share of requests that are refused (HTTP 400)")
    parser.add_argument("--length", type=float, default=1.0, help="factor on the length of solutions")
    parser.add_argument("--fixed", action="store_true", help="always the same text")
    for name, share in asdict(Shares()).items():
        parser.add_argument(f"--{name}", type=float, default=share, help="share of answers")
    given = parser.parse_args()
    shares = Shares(given.prose, given.cut, given.broken, given.hanging)
    service = Service(given.rate, given.latency, given.errors, given.refusals, given.length, shares, given.fixed)
    asyncio.run(serve(service, given.port))


if __name__ == "__main__":
    main()
