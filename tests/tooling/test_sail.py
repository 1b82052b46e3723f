"""Sail's server accepts every connection, so the engine closes its port: needed while the first test passes."""

import os
import re
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from redshift_emulator import certificate
from tests.support.engines import PYTHON, on_sail_too
from tests.support.paths import SPARK_APPS

#: Starts the server, and connects to it by nothing but its address.
CONNECT = """
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
address, port = server.listening_address
print("listens on", address)
print(SparkSession.builder.remote(f"sc://{address}:{port}").getOrCreate().sql("SELECT 41 + 1 AS x").collect()[0].x)
"""
#: Greets the server as HTTP/2 does, and waits for its answer: before that, it may be in the queue of the port only.
STRANGER = r"""
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
s.recv(1)
print("in", flush=True)
try:
    while s.recv(9999):
        pass
except ConnectionResetError:
    pass
print("cut", flush=True)
"""
#: Starts the engine. {} may do something before the port is closed.
START = """
import socket, subprocess, sys
from dvdrental_etl.config import EngineChoice
from dvdrental_etl.engine import closed_port
from dvdrental_etl.engine.sail import Sail

def connect(port):
    process = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(port)], stdout=subprocess.PIPE, text=True)
    print("stranger is", process.stdout.readline().strip())
    return process

def close(port, closes=closed_port.close):
    global at
    at = port
    stranger = {}
    closed = closes(port)
    print("stranger is", stranger.stdout.readline().strip()) if stranger else None
    return closed

closed_port.close = close
session = Sail(EngineChoice("sail", "allow")).start("test")
print(session.sql("SELECT 41 + 1 AS x").collect()[0].x)
try:
    socket.create_connection(("127.0.0.1", at))
except ConnectionRefusedError:
    print("closed")
print(session.range(3).mapInArrow(lambda batches: batches, "id bigint").count())
"""

pytestmark = on_sail_too


def run(program: str, *argv: str) -> "subprocess.CompletedProcess[str]":
    # The client looks for a Spark, though it needs none.
    env = {**os.environ, "RUST_LOG": "off", "SPARK_HOME": str(PYTHON.parent), "PYTHONPATH": str(SPARK_APPS)}
    return subprocess.run(
        [PYTHON, "-c", program, *argv], env=env, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_server_still_takes_a_client_without_a_token() -> None:
    done = run(CONNECT)
    output = done.stdout.splitlines()
    assert output[:1] == ["listens on 127.0.0.1"], f"the server does not start: {done.stderr[-2000:]}"
    assert output[1:] == ["42"], (
        "a client without a token got no answer. If the server refused it, what docs/decisions/0021 calls unsafe is "
        f"gone: give the server its token, and reconsider the engine. The client said: {done.stderr[-2000:]}"
    )


def test_the_job_is_the_only_client() -> None:
    done = run(START.format("None"))
    assert done.stdout.splitlines() == ["42", "closed", "3"], done.stderr[-2000:]


def test_a_stranger_before_the_port_is_closed_is_cut_off_and_the_job_ends() -> None:
    done = run(START.format("connect(port)"), STRANGER)
    assert done.stdout.splitlines() == ["stranger is in", "stranger is cut"], done.stderr[-2000:]
    assert "ConfigError: somebody else connected to Sail's server" in done.stderr


#: Reads as a worker does, from a server whose certificate is that of a file.
READ = """
import sys
from dvdrental_etl.config import Database
from dvdrental_etl.engine.sail_source import PartitionReader, Read, keep
from dvdrental_etl.db import postgres
from dvdrental_etl.limits import Limits
from pyspark.sql.datasource import InputPartition

url, certificate = sys.argv[1:]
for options in ("sslmode=verify-full&sslrootcert=" + certificate, "sslmode=verify-full&sslrootcert=" + sys.executable):
    libpq = Database(f"{url}?{options}", "reader", "s3cret", "public").libpq()
    read = keep(Read(postgres.parameters(libpq, "test", Limits()), (), (), None, 30))
    try:
        list(PartitionReader(read).read(InputPartition("SELECT 1")))
    except Exception as error:
        print(" ".join(str(error).split()))
"""


def test_a_read_checks_the_servers_certificate(tmp_path: Path) -> None:
    """The server ends each connection after TLS: so one error comes from within, the other from the certificate."""
    authority, context = certificate.make(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=speak_tls, args=(listener, context), daemon=True).start()
        url = f"jdbc:postgresql://localhost:{listener.getsockname()[1]}/d"
        done = run(READ, url, str(authority))
    known, unknown = done.stdout.splitlines()
    assert re.search("closed the connection unexpectedly|unexpected eof", known), done.stderr
    assert "root certificate" in unknown or "certificate verify failed" in unknown
    assert "s3cret" not in done.stdout + done.stderr


def speak_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Answer each connection as a PostgreSQL with TLS, and end it when TLS has begun."""
    with suppress(OSError):  # closed at the end
        while True:
            connection, _ = listener.accept()
            with suppress(OSError), connection:
                connection.recv(8)
                connection.sendall(b"S")
                context.wrap_socket(connection, server_side=True).close()


#: Reads a partition of 40 batches. The consumer takes the first one, and the others only after the reader has ended.
READ_ALL_BEFORE_THE_SECOND = """
import threading
import pyarrow as pa
from dvdrental_etl.config import EngineChoice
from dvdrental_etl.engine import sail_source
from dvdrental_etl.engine.sail import Sail

read_all = sail_source.keep(threading.Event())

def batches(read, query):
    for number in range(40):
        yield pa.record_batch([pa.array([number], pa.int64())], schema=read.schema)
    sail_source.kept(read_all).set()

def take(taken, number=read_all):
    from dvdrental_etl.engine import sail_source
    for batch in taken:
        sail_source.kept(number).wait()
        yield batch

sail_source._batches = batches
session = Sail(EngineChoice("sail", "allow")).start("test")
number = sail_source.keep(sail_source.Read({}, (), ("SELECT",), pa.schema([("n", pa.int64())]), 60))
frame = session.read.format("dvdrental_postgres").option("read", number).load()
print(sorted(row.n for row in frame.mapInArrow(take, "n bigint").collect()) == list(range(40)))
"""


def test_a_partition_is_read_to_its_end_while_its_consumer_waits() -> None:
    """Sail keeps 16 batches of it, and would wait for room with Python's lock held."""
    done = run(READ_ALL_BEFORE_THE_SECOND)
    assert done.stdout.splitlines() == ["True"], done.stderr[-2000:]
