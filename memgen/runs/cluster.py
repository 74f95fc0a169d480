"""Sweeps on a Dask cluster that somebody else has started: docs/cluster.md."""

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
    """An executor on the workers of the scheduler at this address; at the end, what has not begun is cancelled.

    BadInput if no scheduler answers there, or Dask is not installed. Whenever calls wait and no workers are left, it
    says so on stderr. A call whose worker is killed is made again on another, unless that has happened to it too often
    (distributed.scheduler.allowed-failures): then it raises. CancelledError from all calls if the scheduler is lost.
    """
    try:
        from distributed import Client
    except ImportError:
        raise BadInput('Dask is not installed: pip install "memgen[cluster]"') from None
    if not re.fullmatch(r"(tcp|tls)://\S+:\d{1,5}", address):  # Client would leave a thread behind, and its traceback
        raise BadInput(f"{address}: not the address of a Dask scheduler, such as tcp://10.0.0.7:8786")
    # What ends a sweep is said in its last line; Dask would put the tracebacks of its own attempts before it.
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
    """Say so whenever calls wait and no workers are left, as long as the client is there."""
    said = False
    with suppress(OSError, asyncio.CancelledError):  # whoever waits for a result hears that the scheduler is lost
        while client.status == "running":
            missing = bool(client.futures) and not await client.scheduler.ncores()
            if missing and not said:
                tqdm.write(f"{address}: no workers; waiting for some", sys.stderr)
            said = missing
            await asyncio.sleep(LOOK)


class _Calls(Executor):
    """As Client.get_executor(), whose futures never end if the scheduler is lost while their result is fetched."""

    def __init__(self, client: Any) -> None:
        self._client, self.loop = client, client.loop

    def submit(self, function: Callable, /, *arguments: Any, **named: Any) -> Future:
        # Pure calls that are equal would be taken for one, in other sweeps too.
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
