"""The body of one request in, the body of a valid answer out: attempts, waits, and what no retry can mend."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from codedpo.errors import LLMError
from codedpo.llms.wire import InvalidAnswerError, error_text

T = TypeVar("T")
_MAX_BACKOFF_SECONDS = 60.0
_MAX_RETRY_AFTER_SECONDS = 600.0
_REFUSED = (400, 413, 422)
"""This one request cannot be answered: too long, filtered."""


class LostRequestError(LLMError):
    """No valid answer after all attempts; other requests may fare better."""


class HaltError(LLMError):
    """Nothing more is to be sent: the key is wrong, the path unknown, the budget spent."""


class RefusedError(Exception):
    """The server will not answer this request."""


class _FailedAttemptError(Exception):
    """One attempt failed in a way that may pass."""

    def __init__(self, problem: str, retry_after: float | None = None):
        super().__init__(problem)
        self.retry_after = retry_after


@dataclass
class Sender:
    """Sends requests of one client; lives in its event loop. A server's Retry-After holds back all of them."""

    session: aiohttp.ClientSession
    max_retries: int
    retry_seconds: float
    on_retry: Callable[[], None]
    _not_before: float = field(default=0.0, init=False)
    """Time of the loop's clock."""

    async def post(self, url: str, body: bytes, read: Callable[[bytes], T]) -> T:
        """What `read` makes of the answer; it raises InvalidAnswerError for one that does not count.

        Raises:
            LostRequestError: every attempt failed; says how the last one did.
            RefusedError: the server refuses this request.
            HaltError: the server refuses all requests.
        """
        clock = asyncio.get_running_loop().time
        for attempt in range(self.max_retries + 1):
            while (wait := self._not_before - clock()) > 0:
                await asyncio.sleep(wait * (1 + 0.1 * random.random()))  # jitter only; no result depends on it
            try:
                return read(await self._attempt(url, body))
            except InvalidAnswerError as error:
                problem, retry_after = f"its answer is not a chat completion: {error}", None
            except _FailedAttemptError as error:
                problem, retry_after = str(error), error.retry_after
            if attempt == self.max_retries:
                raise LostRequestError(f"{problem} ({self.max_retries + 1} attempts)")
            self.on_retry()
            if retry_after:
                self._not_before = max(self._not_before, clock() + min(retry_after, _MAX_RETRY_AFTER_SECONDS))
            else:
                backoff = self.retry_seconds * 2**attempt * (0.5 + random.random())
                await asyncio.sleep(min(_MAX_BACKOFF_SECONDS, backoff))
        raise AssertionError("unreachable")

    async def _attempt(self, url: str, body: bytes) -> bytes:
        try:
            async with self.session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                answer = await response.read()
        except TimeoutError as error:
            raise _FailedAttemptError("no answer within llm.timeout_seconds") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _FailedAttemptError(f"no connection ({str(error) or type(error).__name__})") from error
        if response.status == 200:
            return answer
        problem = f"HTTP {response.status}: {error_text(answer)}"
        if response.status in _REFUSED:
            raise RefusedError(problem)
        passing = response.status in (408, 409, 425, 429) or response.status >= 500
        if not passing or b"insufficient_quota" in answer:
            raise HaltError(f"refused a request: {problem}")
        raise _FailedAttemptError(problem, seconds_to_wait(response.headers.get("Retry-After", ""), time.time()))


def seconds_to_wait(retry_after: str, now: float) -> float | None:
    """A Retry-After header, seconds or an HTTP date, as seconds from `now` (Unix time); None where it is neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
