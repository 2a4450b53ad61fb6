"""How each engine is built and asked."""

import importlib.util
import json
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
# The workspace's own programs go where the user says; the others never meet them.
OWN = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
TARGET = ROOT / "target" / "peers"
RUST = ("durare", "duroxide", "cloacina", "apalis")
NAMES = ("minions", "python", *RUST)
# The slowest are counted for 30 s, of which 10 warm them up, and may take as long again to open and to agree.
PATIENCE = 120


class Minions:
    """This checkout, measured by its own benchmark."""

    def __init__(self, children):
        self.children = children

    def build(self):
        self.children.run(["cargo", "build", "-q", "--release", "--locked", "-p", "minions-bench"], cwd=ROOT)

    def about(self):
        settings = "synchronous=FULL (durability = power), metrics, logs at info in a file, retries"
        return {"version": version_of_ours((ROOT / "Cargo.toml").read_text()), "settings": settings}

    def kinds(self, in_flight):
        return [f"durable_{in_flight}"]

    def measure(self, name, in_flight, seconds, directory):
        # Its own windows are long enough at its rate; it has no setting for another length.
        command = [OWN / "release" / "minions-bench", "measure", name, "--directory", directory]
        samples = json.loads(self.children.run(command, timeout=PATIENCE))
        return [sample for sample in samples if sample["name"] == name]


class Rust:
    """A program of this folder."""

    def __init__(self, children, name):
        self.children, self.name = children, name

    def build(self):
        # The newest cloacina declares a compiler that is not out yet, and builds with this one.
        command = ["cargo", "build", "-q", "--release", "--locked", "--ignore-rust-version"]
        # In one folder they would build each other's dependencies anew, in turns.
        self.children.run(command, cwd=HERE / self.name, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET / self.name)})

    @property
    def program(self):
        return [TARGET / self.name / "release" / f"peer-{self.name}"]

    def about(self):
        told = json.loads(self.children.run([*self.program, "about"]))
        return {key: told[key] for key in ("version", "settings")}

    def kinds(self, in_flight):
        return [f"{self.name}_{in_flight}"]

    def measure(self, name, in_flight, seconds, directory):
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            command = [*self.program, in_flight, seconds, *self.extra(name)]
            return json.loads(self.children.run(command, cwd=scratch, timeout=PATIENCE))

    def extra(self, name):
        return []


class Python(Rust):
    """The Python original, in an environment of its own."""

    def __init__(self, children):
        super().__init__(children, "python")

    def build(self):
        if importlib.util.find_spec("ensurepip") is None:
            raise RuntimeError("this Python cannot make an environment; on Debian, install python3-venv")
        ready = TARGET / "python" / "ready"
        required = (HERE / "python" / "requirements.txt").read_text()
        if ready.exists() and ready.read_text() == required:
            return
        shutil.rmtree(TARGET / "python", ignore_errors=True)
        self.children.run([sys.executable, "-m", "venv", TARGET / "python"])
        install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "python" / "requirements.txt"]
        self.children.run([self.program[0], *install])
        ready.write_text(required)

    @property
    def program(self):
        # It warns of what it forgets to wait for.
        return [TARGET / "python" / "bin" / "python", "-W", "ignore", HERE / "python" / "peer.py"]

    def kinds(self, in_flight):
        return [f"python_{in_flight}", f"python_default_{in_flight}"]

    def extra(self, name):
        return ["default"] if "_default" in name else []


def engines(names, children):
    """What was asked for; Minions first, so that what is compared to it meets the same machine."""
    made = {"minions": lambda: Minions(children), "python": lambda: Python(children)}
    return {name: made.get(name, lambda name=name: Rust(children, name))() for name in NAMES if name in names}


def version_of_ours(manifest):
    section = manifest.split("[workspace.package]", 1)[1]
    return section.split('version = "', 1)[1].split('"', 1)[0]
