"""The chapters as they are stored: executed, canonical, in the house style, and ready for other parameters."""

from __future__ import annotations

import ast
import copy
import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import papermill
import pytest
from jupyter_client.manager import KernelManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from papermill.translators import PythonTranslator

from memgen.app.chapters import Chapter
from memgen.app.notebooks import read, run
from memgen.app.outcome import Result, summarise
from memgen.app.refresh import canonicalise, dumps, readme_figure, readme_table, with_block, with_table
from memgen.errors import BadInput
from memgen.places import NOTEBOOKS, ROOT

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
Rule = Callable[[NotebookNode], Iterator[str]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """A rule yields what is wrong; its docstring is what it asks for."""
    RULES.append(function)
    return function


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code(notebook) for output in cell.outputs]


@rule
def canonical(notebook: NotebookNode) -> Iterator[str]:
    """Stored as `make refresh` stores it."""
    if dumps(notebook) != dumps(canonicalise(notebook)):
        yield "not canonical: make refresh"


@rule
def executed(notebook: NotebookNode) -> Iterator[str]:
    """Executed once from top to bottom, without errors or warnings."""
    counts = [cell.execution_count for cell in code(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts {counts}"
    for output in outputs(notebook):
        if output.output_type == "error" or output.get("name") == "stderr":
            yield f"{output.output_type} {output.get('name', output.get('ename'))}"


@rule
def question(notebook: NotebookNode) -> Iterator[str]:
    """The title is a question, the one in the README's table."""
    title = notebook.cells[0].source.splitlines()[0]
    if notebook.cells[0].cell_type != "markdown" or not re.fullmatch(r"# .*\?", title):
        yield f"title {title!r}"
    elif title.removeprefix("# ") != summarise(notebook).question:
        yield f"title {title!r}, but the checks say {summarise(notebook).question!r}"


def assignments(notebook: NotebookNode) -> dict[str, Any]:
    """The one cell tagged parameters, as the names and values that papermill finds in it."""
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    found = {seen.name: ast.literal_eval(seen.default) for seen in PythonTranslator.inspect(cell)}
    if len(found) != len(ast.parse(cell.source).body):
        raise ValueError(f"papermill finds only {', '.join(found)}")
    return found


@rule
def parameters(notebook: NotebookNode) -> Iterator[str]:
    """One cell tagged parameters: at most eight literals, with a preset, all of which papermill can see."""
    try:
        found = assignments(notebook)
    except ValueError as error:
        yield f"the parameters are not one cell of literals: {error}"
    else:
        if len(found) > 8 or found.get("preset") != "standard":
            yield f"parameters {found}"


@rule
def readable(notebook: NotebookNode) -> Iterator[str]:
    """A code cell has at most 25 lines of at most 100 characters; what it prints fits a page, 88 characters."""
    for cell in code(notebook):
        lines = cell.source.splitlines()
        if len(lines) > 25 or any(len(line) > 100 for line in lines):
            yield f"{len(lines)} lines, the longest of {max(map(len, lines))}: {lines[0]!r}"
    for output in outputs(notebook):
        yield from (repr(line) for line in output.get("text", "").splitlines() if len(line) > 88)


@rule
def answered(notebook: NotebookNode) -> Iterator[str]:
    """The second cell: question, answer, what it means for you, in at most 80 words and 5 numbers."""
    text = notebook.cells[1].source
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)  # a link is its words
    words = re.sub(r"\$[^$]*\$", "formula", words)
    numbers = re.findall(r"(?<![\w^_{-])\d[\d.,]*", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text))
    for part in ("Question", "Answer", "What it means for you"):
        if not re.search(rf"^\*\*{part}\.\*\* ", text, re.MULTILINE):
            yield f"no paragraph that begins with **{part}.**"
    if len(words.split()) > 80 or len(numbers) > 5:
        yield f"{len(words.split())} words, numbers {numbers}"


@rule
def described(notebook: NotebookNode) -> Iterator[str]:
    """Every cell that draws has an alternative text in words, for those who cannot see the figure."""
    for cell in code(notebook):
        drawn = any("image/png" in output.get("data", {}) for output in cell.outputs)
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if drawn and len(alt.split()) < 8:
            yield f"alternative text {alt!r}: {cell.source[:60]!r}"


@rule
def strangers(notebook: NotebookNode) -> Iterator[str]:
    """The paper is the paper: a seed is that of random numbers."""
    said = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    said += [
        str(output.get("text", "")) + str(output.get("data", {}).get("text/markdown", ""))
        for output in outputs(notebook)
    ]
    for text in said:
        yield from re.findall(r".*\b[Tt]he seed\b(?! of| is| and| alone).*", text)


@rule
def compared(notebook: NotebookNode) -> Iterator[str]:
    """No cell is exempt from the comparison of nbval."""
    for cell in notebook.cells:
        tags = {"raises-exception", "nbval-ignore-output", "nbval-skip", "nbval-raises-exception"}
        if "NBVAL_" in cell.source or tags & set(cell.metadata.get("tags", [])):
            yield f"cell {cell.source!r}"


@rule
def quiet(notebook: NotebookNode) -> Iterator[str]:
    """No figure titles, and no semicolons to hide output: nbval sees it all the same."""
    for cell in code(notebook):
        if re.search(r"\.(set_title|suptitle|title)\(", cell.source) or cell.source.rstrip().endswith(";"):
            yield f"cell {cell.source!r}"


@rule
def portable(notebook: NotebookNode) -> Iterator[str]:
    """Nothing of the machine it ran on, no addresses in memory."""
    for output in outputs(notebook):
        text = "".join(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
        if str(ROOT) in text or re.search(r"\bat 0x[0-9a-f]+|/(home|Users|tmp)/", text):
            yield f"output {text!r}"


@rule
def checked(notebook: NotebookNode) -> Iterator[str]:
    """The last code cell displays the checks; all have passed; z has at most two digits, and TeX one backslash."""
    try:
        found = summarise(notebook)
    except BadInput as error:
        yield str(error)
    else:
        if "\\\\" in found.formula:
            yield found.formula
        for check in found.checks:
            if not check.passed or (check.z is not None and check.z != round(check.z, 2)):
                yield f"{check}"


@rule
def provenance(notebook: NotebookNode) -> Iterator[str]:
    """The last cell says, or prints, where the numbers come from."""
    last = notebook.cells[-1]
    text = [last.source] if last.cell_type == "markdown" else [o.get("text", "") for o in last.outputs]
    if not re.search(r"^\W*Provenance\W*: ", "\n".join(text), re.MULTILINE):
        yield "the last cell has no line that starts with Provenance:"


@pytest.mark.parametrize("asked", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_keeps_the_rules(chapter: Path, asked: Rule) -> None:
    assert list(asked(read(chapter))) == [], asked.__doc__


def spoil_text(notebook: NotebookNode, cell: int, text: str) -> None:
    notebook.cells[cell].source += text


# For each rule, ways to break it.
SPOILED: list[tuple[Rule, Callable[[NotebookNode], object]]] = [
    (canonical, lambda nb: nb.metadata.update(papermill={})),
    (canonical, lambda nb: nb.cells[0].update(id="random")),
    (executed, lambda nb: code(nb)[1].update(execution_count=None)),
    (executed, lambda nb: code(nb)[0].outputs.append(new_output("stream", name="stderr", text="Warning"))),
    (
        executed,
        lambda nb: code(nb)[0].outputs.append(new_output("error", ename="E", evalue="", traceback=[])),
    ),
    (question, lambda nb: nb.cells[0].update(source="# It runs")),
    (question, lambda nb: nb.cells[0].update(source="# Does it walk?")),
    (parameters, lambda nb: nb.cells[2].metadata.update(tags=[])),
    (parameters, lambda nb: spoil_text(nb, 2, "\nm: int | None = 2")),
    (parameters, lambda nb: spoil_text(nb, 2, "\nm: int = n + 1")),
    (parameters, lambda nb: spoil_text(nb, 2, "".join(f"\nm{i}: int = 0" for i in range(4)))),
    (readable, lambda nb: spoil_text(nb, 3, "\n" * 25 + "1")),
    (readable, lambda nb: spoil_text(nb, 3, " # " + "x" * 100)),
    (readable, lambda nb: code(nb)[0].outputs.append(new_output("stream", text=89 * "x"))),
    (answered, lambda nb: spoil_text(nb, 1, " word" * 80)),
    (answered, lambda nb: spoil_text(nb, 1, " 1.5 and 2, $3n$ and 4, 5, 6")),
    (answered, lambda nb: nb.cells.insert(1, new_markdown_cell("It runs."))),
    (described, lambda nb: code(nb)[0].outputs.append(new_output("display_data", {"image/png": "AAAA"}))),
    (strangers, lambda nb: spoil_text(nb, 1, " As the seed says.")),
    (strangers, lambda nb: code(nb)[0].outputs.append(new_output("stream", text="the seed: 3.2"))),
    (compared, lambda nb: nb.cells.append(new_code_cell("# NBVAL_IGNORE_OUTPUT\nx"))),
    (compared, lambda nb: nb.cells[3].metadata.update(tags=["nbval-skip"])),
    (quiet, lambda nb: spoil_text(nb, 3, "\nax.set_title('x')")),
    (quiet, lambda nb: spoil_text(nb, 3, ";\n")),
    (portable, lambda nb: code(nb)[0].outputs.append(new_output("stream", text=f"{ROOT}/x"))),
    (portable, lambda nb: code(nb)[0].outputs.append(new_output("stream", text="<f at 0x7f00aa>"))),
    (checked, lambda nb: code(nb)[-1].update(outputs=[])),
    (checked, lambda nb: nb.cells.append(new_code_cell("pass"))),
    (checked, lambda nb: checks_of(nb)[0].update(passed=False)),
    (checked, lambda nb: checks_of(nb)[0].update(passed=None)),
    (checked, lambda nb: checks_of(nb)[0].update(z=0.123)),
    (checked, lambda nb: payload_of(nb).update(formula=r"$n \\to 2$")),
    (provenance, lambda nb: nb.cells.pop()),
]


def payload_of(notebook: NotebookNode) -> dict[str, Any]:
    return code(notebook)[-1].outputs[0].data["application/vnd.memgen.checks+json"]


def checks_of(notebook: NotebookNode) -> list[dict[str, Any]]:
    return payload_of(notebook)["checks"]


def test_every_rule_can_be_broken(chapter: Callable[..., Path], tmp_path: Path) -> None:
    path = chapter("total = n * tau")
    assert run(path, tmp_path / "out").problem is None
    good = canonicalise(read(tmp_path / "out" / path.name))
    assert {asked.__name__: list(asked(good)) for asked in RULES} == {asked.__name__: [] for asked in RULES}
    for number, (asked, spoil) in enumerate(SPOILED):
        bad = copy.deepcopy(good)
        spoil(bad)
        assert list(asked(bad)) != [], f"spoiled {number} for {asked.__name__}"
    assert {asked for asked, _ in SPOILED} == set(RULES)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_the_parameters_are_those_of_the_experiment(chapter: Path) -> None:
    params = importlib.import_module(f"memgen.experiments.{Chapter(chapter).experiment}").Params
    values = json.loads(json.dumps(assignments(read(chapter))))  # tuples become lists, as in the notebook
    assert values == params().model_dump(mode="json")
    open_ = {name for name, value in params().model_dump().items() if value is None}
    for preset in ("smoke", "standard", "paper"):
        assert set(params.presets[preset]) <= open_
        assert {name for name in open_ if getattr(params(preset=preset).resolved(), name) is None} <= {"d"}
    assert params.model_config.get("extra") == "forbid"
    assert params.model_config.get("frozen") is True
    assert params.model_config.get("allow_inf_nan") is False


class Shared(KernelManager):
    """A kernel for one chapter after another: what they import, and what SymPy has reduced, is there already."""

    def client(self, **kwargs: Any) -> Any:
        """A client that `empty` closes: papermill leaves that open, for the kernel is not its own."""
        self.latest = super().client(**kwargs)
        return self.latest

    def empty(self) -> None:
        """Drop the variables of a chapter, and end its session."""
        reply = self.latest.execute_interactive("%reset -f", timeout=60)
        self.latest.stop_channels()
        assert reply["content"]["status"] == "ok"


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)
        kernel = Shared(kernel_name="python3")
        kernel.start_kernel()
    yield kernel
    kernel.shutdown_kernel(now=True)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_at_the_smallest_preset_and_another_seed_under_plain_papermill(
    chapter: Path, shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a chapter needs nothing of another is seen by nbval, which gives each a kernel of its own."""
    monkeypatch.chdir(tmp_path)
    try:
        done = papermill.execute_notebook(
            chapter,
            "done.ipynb",
            parameters={"preset": "smoke", "seed": 1},  # nbval runs them at the seed of what is stored
            kernel_name="python3",
            progress_bar=False,
            km=shared,
        )
    finally:
        shared.empty()
    result = Result(chapter.stem, 0, summarise(done))
    assert (result.problem, result.open) == (None, [])


def test_the_readme_says_what_the_chapters_say() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    seconds = {name: float(s) for name, s in re.findall(r"^\| \[(\w+)\].*\| (\d+) \|$", readme, re.MULTILINE)}
    results = [Result(path.stem, seconds[path.stem], summarise(read(path))) for path in CHAPTERS]
    assert with_table(readme, results) == readme


def test_the_readme_has_the_answers_of_a_chapter() -> None:
    (table,) = (found for path in CHAPTERS if (found := readme_table(read(path))) is not None)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_block(text, ROOT / "README.md", "criteria", table) == text


def test_the_readme_figure_is_that_of_a_chapter() -> None:
    (figure,) = (found for path in CHAPTERS if (found := readme_figure(read(path))) is not None)
    assert (ROOT / "docs" / "figure.png").read_bytes() == figure
