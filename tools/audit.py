"""Look for known vulnerabilities of the locked packages: `python -m tools.audit`.

pip-audit asks the OSV database, with the versions of the lock files. Without a network this is skipped, and says so.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "benchmarks/requirements.lock", "spark_apps/sail.lock")
PIP_AUDIT = "pip-audit==2.10.1"
#: Vulnerabilities that do not concern this project, by id, each with the reason.
IGNORED: dict[str, str] = {}
SECONDS = 300


def audited(lock: Path) -> tuple[list[str] | None, str]:
    """What is wrong with the packages of a lock file, one line each; None if that could not be found out.

    And why not, or the packages for which it could not.
    """
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "tool", "run", "--quiet", PIP_AUDIT, "--vulnerability-service", "osv", "--format", "json"]
    command += ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--requirement", str(lock)]
    for known in IGNORED:
        command += ["--ignore-vuln", known]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        document = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    except ValueError:
        return None, (done.stderr.strip().splitlines() or ["no answer"])[-1]
    unknown = not_audited(document)
    if unknown and len(unknown) == len(document["dependencies"]):
        return None, unknown[0]
    return findings(document), "\n".join(unknown)


def not_audited(document: dict[str, Any]) -> list[str]:
    """Packages of which pip-audit's report knows nothing, each with the reason."""
    return [
        f"{package['name']}: not audited: {package['skip_reason']}"
        for package in document["dependencies"]
        if "skip_reason" in package
    ]


def findings(document: dict[str, Any]) -> list[str]:
    """pip-audit's report, one line for each vulnerability: package, version, id, versions that are corrected."""
    return [
        f"{package['name']} {package['version']}: {one['id']}, corrected in {', '.join(one['fix_versions']) or 'none'}"
        for package in document["dependencies"]
        for one in package.get("vulns", ())
    ]


def main() -> int:
    """1 if a package has a known vulnerability."""
    code = 0
    for lock in LOCKS:
        found, why_not = audited(ROOT / lock)
        if found is None:
            sys.stdout.write(f"audit: {lock}: skipped: {why_not[:200]}\n")
            continue
        lines = [*(found or ["no known vulnerability"]), *why_not.splitlines()]
        sys.stdout.write("".join(f"audit: {lock}: {line}\n" for line in lines))
        code |= bool(found)
    return code


if __name__ == "__main__":
    sys.exit(main())
