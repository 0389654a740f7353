"""The ASGI server's task, and what breaks it off."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from wasmgate.gateway.asgi.failures import TIMEOUT_FAILURES

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from wasmgate.gateway.asgi.downstream import Downstream

__all__ = ["Interruptible"]

_LOGGER = logging.getLogger("wasmgate.gateway")


class Interruptible:
    """Work of the running task with other tasks beside it, whose errors end it."""

    __slots__ = ("_downstream", "_interruption", "_server_task")

    def __init__(self, downstream: Downstream, loop: asyncio.AbstractEventLoop) -> None:
        self._downstream = downstream
        self._server_task = cast("asyncio.Task[None]", asyncio.current_task(loop))
        self._interruption: Exception | None = None

    def _start(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(coroutine)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._interrupt(cast("Exception", error))

    def _interrupt(self, reason: Exception) -> None:
        if not self._downstream.complete:
            self._break_off(reason)

    def _break_off(self, reason: Exception) -> None:
        """Cancel the task, also while it sends the last part of the response."""
        if self._interruption is None:
            self._interruption = reason
            self._server_task.cancel()

    def _out_of_time(self) -> str:
        """Return the name of the deadline that expired, and let the task continue.

        Called while CancelledError is handled, which it raises again for any other reason.
        """
        failure = TIMEOUT_FAILURES.get(type(self._interruption))
        if failure is None:
            raise  # noqa: PLE0704 (see above)
        self._server_task.uncancel()
        _LOGGER.warning("%s", self._interruption)
        self._interruption = None
        return failure
