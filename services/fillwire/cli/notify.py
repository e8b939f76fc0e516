"""`fillwire notify`: tell a webhook of every alert."""

import ssl
from functools import partial
from pathlib import Path
from random import SystemRandom

import aiohttp
import click

from fillwire.bus.measuring import broker_source
from fillwire.cli.broker import connect, with_nats
from fillwire.cli.selecting import broker_options
from fillwire.domain.errors import ConfigError
from fillwire.notify.service import Notifier, NotifyPolicy
from fillwire.notify.webhook import Webhook
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import configure_logs
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.parent import announce_ready, follow_parent
from fillwire.runtime.settings import Settings, current, load_settings
from fillwire.runtime.settings.sections import LEAST_SECRET
from fillwire.runtime.supervision import unless_stopped

_NAME = "notify"


@click.command(_NAME)
@broker_options
@click.pass_context
def command(ctx: click.Context, *, config: Path | None, nats: str | None) -> None:
    """Send every alert to the webhook that the settings name, signed, until it is taken.

    The first start begins with the alerts that are raised from then on; each later one where the last ended. One
    notifier runs at a time.
    """
    follow_parent()
    configure_logs()
    settings = with_nats(load_settings(config), nats)
    ctx.exit(run(lambda stop: serve(settings, stop)))


async def serve(settings: Settings, stop: Stop) -> None:
    """Tell of alerts until `stop` is requested.

    Raises:
        FillwireError: the settings name no webhook, there is no broker, or a part ended.
    """
    wanted = settings.notify
    if wanted.url is None or wanted.secret is None:
        raise ConfigError("notify: expected url and secret, found no url")
    context = ssl.create_default_context()
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), cookie_jar=aiohttp.DummyCookieJar()
        ) as http,
        await connect(settings, name=_NAME, inbox=_NAME) as bus,
        Notifier(
            bus,
            Webhook(http, wanted.url, partial(current, wanted.secret, LEAST_SECRET), wanted.timeout_ms / 1e3),
            NotifyPolicy.of(wanted),
            SystemRandom(),
            replicas=settings.nats.replicas,
        ) as notifier,
        monitored(
            settings.monitoring,
            Metrics(broker_source(bus), notifier.measure),
            ready={"broker": bus.obstacle},
        ) as monitoring,
    ):
        announce_ready(monitoring=monitoring)
        await unless_stopped(stop, notifier.failed())
