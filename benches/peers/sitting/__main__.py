"""Measures other engines beside Minions, in one sitting.

In each round every engine does the same work, one after the other: one event, three trivial steps on about 200 bytes, each step
durable, with 1, 64 and 1024 workflows in flight. A table is for people; the file has the objects of minions-bench: name, unit,
median, min, max, ratio and reference, and beside them the version and the settings of the engine.
"""

import argparse
import pathlib
import signal
import sys
import tempfile
import time

from .children import Children
from .engines import NAMES, engines
from .figures import IN_FLIGHT, Figures, to_json, to_table

# Of the sitting, not of the engines: what a killed program ends with.
INTERRUPTED = 130


def main():
    args = arguments(sys.argv[1:])
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    scratch = tempfile.mkdtemp(dir=args.directory, prefix="minions-peers-")
    with Children(scratch) as children:
        figures, about, wrong = sit(args, children, scratch)
    told = figures.summarize()
    print(to_table(told, wrong))
    for name, engine in about.items():
        print(f"\n{name} {engine['version']}: {engine['settings']}")
    if args.json:
        args.json.write_text(to_json(told, about))
    # What another engine cannot do is nobody's fault here; a sitting without what was asked for is.
    if "minions" in args.only and any(f"durable_{count}" not in figures.values for count in IN_FLIGHT):
        return "Minions has no figures"
    return None if figures.values else "nothing has figures"


def arguments(given):
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=positive(int), default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=positive(float), default=3, help="how long each is counted at least (3)")
    parser.add_argument("--quick", action="store_true", help="one round of a second, to see that everything works; the figures mean little")
    parser.add_argument("--only", type=some, default=list(NAMES), metavar="ENGINE,…", help=f"these of {', '.join(NAMES)}")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="where the figures go")
    parser.add_argument("--directory", type=folder, metavar="DIR", help="where the states lie: on the disk that matters")
    args = parser.parse_args(given)
    if args.quick:
        args.rounds, args.seconds = 1, 1
    args.json = args.json and args.json.absolute()
    return args


def positive(kind):
    def read(text):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"`{text}` is not above 0")
        return value

    return read


def some(text):
    names = text.split(",")
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"no engine is called `{name}`; there are {', '.join(NAMES)}")
    return names


def folder(text):
    path = pathlib.Path(text).absolute()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"`{text}` is no directory")
    return path


def sit(args, children, scratch):
    """The figures, what each engine says of itself, and what is wrong with those that have none or fewer."""
    figures, about, wrong, ready = Figures(), {}, {}, {}
    for name, engine in engines(args.only, children).items():
        say(f"building {name}")
        try:
            engine.build()
            about[name] = engine.about()
            ready[name] = engine
        except (RuntimeError, OSError, ValueError) as error:
            wrong[name] = f"cannot be built: {error}"
            say(f"{name} {wrong[name]}")
    began = time.monotonic()
    for number in range(1, args.rounds + 1):
        for in_flight in IN_FLIGHT:
            for name, engine in ready.items():
                for kind in engine.kinds(in_flight):
                    at = f"{time.monotonic() - began:>4.0f} s  round {number}/{args.rounds}  {kind:<24}"
                    try:
                        samples = engine.measure(kind, in_flight, args.seconds, scratch)
                        for sample in samples:
                            figures.add(number, sample)
                        say(f"{at} {samples[0]['value']:>12,.1f} {samples[0]['unit']}")
                    except (RuntimeError, OSError, ValueError, LookupError) as error:
                        wrong[kind] = f"in round {number}: {error}"
                        say(f"{at} {error}")
    return figures, about, wrong


def say(text):
    print(text, file=sys.stderr, flush=True)


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
