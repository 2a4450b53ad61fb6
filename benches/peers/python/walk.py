"""The work of the benchmark for the Python original: one event, three trivial steps on about 200 bytes."""

import asyncio
from dataclasses import dataclass

from minions import Minion, Pipeline, minion_step

# Set by whoever measures.
room: asyncio.Semaphore
begun = walked = 0


@dataclass
class Page:
    number: int


@dataclass
class Visit:
    steps: int = 0
    text: str = "x" * 165


class Source(Pipeline[Page]):
    async def produce_event(self) -> Page:
        global begun
        # An event that nobody is subscribed to yet is lost.
        while not self._mn_subs:
            await asyncio.sleep(0.001)
        await room.acquire()
        begun += 1
        return Page(number=begun)


class Worker(Minion[Page, Visit]):
    @minion_step
    async def first(self):
        self.context.steps += 1

    @minion_step
    async def second(self):
        self.context.steps += 1

    @minion_step
    async def third(self):
        global walked
        self.context.steps += 1
        walked += self.context.steps == 3


minion = Worker
pipeline = Source
