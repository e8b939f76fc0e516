"""`python -m support.relay nats://HOST:PORT` brings a server elsewhere to a port of this machine, which it prints."""

import asyncio
import sys

from support.broker_proxy import TcpProxy


async def relay(url: str) -> None:
    """Pass on what comes, until the process is ended."""
    proxy = TcpProxy(url)
    await proxy.listen()
    sys.stdout.write(f"{proxy.url}\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await proxy.cut()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1]))
