"""Measures the Python original: peer.py IN_FLIGHT SECONDS, in a directory of its own.

It does less than the others. Its store answers before a checkpoint is durable. Logs and metrics are off, because those of its
release 0.0.2 fail with every call. Of its store some methods are called by names that are not theirs; that is mended here.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from importlib.metadata import version

SETTINGS = "synchronous=FULL (its own is NORMAL), checkpoints answered before they are durable, no logs, no metrics"


async def measure(in_flight: int, seconds: float) -> float:
    from minions import Gru
    from minions.implementations import NoOpLogger, SQLiteStateStore

    import walk

    through = 0

    class Store(SQLiteStateStore):
        """Removes a row when its workflow has ended, which is what is counted."""

        async def _safe_run_and_log(self, *args, **kwargs):
            # Called by this name in the release, and defined by the other.
            return await self._mn_safe_run_and_log(*args, **kwargs)

        async def startup(self):
            await super().startup()
            await self._db.execute("PRAGMA synchronous=FULL")

        async def delete_context(self, workflow_id):
            nonlocal through
            await super().delete_context(workflow_id)
            through += 1
            walk.room.release()

    walk.room = asyncio.Semaphore(in_flight)
    logger = NoOpLogger()
    store = Store(db_path="state.db", logger=logger)
    store._logger = logger
    await store.startup()
    gru = await Gru.create(state_store=store, logger=logger, metrics=None)
    started = await gru.start_minion("walk", "config.json", "walk")
    if not started.success:
        raise SystemExit(f"the minion has not started: {started.reason}")
    give_up = time.monotonic() + 60
    while through < in_flight and time.monotonic() < give_up:
        await asyncio.sleep(0.01)
    before, began = through, time.monotonic()
    await asyncio.sleep(seconds)
    rate = (through - before) / (time.monotonic() - began)
    if through == before:
        raise SystemExit("nothing has come through")
    return rate


def main():
    if sys.argv[1:] == ["about"]:
        print(json.dumps({"name": "python", "version": version("minions"), "settings": SETTINGS}))
        return
    in_flight, seconds = int(sys.argv[1]), float(sys.argv[2])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    with open("config.json", "w") as config:
        config.write("{}")
    with contextlib.redirect_stdout(sys.stderr):
        rate = asyncio.run(measure(in_flight, seconds))
    print(json.dumps([{"name": f"python_{in_flight}", "unit": "workflows/s", "value": rate}]), flush=True)
    # It has no way to leave its workflows as they are.
    os._exit(0)


main()
