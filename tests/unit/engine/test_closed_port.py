"""A port is closed behind the connections of this process; others are cut, accepted or not."""

import socket
import subprocess
import sys

import pytest

from dvdrental_etl.engine import closed_port

#: Connects, and prints how that ends.
STRANGER = """
import socket, sys
stranger = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
print("connected", flush=True)
try:
    print("data" if stranger.recv(1) else "end")
except ConnectionResetError:
    print("reset")
"""


@pytest.mark.parametrize("accepted", [False, True])
def test_a_stranger_is_cut_and_reported_if_the_server_had_accepted_it(accepted: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ours = socket.create_connection(("127.0.0.1", port))
        here, _ = server.accept()
        command = [sys.executable, "-c", STRANGER, str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stranger, here, ours:
            assert stranger.stdout is not None
            assert stranger.stdout.readline() == "connected\n"
            held = server.accept()[0] if accepted else None
            assert closed_port.close(port) is not accepted
            assert stranger.stdout.read() == ("end\n" if accepted else "reset\n")
            here.sendall(b"x")
            assert ours.recv(1) == b"x"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            if held:
                held.close()
