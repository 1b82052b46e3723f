"""Command line of the sandbox: python -m sandbox up | spark | status | psql | down | fill | simulate."""

from __future__ import annotations

import sys

import psycopg2

from sandbox.arguments import parser
from sandbox.errors import SandboxError


def main() -> int:
    """Run one command; returns the exit code."""
    # Split here: argparse would take the first argument after -- as the database.
    arguments, has_dashes, psql_arguments = split_at_dashes(sys.argv[1:])
    options = parser().parse_args(arguments)
    if has_dashes:
        if options.command != "psql":
            parser().error("only psql takes arguments after --")
        options.arguments = psql_arguments
    if options.command in ("up", "fill") and options.dump and options.seed is not None:
        parser().error("--seed is for generated data: omit it with --dump")
    if options.command == "simulate" and (options.live is None) != (options.seconds is None):
        parser().error("give --live and --seconds together")
    try:
        options.run(options)
    except (SandboxError, psycopg2.Error, OSError) as error:
        print(f"sandbox: {str(error).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        simulated = options.command == "simulate"
        rest = "committed transactions stay" if simulated else "the next `up` restarts an unfinished load"
        print(f"sandbox: interrupted; {rest}", file=sys.stderr)
        return 1
    return 0


def split_at_dashes(arguments: list[str]) -> tuple[list[str], bool, list[str]]:
    """The arguments before the first --, whether there is one, and the arguments after it."""
    if "--" not in arguments:
        return arguments, False, []
    dashes = arguments.index("--")
    return arguments[:dashes], True, arguments[dashes + 1 :]


if __name__ == "__main__":
    sys.exit(main())
