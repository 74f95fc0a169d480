"""Sweeps on a Dask cluster that the user has started; see docs/cluster.md."""

import asyncio
import logging
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from typing import Any

from tqdm import tqdm

from memgen.errors import BadInput

TIMEOUT = 10.0  # seconds for the scheduler to answer
LOOK = 5.0  # seconds between looks at whether there are workers


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Yield an executor that computes on the workers of the scheduler at this address.

    BadInput if no scheduler answers there, or Dask is not installed. A line on stderr says when calls wait and there
    are no workers. A call whose worker is killed is repeated on another one; it raises if that has happened to it too
    often (distributed.scheduler.allowed-failures). If the scheduler is lost, all calls raise CancelledError. At the end
    of the block, calls that have not begun are cancelled.
    """
    try:
        from distributed import Client
    except ImportError:
        raise BadInput('Dask is not installed: pip install "memgen[cluster]"') from None
    if not re.fullmatch(r"(tcp|tls)://\S+:\d{1,5}", address):  # or Client leaves a thread behind, with a traceback
        raise BadInput(f"{address}: not the address of a Dask scheduler, such as tcp://10.0.0.7:8786")
    # The last line of a sweep says why it ended; Dask would print tracebacks of its own attempts before it.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except OSError:
        raise BadInput(f"{address}: no Dask scheduler answers there") from None
    with client:
        calls = _Calls(client)
        calls.loop.add_callback(_watch, client, address)
        yield calls


async def _watch(client: Any, address: str) -> None:
    """Print a line whenever calls wait and there are no workers, until the client is closed."""
    said = False
    with suppress(OSError, asyncio.CancelledError):  # the calls themselves report a lost scheduler
        while client.status == "running":
            missing = bool(client.futures) and not await client.scheduler.ncores()
            if missing and not said:
                tqdm.write(f"{address}: no workers; waiting for some", sys.stderr)
            said = missing
            await asyncio.sleep(LOOK)


class _Calls(Executor):
    """Like Client.get_executor(), whose futures stay pending if the scheduler is lost while a result is fetched."""

    def __init__(self, client: Any) -> None:
        self._client, self.loop = client, client.loop

    def submit(self, function: Callable, /, *arguments: Any, **named: Any) -> Future:
        # Otherwise Dask makes equal calls only once, even those of different sweeps.
        call = self._client.submit(function, *arguments, **named, pure=False)
        future: Future = Future()
        future.add_done_callback(lambda future: call.cancel() if future.cancelled() else None)
        self.loop.add_callback(self._answer, call, future)
        return future

    async def _answer(self, call: Any, future: Future) -> None:
        result, error = None, None
        try:
            result = await self._client.gather(call, asynchronous=True)
        except (Exception, asyncio.CancelledError) as raised:
            error = raised if call.status == "error" else CancelledError()
        if not future.set_running_or_notify_cancel():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(result)
