"""What the values of several rounds come to. Run by `python3 -m unittest discover -s benches/peers -t benches/peers`."""

import json
import re
import unittest

from .engines import HERE, RUST, version_of_ours
from .figures import IN_FLIGHT, RATIOS, Figures, engine_of, number, to_json, to_table


def figures(*rounds):
    """Figures of rounds, each a dictionary of names and values."""
    told = Figures()
    for at, measured in enumerate(rounds, 1):
        for name, value in measured.items():
            told.add(at, {"name": name, "unit": "workflows/s", "value": value})
    return told


def named(told, name):
    return next(figure for figure in told if figure["name"] == name)


class Summaries(unittest.TestCase):
    def test_a_figure_is_the_median_of_its_rounds(self):
        told = figures({"durare_64": 3.0}, {"durare_64": 1.0}, {"durare_64": 8.0}).summarize()
        self.assertEqual(told, [{"name": "durare_64", "unit": "workflows/s", "median": 3.0, "min": 1.0, "max": 8.0}])

    def test_a_ratio_is_the_median_of_the_rounds_and_not_of_the_medians(self):
        told = figures(
            {"durable_64": 90.0, "durare_64": 1.0},
            {"durable_64": 50.0, "durare_64": 10.0},
            {"durable_64": 1000.0, "durare_64": 100.0},
        ).summarize()
        ratio = named(told, "vs_durare_64")
        self.assertEqual((ratio["median"], ratio["min"], ratio["max"]), (10.0, 5.0, 90.0))
        self.assertEqual((ratio["ratio"], ratio["unit"], ratio["reference"]), (10.0, "ratio", "durare_64"))

    def test_a_round_in_which_one_of_them_failed_has_no_ratio(self):
        told = figures({"durable_1": 10.0}, {"durable_1": 30.0, "durare_1": 10.0}, {"durare_1": 20.0}).summarize()
        self.assertEqual(named(told, "vs_durare_1")["median"], 3.0)
        self.assertEqual(named(told, "vs_durare_1")["min"], 3.0)

    def test_without_a_reference_there_is_no_ratio(self):
        told = figures({"durable_1": 10.0}).summarize()
        self.assertEqual([figure["name"] for figure in told], ["durable_1"])

    def test_what_is_no_number_is_refused(self):
        with self.assertRaisesRegex(ValueError, "durare_1"):
            figures({"durare_1": float("nan")})

    def test_what_is_divided_is_measured_at_each_concurrency(self):
        measured = {f"{engine}_{count}" for engine in ("durable", "durare", "python") for count in IN_FLIGHT}
        for name, (over, under, _) in RATIOS.items():
            self.assertLessEqual({over, under}, measured, name)
            self.assertEqual(over.split("_")[-1], under.split("_")[-1], name)


class Reports(unittest.TestCase):
    def test_the_file_has_an_object_a_line_with_version_and_settings(self):
        told = figures({"durable_1": 30.0, "durare_1": 10.0}).summarize()
        text = to_json(told, {"durare": {"version": "0.5.0", "settings": "synchronous=FULL"}})
        self.assertEqual(len(text.splitlines()), 5)
        objects = json.loads(text)
        self.assertEqual(named(objects, "durare_1")["settings"], "synchronous=FULL")
        self.assertEqual(set(named(objects, "durable_1")), {"name", "unit", "median", "min", "max"})
        self.assertEqual(named(objects, "vs_durare_1")["ratio"], 3.0)
        self.assertNotIn("version", named(objects, "vs_durare_1"))

    def test_a_figure_is_of_one_engine(self):
        self.assertEqual(engine_of("durable_64"), "minions")
        self.assertEqual(engine_of("durare_64_syncs"), "durare")
        self.assertEqual(engine_of("python_default_64"), "python")
        self.assertIsNone(engine_of("vs_durare_64"))

    def test_the_table_tells_goals_and_what_is_wrong(self):
        told = figures({"durable_1": 2500.0, "durare_1": 1000.0}).summarize()
        table = to_table(told, {"cloacina": "cannot be built: `cargo` has ended with status 101"}).splitlines()
        self.assertRegex(table[2], r"^durable_1 +2,500 +2,500 +2,500  workflows/s$")
        self.assertRegex(table[4], r"^vs_durare_1 +2.500 .* ≥ 3, missed$")
        self.assertRegex(table[5], r"^cloacina +cannot be built: `cargo` has ended with status 101$")

    def test_numbers_keep_what_matters(self):
        self.assertEqual([number(value) for value in (0.8125, 63.25, 138_123.4)], ["0.812", "63.2", "138,123"])


class Versions(unittest.TestCase):
    def test_each_program_tells_the_version_that_it_is_built_with(self):
        for name in RUST:
            source = (HERE / name / "src" / "main.rs").read_text()
            manifest = (HERE / name / "Cargo.toml").read_text()
            told = re.search(r'version: "([^"]+)"', source).group(1)
            self.assertRegex(manifest, rf'(?m)^{name} = .*"={re.escape(told)}"', name)

    def test_our_version_is_the_workspaces(self):
        self.assertEqual(version_of_ours('[workspace]\n[workspace.package]\nversion = "0.1.0"\nedition = "2024"\n'), "0.1.0")


if __name__ == "__main__":
    unittest.main()
