"""Which engine runs a job."""

from dvdrental_etl.config import EngineChoice
from dvdrental_etl.engine.base import Engine


def chosen_engine(choice: EngineChoice) -> Engine:
    """The engine that the configuration names. Only its own libraries are imported."""
    if choice.kind == "sail":
        from dvdrental_etl.engine.sail import Sail

        return Sail(choice)
    from dvdrental_etl.engine.spark import Spark

    return Spark()
