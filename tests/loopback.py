"""A scripted LLM as a real server on loopback: answers depend on the request alone, faults on demand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SOLUTIONS = (
    "return [x for x in numbers if x > k]",
    "out = []\n    for x in numbers:\n        if x > k:\n            out.append(x)\n    return out",
    "return [y for y in sorted(numbers, key=lambda _: [0 for _ in range(3000)]) if y > k]",
    "return [x for x in numbers if x >= k]",
    "return numbers",
    "return numbers[k]",
)
TESTS = ("{f}([1, 2, 3], 1) == [2, 3]", "{f}([], 5) == []", "{f}([5, 1, 9], 5) == [9]", "{f}([2, 2], 2) == [2, 2]")

GENERATORS = (
    "```python\ndef make_input(size, seed):\n    return list(range(size)), size // 2 + seed\n```",
    "```python\ndef make_input(size):\n    return size\n```",
)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # a full queue drops a connection, and the client tries again only after a second
    daemon_threads = True


class LoopbackLLM:
    """Context: the server runs; `base_url`, and `requests`, the payloads that it was sent."""

    def __init__(self, fault: str = "", faults: int = 1_000_000, ignores_n: bool = False):
        self.fault, self.faults, self.ignores_n = fault, faults, ignores_n
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every body waits 40 ms for the client to confirm the headers

            def do_POST(self) -> None:
                payload = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with owner._lock:
                    owner.requests.append(payload)
                    faulty = bool(owner.fault) and len(owner.requests) <= owner.faults
                status, body = owner._faulty() if faulty else (200, json.dumps(owner.answer(payload)).encode())
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # the client has given up
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> LoopbackLLM:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _faulty(self) -> tuple[int, bytes]:
        if self.fault == "slow":
            time.sleep(3)
        return {
            "500": (500, b'{"error": {"message": "out of order"}}'),
            "400": (400, b'{"error": {"message": "prompt is too long"}}'),
            "401": (401, b'{"error": {"message": "bad key"}}'),
            "garbage": (200, b'{"choices": [{"mess'),
            "empty": (200, b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}'),
            "drop": (0, b""),
            "slow": (500, b"{}"),
        }[self.fault]

    def answer(self, payload: dict[str, Any]) -> dict[str, Any]:
        n = 1 if self.ignores_n else payload.get("n", 1)
        texts = [self.text(payload, index) for index in range(n)]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 10, "completion_tokens": 10 * n, "total_tokens": 10 + 10 * n}
        return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}

    def text(self, payload: dict[str, Any], index: int) -> str:
        last = payload["messages"][-1]["content"]
        draw = int(hashlib.sha256(f"{payload['seed']}:{index}:{last}".encode()).hexdigest(), 16)
        name = re.findall(r"def (\w+)\(", last)[-1:] or ["f"]
        if "Which programming concepts" in payload["messages"][0]["content"]:
            return f"filtering like {name[0]}; comparing numbers"
        if last.startswith("Concepts:"):
            word = re.search(r"like (\w+)", last)
            return (
                f"TASK: Given a list of numbers and a number k, return those greater than k in their order, as {word[1]} does."
                f"\nSIGNATURE: def {word[1]}_above(numbers: list[int], k: int) -> list[int]:"
                f"\nEXAMPLE: {word[1]}_above([1, 2], 1) == [2]"
            )
        if "make_input" in payload["messages"][0]["content"]:
            return GENERATORS[draw % len(GENERATORS)]
        if "assert statements" in last:
            lines = [f"assert {TESTS[(draw >> i) % len(TESTS)].format(f=name[0])}" for i in range(5)]
            return "```python\n" + "\n".join(lines) + "\n```"
        if draw % 11 == 0:
            return "I would rather not."
        return f"```\npython\ndef {name[0]}(numbers, k):\n    {SOLUTIONS[draw % len(SOLUTIONS)]}\n```\nDone."
