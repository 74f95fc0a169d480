"""Do what conda does with the pip part of environment.yml, in a fresh environment, and import the result.

Conda writes the lines of that part to a requirements file beside environment.yml and hands it to pip there.
"""

import subprocess
import tempfile
import venv
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    lines = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    with (
        tempfile.TemporaryDirectory() as fresh,
        tempfile.NamedTemporaryFile("w", dir=ROOT, prefix="condaenv.", suffix=".requirements.txt") as file,
    ):
        file.write("\n".join(lines) + "\n")
        file.flush()
        venv.create(fresh, with_pip=True)
        python = str(Path(fresh) / "bin" / "python")
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", "--requirement", file.name], cwd=ROOT, check=True)
        subprocess.run([python, "-c", "import memgen, theory"], cwd=fresh, check=True)
    print("environment.yml: installed in a fresh environment; memgen and theory import")


if __name__ == "__main__":
    main()
