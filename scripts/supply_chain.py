"""The checks of a release on what it is made of. Called by make, with the Python of `.venv/release`.

    python scripts/supply_chain.py audit     known vulnerabilities (OSV for Python, the npm registry for the extension)
    python scripts/supply_chain.py ages      every pinned Python package was on the index a week ago
    python scripts/supply_chain.py lock      requirements.lock: constraints.txt with the hash of each file
    python scripts/supply_chain.py sboms FILE …   bills of material are what CycloneDX says they are

Each says in a sentence what is wrong, also that a registry cannot be reached: nothing was checked then, and it fails.
"""

import datetime
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
DAYS_MIN = 7
INDEX = "https://pypi.org/simple"
_HEAD = "# constraints.txt with the hashes of all files of each package; `make constraints` writes it.\n"
_UNREACHABLE = ("resolve", "Connection", "timed out", "Method Not Allowed", "endpoint returned an error", "dns error")


def run(program: str, *arguments: str, cwd: Path = ROOT) -> str:
    """What it prints. Ends with a sentence when it fails."""
    beside = Path(sys.executable).with_name(program)
    path = str(beside) if beside.exists() else shutil.which(program)
    if path is None:
        sys.exit(f"{program} is not installed.")
    done = subprocess.run([path, *arguments], cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(failure(program, done.stdout + done.stderr))
    return done.stdout


def failure(program: str, output: str) -> str:
    """One sentence where a registry is not to be reached, else all that the program said."""
    if any(word in output for word in _UNREACHABLE):
        return f"{program} cannot reach its registry from here: nothing was checked. Run it where the network is open."
    return f"{program} found:\n{output.strip()}"


def audit() -> None:
    options = ["--vulnerability-service", "osv", "--no-deps", "--disable-pip", "--requirement", "constraints.txt"]
    print(run("pip-audit", *options) or "No known vulnerability in constraints.txt.")
    print(run("npm", "audit", "--omit=dev", "--audit-level=low", cwd=ROOT / "extension"))


def resolve(*options: str) -> str:
    """constraints.txt as the index knows it, through uv."""
    fixed = (
        "-q",
        "--no-config",
        "--no-deps",
        "--universal",
        "--python-version",
        "3.11",
        "--no-header",
        "--no-annotate",
    )
    return run("uv", "pip", "compile", *fixed, "--default-index", INDEX, *options, "constraints.txt")


def ages() -> None:
    day = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=DAYS_MIN)
    resolve("--exclude-newer", day.isoformat())
    print(f"Every package of constraints.txt was on the index on {day} as it is pinned.")


def lock() -> None:
    LOCK.write_text(_HEAD + resolve("--generate-hashes"), encoding="utf-8")


def sboms(files: list[str]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    for file in files:
        text = Path(file).read_text(encoding="utf-8")
        version = next(one for one in SchemaVersion if f'"specVersion": "{one.to_version()}"' in text)
        fault = JsonStrictValidator(version).validate_str(text)
        if fault is not None:
            sys.exit(f"{file} is no CycloneDX {version.to_version()}: {fault}")
        print(f"{file} is CycloneDX {version.to_version()}.")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    sboms(rest) if command == "sboms" else {"audit": audit, "ages": ages, "lock": lock}[command]()
