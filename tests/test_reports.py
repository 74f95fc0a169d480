"""The pages: complete in themselves, escaped, the answer first, and what they cannot tell before the appendix."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memgen.app.reports import audit as audits
from memgen.app.reports import page
from memgen.app.reports import predict as predictions
from memgen.audit import Audit, Pair, result
from memgen.errors import BadInput
from memgen.predict import Prediction
from memgen.predict.criteria import Criterion
from memgen.predict.dimension import Dimension
from memgen.predict.exposed import Exposed
from memgen.predict.information import Width
from memgen.predict.levels import Collapse, Level
from memgen.predict.prediction import Moment
from memgen.predict.spectrum import Spectrum
from memgen.predict.training import Measured, Training
from memgen.reading import Samples

EVIL = "<script>alert('x')</script>.png"
PIXELS = np.random.default_rng(0).random((20, 24), np.float32)
POWER = {"near": 0.9, "loose": 0.125}
TEST = result.Test(
    name="AuthPct",
    question="Nearer than its record is to the others?",
    statistic=40.0,
    null=58.8,
    low=55.0,
    high=62.0,
    method="labels permuted 499 times",
    assumes="exchange",
    p=0.002,
    adjusted=0.004,
    power=POWER,
    closed="50",
)
AUDIT = Audit(
    verdict="memorized",
    answer="Single generated points are copies of <b>training</b> records.",
    sizes={"train": 20, "generated": 20, "holdout": 0, "dimension": 24},
    copies=0.05,
    tests=(TEST, replace(TEST, name="constant", statistic=1.0, null=1.0, low=1.0, high=1.0, adjusted=1.0)),
    power=POWER,
    detectable={"near": 0.02, "loose": float("nan")},
    curves={"near": ((0.01, 0.2), (0.05, 0.9)), "loose": ((0.05, 0.125), (0.5, 0.5))},
    pairs=(Pair(3, 4, 5, 0.5, 0.25, 0.0), Pair(1, 0, -1, 1.5, 1.0, 0.5)),
    ratios={"generated": (0.1, 0.9), "fresh": (0.8, 0.9, 1.0)},
    notes=("train: 2 rows are duplicates",),
    cannot=("Anything else.",),
)
PREDICTION = Prediction(
    answer="It would collapse below <b>σ</b> = 0.5.",
    words=("It would collapse below <b>σ</b> = 0.5.", "More points."),
    rows=20,
    dimension=24,
    n=20,
    augmentation=2,
    spectrum=Spectrum(np.array([3.0, 2.0, 0.1]), 3, 5.1, 2.0, 0),
    dimensions=(Dimension("TwoNN", None, None, None), Dimension("MLE", 3.0, 2.5, 3.5)),
    levels=(
        Level(1.0, 0.35, 0.5, 0.4, 0.6, 0.5, 0.4, 0.6, False, 0.5, 1.6, False),
        Level(0.1, 0.005, None, None, None, 9.0, 8.0, 10.0, True, 9.0, None, None),
    ),
    collapse=Collapse(3.7, Width(0.5, 0.4, None), 0.1, 0.5, None, Width(None, None, None)),
    relaxation=Moment(0.7, 1.7),
    speciation=Moment(0.5, 1.4),
    criteria=(
        Criterion("a", "A", "it agrees", 10.0, "rank", "at the rank, 3", True),
        Criterion("b", "B", "it never does", None, "heuristic", "no formula", None),
    ),
    exposed=(Exposed(0, 0.75, 0.7, 0.8, 3), Exposed(2, 0.5, None, None, 1)),
    training=Training(
        (Measured("U-Net", 300.0, 300.0, 512, "them"),), (6000.0, 6000.0), (1200.0, 1200.0), None, ("Steps.",)
    ),
    notes=("a note",),
)


def pictures(name: str = "folder", channels: int = 1) -> Samples:
    shape = (6 // channels * 2, 2, channels)
    return Samples(name, PIXELS, shape, (EVIL, *(f"{k}.png" for k in range(1, 20))), (f"other files, such as {EVIL}",))


def table(name: str = "a.csv") -> Samples:
    columns = (EVIL, *(f"c{k}" for k in range(1, 24)))
    return Samples(name, PIXELS, None, None, (), columns)


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.lines: list[str] = []
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html.partition("<body>")[2])

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if line := " ".join(data.split()):
            self.lines.append(line)


def check(shown: Page) -> None:
    """What holds for every page."""
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", shown.html) and "url(" not in shown.html
    assert not {"script", "link", "iframe", "object", "b"} & {tag for tag, _ in shown.tags}
    for tag, attributes in shown.tags:
        assert not any(name.startswith("on") for name in attributes)
        if tag == "img":
            assert attributes["src"].startswith("data:image/") and attributes["alt"]
    ends = [
        shown.lines.index("What this cannot tell"),
        *(k for k, line in enumerate(shown.lines) if "Appendix" in line),
    ]
    assert ends == sorted(ends) and len(ends) > 1
    assert "nan" not in " ".join(shown.lines).split()


@pytest.fixture
def audited(tmp_path: Path) -> Page:
    sets = {"train": pictures("tr<i>ain"), "generated": pictures()}
    audits.write(tmp_path / "a.html", AUDIT, audits.Given(sets, None, "memgen audit --train 'tr<i>ain'"))
    return Page(tmp_path / "a.html")


def test_an_audit_answers_first_and_is_complete_in_itself(audited: Page) -> None:
    check(audited)
    verdict, answer, sizes = audited.lines[:3]
    assert verdict == "Memorized" and answer == AUDIT.answer
    assert sizes == "train: 20 images of 12 × 2, from tr<i>ain, generated: 20 images of 12 × 2, from folder."
    sources = [attributes["src"] for tag, attributes in audited.tags if tag == "img"]
    assert [source.partition(";")[0] for source in sources] == ["data:image/png"] * 5 + ["data:image/svg+xml"] * 3
    assert EVIL in audited.lines and "memgen audit --train 'tr<i>ain'" in audited.lines
    first = np.asarray(Image.open(BytesIO(b64decode(sources[0].partition(",")[2]))))
    assert (first == np.round(255 * PIXELS[3].astype(float)).reshape(12, 2)).all()


def test_an_audit_of_tables_names_the_columns_that_differ(tmp_path: Path) -> None:
    given = audits.Given({"train": table(), "generated": table("b.csv")}, "m:f", "memgen audit")
    audits.write(tmp_path / "a.html", replace(AUDIT, tests=(), curves={}, ratios={}), given)
    shown = Page(tmp_path / "a.html")
    check(shown)
    assert "compared by features of m:f" in shown.lines[2] and "row 3" in shown.lines
    away = np.abs(PIXELS[3] - PIXELS[4]) / PIXELS.std(0)
    largest = f"{table().columns[away.argmax()]} {page.number(PIXELS[3][away.argmax()])} | "
    assert any(line.startswith(largest) for line in shown.lines)


def test_an_audit_that_tested_nothing_has_a_page(tmp_path: Path) -> None:
    empty = replace(AUDIT, verdict="undecidable", tests=(), power={}, detectable={}, curves={}, pairs=(), ratios={})
    given = audits.Given({"train": table(), "generated": table()}, None, "memgen audit")
    audits.write(tmp_path / "a.html", empty, given)
    shown = Page(tmp_path / "a.html")
    check(shown)
    assert shown.lines[0] == "Undecidable"
    assert audits.text(empty, given).splitlines()[1].startswith("Undecidable.")


def test_the_text_of_an_audit() -> None:
    given = audits.Given({"train": pictures(), "generated": pictures()}, None, "memgen audit")
    lines = audits.text(AUDIT, given).splitlines()
    assert lines[1] == f"Memorized. {AUDIT.answer}"
    rows = [line.split() for line in lines]
    assert ["*", "AuthPct", "40", "55", "…", "62", "0.002", "0.004", "90%", "12%"] in rows
    assert f"  - train: other files, such as {EVIL}" in lines and "  - Anything else." in lines


def test_a_prediction_answers_first_and_is_complete_in_itself(tmp_path: Path) -> None:
    given = pictures(channels=3)
    predictions.write(tmp_path / "p.html", PREDICTION, given, "memgen predict folder")
    shown = Page(tmp_path / "p.html")
    check(shown)
    assert shown.lines[:2] == ["n = 20: beyond n* by 1 of 1 criteria", PREDICTION.answer]
    assert shown.lines[2] == "20 images of 4 × 2 × 3, from folder. Each point in 2 images."
    assert {
        EVIL,
        "3.png",
        "it agrees",
        "it never does",
        "Below σ = 0.75 (0.7 … 0.8).",
        "Below σ = 0.5 (– … –).",
    } <= set(shown.lines)
    assert "In passes over the data: 1,200 to 1,200." in shown.lines


def test_a_prediction_without_a_collapse_has_a_page(tmp_path: Path) -> None:
    predictions.write(
        tmp_path / "p.html", replace(PREDICTION, n=1, collapse=None, exposed=()), table(), "memgen predict"
    )
    check(Page(tmp_path / "p.html"))


def test_the_text_of_a_prediction() -> None:
    lines = predictions.text(PREDICTION, pictures()).splitlines()
    rows = [line.split() for line in lines]
    assert lines[1] == PREDICTION.answer and "what this cannot tell:" in lines
    assert ["1", "0.5", "0.5", "1.6"] in rows and ["0.1", "–", "9", "–"] in rows
    assert ["it", "agrees", "10", "turned"] in rows and ["2.png", "0.5", "–", "…", "–", "1.png"] in rows


def test_pictures_are_small_and_on_the_scale_of_the_training_set() -> None:
    wide = Samples("a", np.linspace(-1, 1, 400 * 200, dtype=np.float32)[None], (400, 200, 1), None, ())
    source = page.Pictures({"train": wide}).of("train", 0)
    shown = Image.open(BytesIO(b64decode(source.partition(",")[2])))
    assert shown.size == (80, 160) and shown.mode == "L"
    low, high = shown.getextrema()
    assert low < 5 and high > 250
    assert not page.Pictures({"train": table()})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (5.0, "5"),
        (-0.25, "−0.25"),
        (0.00012345, "0.000123"),
        (12345.6, "12,346"),
        (3e9, "3e+09"),
    ],
)
def test_numbers_as_they_are_read(value: float | None, shown: str) -> None:
    assert page.number(value) == shown


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    given = audits.Given({"train": table(), "generated": table()}, None, "memgen audit")
    with pytest.raises(BadInput, match="No such file or directory"):
        audits.write(tmp_path / "none" / "a.html", replace(AUDIT, pairs=(), tests=(), curves={}, ratios={}), given)
