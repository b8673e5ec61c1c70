"""What one client may cost the HTTP server: sizes, counts and times."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of an HTTP server; sizes in bytes, times in seconds.

    Attributes:
        max_body: Largest request body, after the chunked coding is taken off.
        max_header_bytes: Largest head: request line, header lines and the empty line. All the chunk extensions of one
            body together have the same bound.
        max_headers: Most header lines in a request.
        max_connections: Most connections at once, TLS handshakes included.
        max_pipelined: Most requests of one connection that are answered before other connections get their turn.
        read_ahead: Bytes kept of what a client sends before it has its answer; then reading pauses.
        header_timeout: For the whole head, from the connection or, on a connection in use, from its first byte. Also
            for the TLS handshake.
        body_timeout: For the whole body, from the end of the head.
        idle_timeout: Silence between two requests of a connection.
        write_timeout: For a client to take what waits for it, once more than the transport's buffer does.
        linger_timeout: How long a refused client may go on sending before the connection is cut.
        linger_bytes: How much a refused client may go on sending before the connection is cut.
    """

    max_body: int = 1 << 20
    max_header_bytes: int = 16 << 10
    max_headers: int = 64
    max_connections: int = 2048
    max_pipelined: int = 16
    read_ahead: int = 64 << 10
    header_timeout: float = 10.0
    body_timeout: float = 20.0
    idle_timeout: float = 60.0
    write_timeout: float = 30.0
    linger_timeout: float = 2.0
    linger_bytes: int = 8 << 20

    def __post_init__(self) -> None:
        """Refuse a bound that would let nothing through.

        Raises:
            ValueError: A bound is zero or negative.
        """
        wrong = [name for name in self.__struct_fields__ if not getattr(self, name) > 0]
        if wrong:
            raise ValueError(f"not positive: {', '.join(wrong)}")

    def sweep_interval(self) -> float:
        """Seconds between two looks at the deadlines: a quarter of the shortest, at most one second."""
        shortest = min(
            self.header_timeout, self.body_timeout, self.idle_timeout, self.write_timeout, self.linger_timeout
        )
        return min(1.0, shortest / 4)
