"""The ledger: every verdict is computed anew, and what the pages show is what comes out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memgen.app.cli import main
from memgen.errors import BadInput
from theory.ledger import claims
from theory.ledger.pages import markdown
from theory.ledger.verdicts import linear, network, training, transition

ROOT = Path(__file__).resolve().parents[1]
# The paper's own claims, and the questions of its five reviewers.
IDS = "C1 C2 C3 C4 C5 C6 C7 C8 R1.1 R1.2 R1.3 R2.1 R2.2 R2.3 R3.1 R3.2 R4.1".split()
IDS += "R5.1 R5.2 R5.3 R5.4 R5.5 R5.6 R5.7 R5.8".split()
SETTLED = {
    "C1": "fails",
    "C2": "holds with a correction",
    "C3": "fails",
    "C4": "holds with a correction",
    "C5": "holds with a correction",
    "C6": "fails",
    "C7": "holds with a correction",
    "R1.3": "fails",
    "R2.2": "holds",
    "R5.2": "fails",
    "R5.3": "holds with a correction",
    "R5.4": "holds with a correction",
    "R5.5": "holds",
    "R5.6": "holds",
    "R5.7": "holds",
    "R5.8": "holds",
}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return claims.rows()


def test_every_claim_is_there_once(rows: list[dict]) -> None:
    assert sorted(row["id"] for row in rows) == sorted(IDS) and len(claims.CLAIMS) == len(IDS)
    assert all(row["statement"].endswith((".", "?")) and row["source"] for row in rows)


def test_verdicts_are_recomputed(rows: list[dict]) -> None:
    assert {row["id"]: row["verdict"] for row in rows if row["verdict"] != "pending"} == SETTLED


def test_reasons_carry_the_numbers_that_decide(rows: list[dict]) -> None:
    for row in rows:
        if row["verdict"] == "pending":
            assert not row["numbers"]
        else:
            assert row["numbers"] and any(c.isdigit() for c in row["reason"]) and "nan" not in row["reason"]
            assert all(isinstance(value, int | float) for value in row["numbers"].values())


def test_what_the_paper_got_right_is_said_first(rows: list[dict]) -> None:
    settled = [row for row in rows if row["verdict"] != "pending"]
    assert rows[: len(settled)] == settled
    order = [(row["id"][0], claims.VERDICTS.index(row["verdict"])) for row in settled]
    assert order == sorted(order) and order[0][0] == "C" and settled[0]["verdict"].startswith("holds")


def test_a_verdict_can_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions decide by numbers: given others, they decide otherwise."""
    monkeypatch.setattr(transition, "_crossing", lambda choice, d, level: 0.9)
    assert transition.sharp_at_d().verdict == transition.error_bars().verdict == "undecided"
    monkeypatch.setattr(transition, "_crossing", lambda choice, d, level: 2 + level / d)  # beyond d, but sharper at 100
    assert transition.sharp_at_d().verdict == "undecided"
    monkeypatch.setattr(transition, "_crossing", lambda choice, d, level: 2 + level * d)
    assert transition.sharp_at_d().verdict == "fails"
    monkeypatch.setattr(linear, "_RHO", 0.1)
    assert linear.kl_is_monotone().verdict == "fails"
    table = transition._medians(transition._EXACT, 100).assign(log_original=lambda t: t.index.to_numpy() / 100.0)
    monkeypatch.setattr(transition, "_medians", lambda choice, d: table)
    assert transition.original_distance_falls().verdict == "fails"
    assert transition.circular().verdict == "undecided"


def test_verdicts_on_the_network_can_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Had it copied, or sampled the law, it would be told."""
    stored = network._table()

    def pretended(generator: str, a: float) -> pd.DataFrame:
        own = stored[stored["generator"] != "network"]
        limits = stored[stored["generator"] == "network"]
        limits = limits[limits["tau"].notna()].assign(value=lambda t: np.where(t["measure"] == "a", a, t["value"]))
        jitter = 1e-3 * np.random.default_rng(0).standard_normal(len(limits))  # or an interval would have no width
        played = own[own["generator"] == generator].assign(generator="network")
        return pd.concat([own, limits.assign(value=limits["value"] + jitter), played], ignore_index=True)

    for generator, a in (("copier", 1.0), ("ideal", 0.0)):
        table = pretended(generator, a)
        monkeypatch.setattr(network, "_table", lambda table=table: table)
        assert network.transition().verdict == network.quality().verdict == "undecided"
        assert network.probability().verdict == "holds"  # of an ideal sampler and of a copier alike
        assert network.distances().verdict == "undecided"  # for they do not fall
    above = (stored["measure"] == "published") & (stored["points"] == "truth") & (stored["generator"] == "network")
    monkeypatch.setattr(network, "_table", lambda: stored.assign(value=stored["value"] + 9 * above))
    assert network.probability().verdict == "fails" and network.distances().verdict == "undecided"


def test_the_verdict_on_parameters_can_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    found = training.milestones(training.load("training")[0])
    same = found.assign(last=found["last"].groupby([found["n"], found["replica"]]).transform("mean"))
    monkeypatch.setattr(training, "milestones", lambda table: same)
    assert training.parameters().verdict == "undecided"


def test_verdicts_are_short_and_link_to_their_chapters(rows: list[dict]) -> None:
    for row in rows:
        assert len(row["short"].split()) <= 10 and bool(row["short"]) == (row["verdict"] != "pending"), row["short"]
        assert row["verdict"] == "pending" or (ROOT / "notebooks" / f"{row['chapter']}.ipynb").is_file()


def test_the_page_shows_what_comes_out(rows: list[dict]) -> None:
    text = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    shown = text.split("<!-- claims:start -->\n")[1].split("<!-- claims:end -->")[0]
    assert shown == markdown(rows)


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--json", "R5.8", "C3"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in shown] == ["C3", "R5.8"]
    expected = {"id", "statement", "source", "chapter", "verdict", "short", "reason", "numbers"}
    assert set(shown[0]) == expected
    assert main(["claims", "C7"]) == 0
    assert "holds with a correction" in capsys.readouterr().out
    assert main(["claims", "C99"]) == 2
    assert "'C99'" in capsys.readouterr().err
    with pytest.raises(BadInput, match="known: C1"):
        claims.rows(["c3"])
