"""All values of each figure, and what they come to; told like those of minions-bench."""

import json
import math
import statistics

IN_FLIGHT = (1, 64, 1024)

# name: (over, under, goal)
RATIOS = {
    "vs_python_1024": ("durable_1024", "python_1024", 200),
    "vs_durare_1": ("durable_1", "durare_1", 3),
    "vs_durare_64": ("durable_64", "durare_64", 60),
    "vs_durare_1024": ("durable_1024", "durare_1024", 200),
}


class Figures:
    """The values of all rounds, in the order in which the figures were first measured."""

    def __init__(self):
        self.values = {}
        self.units = {}

    def add(self, number, sample):
        """Keeps what was measured in a round; a value that is no number is an error, which is the engine's."""
        if not math.isfinite(sample["value"]):
            raise ValueError(f"`{sample['name']}` is no number: {sample['value']}")
        self.units[sample["name"]] = sample["unit"]
        self.values.setdefault(sample["name"], {})[number] = sample["value"]

    def summarize(self):
        """Everything measured, and then the ratios, whose unit is `ratio` and whose ratio is their median."""
        measured = [figure(name, self.units[name], list(values.values())) for name, values in self.values.items()]
        return measured + [divided for name in RATIOS if (divided := self.ratio(name))]

    def ratio(self, name):
        """The median of the ratios of each round in which both were measured; nothing if there is none."""
        over, under, _ = RATIOS[name]
        overs, unders = self.values.get(over, {}), self.values.get(under, {})
        ratios = [overs[number] / unders[number] for number in overs if unders.get(number)]
        if not ratios:
            return None
        divided = figure(name, "ratio", ratios)
        return {**divided, "ratio": divided["median"], "reference": under}


def figure(name, unit, values):
    return {"name": name, "unit": unit, "median": statistics.median(values), "min": min(values), "max": max(values)}


def to_json(figures, engines):
    """One object a line. Figures of an engine tell its version and how it was set as well."""
    lines = ",\n  ".join(json.dumps({**told, **engines.get(engine_of(told["name"]), {})}) for told in figures)
    return f"[\n  {lines}\n]\n"


def engine_of(name):
    """Whose figure it is: `durare_64_syncs` is durare's, `durable_64` is Minions', and a ratio is nobody's."""
    first = name.split("_")[0]
    return {"durable": "minions", "vs": None}.get(first, first)


def to_table(figures, wrong):
    """For people; what could not be measured has a line as well."""
    rows = [("figure", "median", "min", "max", "unit", "goal")]
    for told in figures:
        numbers = [number(told[key]) for key in ("median", "min", "max")]
        rows.append((told["name"], *numbers, told["unit"], judged(told)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{name:<{widths[0]}}  " + "  ".join(f"{value:>{width}}" for value, width in zip(values, widths[1:])) + f"  {unit:<14}  {goal}"
        for name, *values, unit, goal in rows
    ]
    lines.insert(1, "─" * max(map(len, lines)))
    lines += [f"{name:<{widths[0]}}  {error}" for name, error in wrong.items()]
    return "\n".join(line.rstrip() for line in lines)


def judged(told):
    goal = RATIOS.get(told["name"], (None, None, None))[2]
    if goal is None:
        return ""
    return f"≥ {goal}" + ("" if told["median"] >= goal else ", missed")


def number(value):
    """Three digits at least, in groups."""
    if abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:.1f}" if abs(value) < 1000 else f"{value:,.0f}"
