"""Measures the Python original: peer.py IN_FLIGHT SECONDS [default], in a directory of its own.

It does less than the others. Its store answers before a checkpoint is durable. Logs and metrics are off, because those of its
release 0.0.2 fail with every call. Of its store some methods are called by names that are not theirs; that is mended here.
Its batches begin a transaction while that of a removal may be open on the same connection, and are lost then; so here they
take turns, unless it is measured as it comes.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from importlib.metadata import version

SETTINGS = (
    "synchronous=FULL by a PRAGMA on its connection once it has started; checkpoints are answered before they are durable; "
    "transactions take turns, without which it loses checkpoints; no logs, no metrics. "
    "python_default: synchronous=NORMAL and no turns, as it comes"
)
# How long the slowest is waited for until each place has been used once, and counted until each has been used once more.
WARM, COUNTED = 10, 30


async def measure(in_flight: int, seconds: float, as_it_comes: bool) -> dict:
    from minions import Gru
    from minions.implementations import NoOpLogger, SQLiteStateStore

    import walk

    through = written = lost = 0
    synchronous = "NORMAL" if as_it_comes else "FULL"
    turn = contextlib.nullcontext() if as_it_comes else asyncio.Lock()

    class Store(SQLiteStateStore):
        """Removes a row when its workflow has ended, which is what is counted."""

        async def _safe_run_and_log(self, *args, **kwargs):
            # Called by this name in the release, and defined by the other.
            return await self._mn_safe_run_and_log(*args, **kwargs)

        async def startup(self):
            await super().startup()
            await self._db.execute(f"PRAGMA synchronous={synchronous}")

        async def _upsert_now(self, items):
            nonlocal written, lost
            written += len(items)
            try:
                async with turn:
                    await super()._upsert_now(items)
            except Exception:
                # Nobody hears of it: it is logged, or ends a task that is not waited for.
                lost += len(items)
                raise

        async def delete_context(self, workflow_id):
            nonlocal through
            async with turn:
                await super().delete_context(workflow_id)
            through += 1
            walk.room.release()

    walk.room = asyncio.Semaphore(in_flight)
    logger = NoOpLogger()
    store = Store(db_path="state.db", logger=logger)
    store._logger = logger
    await store.startup()
    # What it loses is counted above.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    gru = await Gru.create(state_store=store, logger=logger, metrics=None)
    started = await gru.start_minion("walk", "config.json", "walk")
    if not started.success:
        raise SystemExit(f"the minion has not started: {started.reason}")
    warm = time.monotonic()
    while through < in_flight and time.monotonic() - warm < WARM:
        await asyncio.sleep(0.005)
    # Where not each place has been used by now, many may be about to end together: those are counted from the beginning.
    before, began = (walk.walked, time.monotonic()) if through >= in_flight else (0, warm)
    while (passed := time.monotonic() - began) < seconds or (walk.walked - before < in_flight and passed < COUNTED):
        await asyncio.sleep(0.005)
    # Those that have been in all three steps: as it comes, some end without that.
    ended = walk.walked - before
    if not ended:
        raise SystemExit("nothing has come through")
    if not as_it_comes and (lost or walk.walked < through):
        raise SystemExit(f"of {through} workflows {walk.walked} have been in all three steps, and {lost} checkpoints are lost")
    async with store._db.execute("PRAGMA synchronous") as rows:
        (level,) = await rows.fetchone()
    if level != {"NORMAL": 1, "FULL": 2}[synchronous]:
        raise SystemExit(f"synchronous is {level} and not {synchronous}")
    return {"": ("workflows/s", ended / passed), "_lost": ("share of checkpoints", lost / max(written, 1))}


def main():
    if sys.argv[1:] == ["about"]:
        print(json.dumps({"name": "python", "version": version("minions"), "settings": SETTINGS}))
        return
    in_flight, seconds, *default = sys.argv[1:]
    name = f"python{'_default' if default else ''}_{in_flight}"
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    with open("config.json", "w") as config:
        config.write("{}")
    with contextlib.redirect_stdout(sys.stderr):
        told = asyncio.run(measure(int(in_flight), float(seconds), bool(default)))
    print(json.dumps([{"name": name + rest, "unit": unit, "value": value} for rest, (unit, value) in told.items()]), flush=True)
    # It has no way to leave its workflows as they are.
    os._exit(0)


main()
