"""Ports that a test keeps from others until its own server listens."""

from __future__ import annotations

import socket

from localstack.processes import LOOPBACK


def reserve_port() -> tuple[socket.socket, int]:
    """A free port, kept from others as long as the socket lives: bound, but not listening, so that our own
    server (which shares the address, as servers do) can still take it."""
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind((LOOPBACK, 0))
    return reservation, reservation.getsockname()[1]
