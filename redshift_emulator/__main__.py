"""python -m redshift_emulator DIRECTORY: serve until SIGTERM or SIGINT. `python -m sandbox up` starts it."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from redshift_emulator.background import DATABASE, STATE, describe
from redshift_emulator.emulator import Emulator
from sandbox.access import write_secret
from sandbox.server import Sandbox


def main(directory: Path) -> None:
    """Serve until a signal. The signals are blocked in all threads, so that sigwait gets them."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Emulator(Sandbox(directory), DATABASE, directory / DATABASE) as emulator:
        write_secret(directory / STATE, json.dumps(describe(emulator), indent=2) + "\n")
        signal.sigwait(signals)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
