"""pyproject.toml and the lock files: every direct dependency has a reason and a pin with hashes."""

import re
import tomllib

import pytest

from tests.support.paths import ROOT

REQUIREMENT = re.compile(r'^  "(?P<name>[A-Za-z0-9._-]+).*?",? +# (?P<reason>\S.*)$')


#: Lock file -> the lists of pyproject.toml that it is made of.
LOCKS = {
    "requirements.lock": ("dependencies", "dev"),
    "benchmarks/requirements.lock": ("bench",),
    "spark_apps/sail.lock": ("sail",),
}


def declared(*lists):
    """The lines of pyproject.toml that declare a direct dependency."""
    found, inside = [], False
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if line in {f"{name} = [" for name in lists}:
            inside = True
        elif line == "]":
            inside = False
        elif inside:
            found.append(line)
    return found


def test_every_direct_dependency_has_a_reason():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*document["project"]["dependencies"], *document["dependency-groups"]["dev"]]
    wanted += document["dependency-groups"]["bench"] + document["dependency-groups"]["sail"]
    lines = declared("dependencies", "dev", "bench", "sail")
    assert len(lines) == len(wanted) >= 15
    for line in lines:
        match = REQUIREMENT.match(line)
        assert match, line
        assert len(match["reason"]) >= 8, line


def pins(lock):
    """Package -> the hashes of its pin in the lock."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9-]+)(\[[a-z0-9,-]+\])?==\S+", line):
            name = match[1]
            found[name] = []
        elif match := re.match(r"    --hash=sha256:([0-9a-f]{64})( \\)?$", line):
            found[name].append(match[1])
        else:
            assert re.match(r" *#|$", line), line
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_address(lock):
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_the_lock_has_hashes(lock):
    found = pins(lock)
    assert len(found) > 10
    assert not [name for name, hashes in found.items() if not hashes]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_dependency_is_in_the_lock(lock):
    names = {match["name"].lower() for line in declared(*LOCKS[lock]) if (match := REQUIREMENT.match(line))}
    assert names
    assert names <= set(pins(lock))
