"""Where a service is reached: the port it listens at, or one sentence why it cannot have it."""

from typing import TYPE_CHECKING

from fillwire.domain.errors import ConfigError
from fillwire.runtime.serving_tls import Certificate

if TYPE_CHECKING:
    from aiohttp import web


async def listen(
    runner: "web.AppRunner", host: str, port: int, section: str, certificate: Certificate | None = None
) -> str:
    """Have a runner that was set up listen, and return its address, such as `http://127.0.0.1:8300`.

    Args:
        runner: whose `cleanup` closes the port again.
        host: address to listen at.
        port: port to listen at; 0 for one that is free.
        section: of the settings that name both, for the sentence.
        certificate: what is shown to who connects; None for plain HTTP.

    Raises:
        ConfigError: the port cannot be had, or the certificate cannot be used.
    """
    from aiohttp import web  # noqa: PLC0415 - for a process that serves; bots on a laptop start faster without

    context = None if certificate is None else certificate.serving(section)
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
    except OSError as error:
        raise ConfigError(
            f"{section}: expected a free port at {host}:{port}, found {error.strerror or error}"
        ) from error
    found, number, *_ = runner.addresses[0]
    scheme = "http" if context is None else "https"
    return f"{scheme}://[{found}]:{number}" if ":" in found else f"{scheme}://{found}:{number}"
