"""How fast the calculator of the book reacts: milliseconds of script and layout a slider move, in headless Chromium.

Prints and never asserts. Takes the folder of a built book (`memgen book` puts it into out/book). Every slider goes
from end to end, the others as the page starts, then with d at its most. Painting is not in the numbers; what else the
machine does at the time is.
"""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from _timing import report

MOVES = 60
TIMED = f"""
const timed = {{}};
for (const [where, d] of [["", at("d").value], [", d = 4,096", at("d").max]]) {{
    for (const id of ["n", "d", "slope", "tau", "spread"]) {{
        const slider = at(id), start = slider.value;
        at("d").value = d;
        timed[id + where] = Array.from({{length: {MOVES}}}, (_, k) => {{
            slider.value = Number(slider.min) + (slider.max - slider.min) * (k + 1) / {MOVES};
            const begun = performance.now();
            slider.dispatchEvent(new Event("input", {{bubbles: true}}));
            at("map").getBoundingClientRect();
            return performance.now() - begun;
        }});
        slider.value = start;
    }}
}}
document.body.insertAdjacentHTML("beforeend", "<pre id='timed'>" + JSON.stringify(timed) + "</pre>");
"""


def main(book: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium or google-chrome on the path")
    page = book / "_calculator_timed.html"
    text = (book / "calculator.html").read_text(encoding="utf-8")
    page.write_text(text.replace("</body>", f"<script>{TIMED}</script></body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000", "--dump-dom"]
    try:
        shown = subprocess.run([*command, page.resolve().as_uri()], capture_output=True, text=True, check=True).stdout
    finally:
        page.unlink()
    found = re.search('<pre id="timed"[^>]*>(.*?)</pre>', shown)
    if found is None:
        sys.exit("the page did not answer")
    report(f"{MOVES} moves of each slider", "median, largest [ms]")
    for name, times in json.loads(html.unescape(found[1])).items():
        report(name, f"{sorted(times)[MOVES // 2]:6.1f} {max(times):6.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/book"))
