"""python -m redshift_emulator DIRECTORY: serve until SIGTERM or SIGINT. `python -m sandbox up` starts it."""

from __future__ import annotations

import argparse
import json
import signal
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
    parser = argparse.ArgumentParser(prog="python -m redshift_emulator", description=__doc__)
    parser.add_argument("directory", type=Path, help="folder of a sandbox whose server is up")
    main(parser.parse_args().directory.resolve())
