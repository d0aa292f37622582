"""The settings of the xDS server, with the values that serve a mesh well and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Times are in seconds, sizes in bytes; `max_age` None leaves connections alone."""

    max_streams: int = 20_000
    max_names: int = 200_000
    max_receive: int = 64 * 2**20
    max_age: float | None = None
    release_after: float = 5.0
    quiet: float = 0.01
    longest_wait: float = 0.3
    grace: float = 2.0
    keepalive: float = 30.0
    keepalive_timeout: float = 10.0


def channel_options(options: ServerOptions) -> list[tuple[str, int]]:
    """gRPC's settings.

    Clients ping every 30 s, also without a call; gRPC would cut them off for it (GOAWAY, too_many_pings)
    unless told otherwise. A client that reconnects names every resource it holds in one message, more than
    the 4 MiB that gRPC allows. A ping of ours that stays unanswered counts for a minute unless its timeout is
    set beside that of keepalive. Two servers must not share a port unnoticed. gRPC itself spreads max_age by
    a tenth, so that a mesh does not reconnect at once.
    """
    settings = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", options.max_receive),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", 2**31 - 1),
        ("grpc.keepalive_time_ms", int(options.keepalive * 1000)),
        ("grpc.keepalive_timeout_ms", int(options.keepalive_timeout * 1000)),
        ("grpc.http2.ping_timeout_ms", int(options.keepalive_timeout * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ]
    if options.max_age is not None:
        settings.append(("grpc.max_connection_age_ms", int(options.max_age * 1000)))
        settings.append(("grpc.max_connection_age_grace_ms", int(options.grace * 1000)))
    return settings
