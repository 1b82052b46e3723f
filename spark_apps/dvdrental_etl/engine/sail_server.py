"""Starts Sail as a server of this process, and the session of its only client."""

from functools import cache
from typing import TYPE_CHECKING, cast

import grpc
from pysail.spark import SparkConnectServer
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession as ConnectSession

from dvdrental_etl.engine import closed_port
from dvdrental_etl.engine.sail_source import PostgresRead, keep
from dvdrental_etl.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ADDRESS = "127.0.0.1"
START_SECONDS = 60
OPTIONS = (
    # Idle connections would be closed after half an hour, and there is nothing left to connect to.
    ("grpc.client_idle_timeout_ms", 2**31 - 1),
    # Thousands of long rows may come in one message, of which 128 MB are taken by default.
    ("grpc.max_receive_message_length", -1),
)


class OnlyClient(DefaultChannelBuilder):
    """Connects, once, and closes the port behind it. Raises ConfigError if somebody else was there."""

    def toChannel(self) -> grpc.Channel:  # noqa: N802 - PySpark's name
        """The connection, made."""
        for option in OPTIONS:
            self.setChannelOption(*option)
        channel = super().toChannel()
        grpc.channel_ready_future(channel).result(START_SECONDS)
        if not closed_port.close(int(self.endpoint.rsplit(":", 1)[1])):
            raise ConfigError(
                "somebody else connected to Sail's server before its port was closed, and was cut off",
                "find out who, and run on a machine of its own, or with engine.kind = spark",
            )
        return channel


@cache
def session() -> "SparkSession":
    """The session, of the server that runs in this process."""
    server = SparkConnectServer(ADDRESS, 0)
    server.start(background=True)
    keep(server)  # it runs while somebody holds it
    client = OnlyClient(f"sc://{ADDRESS}:{server.listening_address[1]}")
    made = ConnectSession.builder.channelBuilder(client).getOrCreate()
    made.conf.set("spark.sql.session.timeZone", "UTC")
    made.dataSource.register(PostgresRead)
    return cast("SparkSession", made)
