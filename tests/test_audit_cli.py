"""`memgen audit` and `memgen predict` as commands: what they print, how they refuse, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memgen.app.cli import main
from memgen.app.inputs import labels

RNG = np.random.default_rng(0)
TRAIN, UNSEEN, FRESH = (RNG.integers(0, 256, (60, 6, 5)).astype(np.uint8) for _ in range(3))
COPIED = np.concatenate([TRAIN[:12], FRESH[12:]])
COPIED[:12] ^= 1  # near copies
NAMES = ["height", "weight", "age"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("train.npy", TRAIN)
    np.save("copied.npy", COPIED)
    np.save("fresh.npy", FRESH)
    np.save("unseen.npy", UNSEEN)
    return tmp_path


def table(name: str, values: np.ndarray, columns: list[str] = NAMES) -> str:
    np.savetxt(name, values, delimiter=",", header=",".join(columns), comments="")
    return name


def audit(*more: str, train: str = "train.npy", generated: str = "fresh.npy") -> int:
    return main(["audit", "--train", train, "--generated", generated, *more])


def refused(capsys: pytest.CaptureFixture[str], status: int, expected: int = 2) -> str:
    """The one line of an error."""
    printed = capsys.readouterr()
    line = printed.err.splitlines()[-1]
    assert status == expected and line.startswith("memgen: "), printed.err
    assert "Traceback" not in printed.err
    return line


def test_copies_among_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--holdout", "unseen.npy", "--report", "a.html", "--fail-on", "memorized"]
    assert audit(*options, generated="copied.npy") == 3
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[:3] == [
        "train: 60 images of 6 × 5, from train.npy",
        "generated: 60 images of 6 × 5, from copied.npy",
        "holdout: 60 images of 6 × 5, from unseen.npy",
    ]
    assert lines[4].startswith("Memorized. Single generated points are copies")
    assert any(line.startswith("  * near copies") for line in lines)
    assert "what this cannot tell:" in lines
    page = Path("a.html").read_text()
    assert page.index("Memorized</h1>") < page.index("row 0") and page.count("data:image/png") >= 30
    assert "memgen audit --train train.npy --generated copied.npy --holdout unseen.npy" in page


def test_json_is_strict_and_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("--json", generated="copied.npy") == 0

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    printed = capsys.readouterr()
    found = json.loads(printed.out, parse_constant=refuse)
    assert found["verdict"] in ("memorized", "undecidable") and found["sizes"]["holdout"] == 0
    assert {"tests", "power", "detectable", "pairs", "notes", "cannot", "answer"} <= set(found)
    assert found["files"] == {"train": "train.npy", "generated": "copied.npy"} and "ratios" not in found
    best = found["pairs"][0]
    assert best["generated"] == best["train"] < 12 and best["train_name"] == f"row {best['train']}"
    assert "train: 60 images" in printed.err


def test_one_record_is_a_report_and_not_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("one.npy", TRAIN[:1])
    assert audit(train="one.npy") == 0
    assert "Undecidable. Nothing can be tested with 1 train points" in capsys.readouterr().out
    assert audit("--fail-on", "memorized", train="one.npy") == 0
    assert audit("--fail-on", "memorized", "--fail-on", "undecidable", train="one.npy") == 3


def test_duplicates_and_constants_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.column_stack([RNG.standard_normal((40, 2)), np.ones(40)])
    train, generated = table("t.csv", np.concatenate([x, x[:5]])), table("g.csv", x[::-1] + 0.3)
    assert audit(train=train, generated=generated) == 0
    assert "train: 5 of 45 rows are exact duplicates and count once" in capsys.readouterr().out


def test_columns_are_matched_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    x, names = RNG.random((40, 8)), list("abcdefgh")
    table("t.csv", x, names)
    table("g.csv", x[:, ::-1], names[::-1])
    audit(train="t.csv", generated="g.csv")
    printed = capsys.readouterr()
    assert "generated: columns put in the order of the training set" in printed.err
    assert "40 rows are training rows, number for number" in printed.out


def test_another_scale_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("signed.npy", FRESH / 127.5 - 1)
    audit(generated="signed.npy")
    expected = (
        "generated: values go from -1 to 1, those of train from 0 to 1: if they are scaled differently, no copy can"
    )
    assert expected in capsys.readouterr().err


def test_features_of_your_own(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import numpy as np\ndef means(x):\n    return x.reshape(len(x), 5, 6).mean(2)\n"
    code += "def fails(x):\n    raise KeyError('weights')\n"
    (here / "embedding_of_a_test.py").write_text(code + "def holes(x):\n    return x * np.nan\nnumber = 3\n")
    assert audit("--features", "embedding_of_a_test:means", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sizes"]["dimension"] == 5 and found["features"] == "embedding_of_a_test:means"
    for name, cause in (
        ("embedding_of_a_test", "must be MODULE:FUNCTION"),
        ("embedding_of_a_test:number", "has no function number"),
        ("no_such_module:f", "no_such_module cannot be imported"),
        ("numpy:sum", "gives float32 of the shape () for train, not numbers of the shape (60, p)"),
        ("embedding_of_a_test:holes", "gives a value that is not finite for row 0 of train"),
    ):
        assert cause in refused(capsys, audit("--features", name)), name
    line = refused(capsys, audit("--features", "embedding_of_a_test:fails"), 1)
    assert line.endswith("failed on train: KeyError: 'weights'")


def test_groups(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "g.txt").write_text("".join(f"{k // 2}\n" for k in range(60)))
    assert audit("--groups", "g.txt", "--json") == 0
    json.loads(capsys.readouterr().out)
    line = refused(capsys, audit("--groups", "g.txt", "--holdout", "unseen.npy"))
    assert "g.txt: 60 labels for 60 training rows and 60 holdout rows; one label a line" in line
    assert labels(Path("g.txt"), 58, 2)[1] == ["29", "29"]
    (here / "g.txt").write_text("a\n\n" + "b\n" * 58)
    assert "g.txt: line 2 has no label" in refused(capsys, audit("--groups", "g.txt"))
    assert "none.txt: No such file" in refused(capsys, audit("--groups", "none.txt"))


def test_sets_that_cannot_be_compared(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("wide.npy", FRESH.transpose(0, 2, 1))
    np.save("small.npy", FRESH[:, :5])
    table("t.csv", RNG.standard_normal((30, 3)))
    table("g.csv", RNG.standard_normal((30, 3)), ["height", "weight", "income"])
    for arguments, cause in (
        ({"generated": "small.npy"}, "small.npy: generated has the size 5 × 5 × 1, train has 6 × 5 × 1 in train.npy"),
        ({"generated": "wide.npy"}, "wide.npy: generated has the size 5 × 6 × 1, train has 6 × 5 × 1 in train.npy"),
        ({"generated": "t.csv"}, "t.csv: generated has the size 3, train has 6 × 5 × 1 in train.npy"),
        ({"train": "t.csv", "generated": "g.csv"}, "g.csv: generated has no column 'age', which t.csv has"),
        ({"generated": "none.npy"}, "none.npy: No such file or directory"),
    ):
        assert cause in refused(capsys, audit(**arguments))
    assert "unseen.csv: No such file" in refused(capsys, audit("--holdout", "unseen.csv"))
    assert "no folder nowhere" in refused(capsys, audit("--report", "nowhere/a.html"))
    assert "this is a folder" in refused(capsys, audit("--report", "."))
    assert "copies must be a share" in refused(capsys, audit("--copies", "nan"))
    assert "--copies" in refused(capsys, audit("--copies", "0.7"))
    assert "--fail-on" in refused(capsys, audit("--fail-on", "undecided"))
    assert "--train" in refused(capsys, main(["audit", "--generated", "fresh.npy"]))


def test_a_prediction_of_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = here / "pictures"
    folder.mkdir()
    for k, picture in enumerate(TRAIN):
        Image.fromarray(picture).save(folder / f"{k}.png")
    options = ["--n", "500", "--sigma", "0.1", "--sigma", "0.3", "--batch", "16", "--report", "p.html"]
    assert main(["predict", "pictures", *options, "--json"]) == 0
    printed = capsys.readouterr()
    assert "data: 60 images of 6 × 5, from pictures" in printed.err
    found = json.loads(printed.out)
    assert (found["n"], found["rows"], found["file"]) == (500, 60, "pictures") and found["words"]
    assert len(found["levels"]) == 2 and found["exposed"][0]["name"].endswith(".png")
    page = Path("p.html").read_text()
    assert "memgen predict pictures --n 500 --sigma 0.1 --sigma 0.3 --batch 16" in page and ".png" in page


@pytest.mark.parametrize(
    ("values", "options", "cause"),
    [
        (TRAIN[:1], [], "x.npy: "),
        (np.ones((30, 4)), [], "x.npy: "),
        (TRAIN, ["--n", "0"], "--n"),
        (TRAIN, ["--sigma", "-1"], "x.npy: sigma = (-1.0,) is out of range"),
        (TRAIN, ["--steps", "many"], "--steps"),
    ],
)
def test_what_predict_refuses(
    values: np.ndarray, options: list[str], cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("x.npy", values)
    assert cause in refused(capsys, main(["predict", "x.npy", *options]))
