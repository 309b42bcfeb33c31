"""Connections that are kept for the next request to the same host.

What is cancelled between two of its steps httpcore 1.0 holds on to for ever, as one connection of
so many: https://github.com/encode/httpcore/issues/1093
"""

import asyncio

import httpcore


class Pool(httpcore.AsyncConnectionPool):
    """It lets go of connections that are neither idle nor closed nor any request's."""

    def _assign_requests_to_connections(self) -> list[httpcore.AsyncConnectionInterface]:
        used = {request.connection for request in self._requests}
        lost = [
            connection
            for connection in self._connections
            if connection not in used and not (connection.is_idle() or connection.is_closed())
        ]
        for connection in lost:
            self._connections.remove(connection)
        return [*lost, *super()._assign_requests_to_connections()]


async def close(response: httpcore.Response) -> None:
    """To its end, though whoever waits for that be cancelled."""
    await asyncio.shield(asyncio.create_task(response.aclose()))
