"""The calculator of the book: its JavaScript against the formulas, in an embedded engine and in a browser."""

from __future__ import annotations

import html
import itertools
import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from py_mini_racer import MiniRacer

from memgen.app import calculator
from memgen.figures.collapse import regions
from memgen.laws.data import power_law
from memgen.places import DOCS
from theory import criteria
from theory.collapse import collapse_time
from theory.core.formula import Branch, Formula
from theory.core.parts import DomainError
from theory.criteria import model_similarity, wasserstein_training, wasserstein_truth
from theory.linear import kl_true_generated_spectrum
from theory.mixture import mixture_information, speciation_time
from theory.ou import diffusion_time
from theory.relaxation import spectral_relaxation_time

STATIC = DOCS / "_static" / "calculator"
RUNTIME, MODEL = ((STATIC / name).read_text(encoding="utf-8") for name in ("runtime.js", "model.js"))
TOLERANCE = 1e-9

# Formulas beyond those of the page, for their phases: what is infinite, what has a phase without the unknown, and what
# changes its form at n − 1 = d.
PHASES = (
    collapse_time,
    kl_true_generated_spectrum,
    wasserstein_training,
    wasserstein_truth,
    model_similarity,
)
ODD = [math.nan, math.inf, -1.0, 0.0]
GRID: dict[str, Sequence[Any]] = {
    "n": [1.0, 1.5, 2, 9, 16, 17, 18, 1e3, 1e9],
    "d": [0.5, 1, 15.9, 16, 64.5, 511.9, 512, 4096, 1e6],
    "t": [1e-12, 0.3, 2, 30],
    "lam": [1e-3, 1],
    "tau": [1e-6, 0.5, 1e3],
    "sigma": [1, 30],
    "separation": [1e-4, 0.9, 5, 300],
    "top_eigenvalue": [1e-9, 1, math.nextafter(1, 2), 700],
    "gamma": [1e-3, 0.3, 0.5, 0.9, 1],
    "probability": [1e-3, 0.25, 0.499, 0.5],
    "q": [0.4, 0.5, 0.9, 1],
    "eigenvalues": [[1.0], [0.0, 1.0], [3.0, 1.0, 1e-6], [2.0] * 40, []],
    "fractions": [[0.5], [0.2, 0.5, 1.0], [1e-3, 0.9], [0.0]],
}
LAWS = [(d, slope, spread) for d in (1, 2, 16, 700) for slope in (0, 1, 3) for spread in (0, 0.02, 1, 3)]
SIZES = [2, 10, 1e4, 1e9]

Case = tuple[str, list[Any]]


# -- the same questions, by the formulas ------------------------------------------------------------------------------
def points(formula: Formula) -> Iterator[list[Any]]:
    """Every combination of the grid; and odd values of one argument at a time."""
    values = [GRID[v.symbol.name] for v in formula.variables]
    yield from map(list, itertools.product(*values))
    middle = [choice[len(choice) // 2] for choice in values]
    for k, variable in enumerate(formula.variables):
        if not variable.spectrum:
            yield from ([*middle[:k], odd, *middle[k + 1 :]] for odd in ODD)


def value(formula: Formula, arguments: list[Any]) -> float:
    """In float64; NaN outside the domain, where the formula raises."""
    try:
        return float(formula(*arguments))
    except DomainError:
        return math.nan


def told(d: int, slope: float, spread: float, tau: float) -> float:
    first, *rest = power_law(d, slope).eigenvalues
    within = float(calculator.information(tau, rest)) if rest else 0.0
    return within + float(mixture_information(diffusion_time(tau), spread * np.sqrt(d), 1, np.sqrt(first)))


def noises(d: int, slope: float, spread: float) -> dict[str, float]:
    top = power_law(d, slope).eigenvalues[0]
    species = float(speciation_time(top + spread**2 * d))
    return {"speciation": regions.noise(species), "details": regions.noise(float(spectral_relaxation_time(top)))}


def expected() -> list[tuple[Case, float]]:
    """What is asked, and the answer."""
    found: list[tuple[Case, float]] = []
    for formula in (*calculator.FORMULAS, *PHASES):
        found += [((formula.name, arguments), value(formula, arguments)) for arguments in points(formula)]
    for law in LAWS:
        found += [(("told_at", [*law, tau]), told(*law, tau)) for tau in (1e-3, 0.6, 40.0)]
        found += [(("decision", [*law, name]), tau) for name, tau in noises(*law).items()]
        found += [(("eigenvalue", [*law, k]), power_law(*law[:2]).eigenvalues[k]) for k in {0, law[0] // 2, law[0] - 1}]
    for d, slope, n in itertools.product((1, 2, 16, 700), (0, 1, 3), SIZES):
        alone = collapse_time(n, power_law(d, slope).eigenvalues)  # one Gaussian
        found.append((("collapse_at", [d, slope, 0, n]), regions.noise(float(alone))))
    for d, n in itertools.product((2, 16, 700), SIZES):
        found.append((("collapse_at", [d, 0, 1, n]), regions.collapse_noise(n, d)))  # the map of chapter 8
    for d in (512, 1000, 4096.0, 1e5):
        found += [(("threshold", [d, name]), n) for name, n in criteria.transitions(d).items()]
    return found


ASK = """
const told_at = (d, slope, spread, tau) => told(two_classes(d, slope, spread), tau);
const collapse_at = (d, slope, spread, n) => collapse(two_classes(d, slope, spread), n);
const decision = (d, slope, spread, name) => decisions(two_classes(d, slope, spread))[name];
const threshold = (d, name) => transitions(d)[name];
const regime_at = (d, slope, spread, n, tau) => regime(two_classes(d, slope, spread), n, tau);
function eigenvalue(d, slope, spread, k) {
    const law = two_classes(d, slope, spread);
    return k ? law.rest[k - 1] : law.top;
}
const number = (x) => x === null ? NaN : x === "Infinity" ? Infinity : x;
const answers = (cases) => cases.map(([name, given]) => String(eval(name)(...given.map(number))));
"""


def written(cases: list[Case]) -> str:
    """As JSON, which has neither NaN nor ∞."""
    text = json.dumps(cases)
    return text.replace("NaN", "null").replace("Infinity", '"Infinity"')


def scripts(formulas: str | None = None, runtime: str = RUNTIME) -> list[str]:
    extra = "\n".join(map(calculator.javascript, PHASES))
    return [runtime, formulas or calculator.script(), extra, MODEL, ASK]


def ask(parts: list[str], cases: list[Case]) -> list[str]:
    with MiniRacer() as engine:
        engine.eval("\n".join(parts))
        return json.loads(str(engine.eval(f"JSON.stringify(answers({written(cases)}))")))


def wrong(found: list[str], stated: list[tuple[Case, float]]) -> list[str]:
    """The answers that are not those stated to nine digits, infinite and undefined ones included."""
    assert len(found) == len(stated)
    return [
        f"{name}{tuple(given)}: {answer}, not {true!r}"
        for answer, ((name, given), true) in zip(found, stated, strict=True)
        if not (math.isnan(float(answer)) if math.isnan(true) else math.isclose(float(answer), true, rel_tol=TOLERANCE))
    ]


@pytest.fixture(scope="module")
def stated() -> list[tuple[Case, float]]:
    return expected()


@pytest.fixture(scope="module")
def engine_answers(stated: list[tuple[Case, float]]) -> list[str]:
    return ask(scripts(), [case for case, _ in stated])


def test_the_javascript_gives_what_the_formulas_give(
    stated: list[tuple[Case, float]], engine_answers: list[str]
) -> None:
    assert wrong(engine_answers, stated) == []
    true = np.array([answer for _, answer in stated])
    assert np.isfinite(true).sum() > 1000 and np.isinf(true).sum() > 5 and np.isnan(true).sum() > 200


def test_a_mutated_formula_is_caught(stated: list[tuple[Case, float]]) -> None:
    for formula in calculator.FORMULAS:
        few = [(case, true) for case, true in stated if case[0] == formula.name and math.isfinite(true) and true][:50]
        more = replace(formula, branches=tuple(Branch(b.value * (1 + 1e-8), b.condition) for b in formula.branches))
        found = ask([RUNTIME, calculator.javascript(more), ASK], [case for case, _ in few])
        assert few and len(wrong(found, few)) == len(few)


@pytest.mark.parametrize(
    ("right", "changed"),
    [
        ("length: 1961", "length: 450"),  # nodes of the largest of n
        ("2 * x * x / (2 * k + 1)", "2 * x * x / (2 * k + 2)"),  # the series of erf
        ("k / 2 / (x + rest)", "k / 3 / (x + rest)"),  # the continued fraction beyond it
        ("(c + k) * (k + 1)", "(c + k) * (k + 2)"),
        ("1 / k + s * s", "1 / k - s * s"),
        ("step * k, u = b", "step * k, u = 1.001 * b"),
        ("4e-16 * Math.abs", "4e-5 * Math.abs"),  # a root of few digits
    ],
)
def test_a_changed_digit_of_the_runtime_is_caught(
    stated: list[tuple[Case, float]], formulas: str, right: str, changed: str
) -> None:
    assert RUNTIME.count(right) == 1
    names = {"threshold", "overlap_samples", "wasserstein_truth", "mixture_information"}
    few = [(case, true) for case, true in stated if case[0] in names]
    assert wrong(ask(scripts(formulas, RUNTIME.replace(right, changed)), [case for case, _ in few]), few)


@pytest.fixture(scope="module")
def formulas() -> str:
    return calculator.script()


def test_the_regime_changes_at_its_boundaries_and_nowhere_else(formulas: str) -> None:
    cases: list[Case] = []
    stated = []
    for law in LAWS[::2]:
        edges = noises(*law)
        places = [edge for edge in (*edges.values(), 0.01, 1e3) if edge > 0]
        for tau in (edge * side for edge in places for side in (1 - 1e-7, 1 + 1e-7)):
            within = "noise" if tau > max(edges.values()) else "class" if tau > edges["details"] else "new sample"
            most = told(*law, tau)
            cases += [("regime_at", [*law, n, tau]) for n in SIZES]
            stated += ["copy" if np.log(n) <= most else within for n in SIZES]
    assert ask(scripts(formulas), cases) == stated
    assert set(stated) == {"noise", "class", "new sample", "copy"}


# -- in a browser -----------------------------------------------------------------------------------------------------
# Moves the sliders to their ends; says what is not a number, what the window cuts off, and which texts meet.
EXTREMES = """
function troubles() {
    const found = [], ids = ["n", "d", "slope", "tau", "spread"], svg = at("map");
    for (const wide of [360, 720]) for (let corner = 0; corner < 33; corner++) {
        svg.parentNode.style.width = wide + "px";
        if (corner < 32) ids.forEach((id, k) => { at(id).value = corner >> k & 1 ? at(id).max : at(id).min; });
        else ids.forEach((id) => { at(id).value = at(id).defaultValue; });
        update();
        const where = wide + " " + ids.map((id) => at(id + "-value").value).join(" ");
        const said = at("calculator").textContent + svg.outerHTML;
        if (/NaN|Infinity|undefined/.test(said)) found.push(where + ": not a number");
        const frame = svg.getBoundingClientRect();
        const texts = Array.from(svg.querySelectorAll("text"));
        const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
        boxes.forEach(([name, a], k) => {
            if (a.left < frame.left || a.right > frame.right + 1) found.push(where + ": cut off: " + name);
            for (const [other, b] of boxes.slice(0, k)) {
                const meet = a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
                if (meet) found.push(where + ": " + name + " on " + other);
            }
        });
        if (boxes.length < 8) found.push(where + ": bare");
    }
    return found;
}
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def page() -> str:
    """The HTML of the book's page, its scripts aside."""
    text = (DOCS / "calculator.md").read_text(encoding="utf-8")
    (raw,) = re.findall(r"```\{raw\} html\n(.*?)```", text, re.DOTALL)
    return re.sub(r"<script.*?</script>", "", raw)


def test_a_browser_gives_the_same_and_draws_every_corner(
    stated: list[tuple[Case, float]],
    engine_answers: list[str],
    formulas: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    record_property("browser", browser or "none: the embedded engine stands in")
    if browser is None:
        print(f"no browser among {', '.join(BROWSERS)}: the embedded engine answered {len(engine_answers)} questions")
        assert len(engine_answers) == len(stated) and wrong(engine_answers, stated) == []
        return
    drawing = (STATIC / "page.js").read_text(encoding="utf-8")
    asked = written([case for case, _ in stated])
    last = f"results.textContent = JSON.stringify({{answers: answers({asked}), troubles: troubles()}});"
    parts = "".join(f"<script>{part}</script>" for part in (*scripts(formulas), drawing, EXTREMES, last))
    (tmp_path / "page.html").write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><style>{(DOCS / "_static" / "book.css").read_text(encoding="utf-8")}'
        f'</style>{page()}<pre id="results"></pre>{parts}',
        encoding="utf-8",
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run(
        [*command, "--window-size=1000,900", "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
    )
    results = re.search(r'<pre id="results">(.*?)</pre>', shown.stdout, re.DOTALL)
    assert results and results[1], shown.stdout[-2000:] + shown.stderr[-2000:]
    found = json.loads(html.unescape(results[1]))
    assert wrong(found["answers"], stated) == []
    assert found["troubles"] == []


def test_the_page_is_labelled_and_loads_nothing_from_elsewhere() -> None:
    text = page()
    sliders = re.findall(r'<input type="range" id="([\w-]+)"', text)
    assert len(sliders) == 5
    for slider in sliders:
        assert f'<label for="{slider}">' in text and f'<output id="{slider}-value" for="{slider}">' in text
    assert "<noscript>" in text and 'aria-live="polite"' in text
    every = text + RUNTIME + MODEL + (STATIC / "page.js").read_text(encoding="utf-8")
    assert [url for url in re.findall(r"https?://\S+", every) if "www.w3.org" not in url] == []
