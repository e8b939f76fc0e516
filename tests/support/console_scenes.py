"""What a console's page has to show: accounts, one of them in trouble, and fills."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from fillwire.bots.service import ManagerService
from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.cli.console import sections
from fillwire.console.service import Console, Routes
from fillwire.domain.enums import ConnectionState, Side
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.settings import RecorderSettings, Settings
from fillwire.sdk.desired import Wish
from fillwire.wire.codec import encode_order
from fillwire.wire.headers import MESSAGE_ID, STAMPS, Stamps
from fillwire.wire.subjects import account_tokens, order_subject
from support.broker import ConnectBus
from support.broker_proxy import TcpProxy
from support.chromium import open_page
from support.console import ALICE_TOKEN, console
from support.managed_bots import ManagedBots, managed_bots
from support.order_events import ALICE, connection_event, order_event
from support.publishing import publish_connection

BOB = Account("bob", "coinbase", "live")
KEY_TROUBLE = "the account's key cannot be read, the one read before stays in use: expected a secret at /keys/secret, found an empty file"


async def fill(bus: Bus, number: int, **changes: Any) -> OrderEvent:
    """Publish an execution of now, with a gateway's stamps, as a gateway does."""
    now_ns = time.time_ns()
    side = Side.BUY if number % 3 else Side.SELL
    price = str(Decimal(64_000) + Decimal(number % 97) / 10)
    event = replace(
        order_event(
            order_id=str(1000 + number), trade=number, side=side, price=price, received_time_ns=now_ns
        ),
        **{"exchange_time_ns": now_ns - 1_800_000 - 9_000 * (number % 50), **changes},
    )
    stamps = Stamps(0, now_ns + 4_000, now_ns + 90_000)
    headers = {MESSAGE_ID: event.event_id, STAMPS: stamps.encode()}
    subject = order_subject(event.account, event.pair, event.kind)
    await bus.publish(subject, encode_order(event), headers=headers)
    return event


async def scene(bus: Bus) -> None:
    """Some accounts, one of them in trouble, one whose key is, and some fills."""
    for account, state, reason in (
        (ALICE, ConnectionState.RECEIVING, None),
        (Account("alice", "alpaca", "paper"), ConnectionState.RECEIVING, None),
        (BOB, ConnectionState.RECONNECTING, "no answer to a ping within 10 s"),
    ):
        key = account_tokens(account)
        await Bucket(bus, DESIRED).put(f"{key}.host", Wish(("BTC-USDT", "ETH-USDT"), 2).encode(), ttl_s=120)
        now_ns = time.time_ns()
        event = connection_event(state, account=account, reason=reason, time_ns=now_ns)
        event = replace(
            event, subscription_count=2, last_event_time_ns=now_ns - 4_000_000_000, clock_offset_ns=-310_000
        )
        if state is ConnectionState.RECEIVING:
            event = replace(event, connected_since_ns=now_ns - 9_400_000_000_000)
        if account.environment == "paper":
            event = replace(event, key_trouble=KEY_TROUBLE)
        await publish_connection(bus, event)
    for number in range(40):
        await fill(bus, number, pair=("BTC-USDT", "ETH-USDT", "SOL-USDT")[number % 3])


def parts(bus: Bus, tmp_path: Path) -> Mapping[str, Routes]:
    """Return all sections, with trades from a database of the test's own."""
    return sections(bus, Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite")))


@asynccontextmanager
async def bots_page(
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path
) -> AsyncIterator[tuple[ManagedBots, Page]]:
    """Show alice her bots, none so far, inside the block; a manager and a host wait for them."""
    async with (
        managed_bots(connect_bus, tmp_path) as bots,
        ManagerService(await connect_bus("service"), bots.manager),
        console(bus, parts(bus, tmp_path)) as made,
    ):
        await bots.host("h1")
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Bots")
        await expect(page.get_by_text("No bots")).to_be_visible()
        yield bots, page


@asynccontextmanager
async def relayed(made: Console) -> AsyncIterator[tuple[TcpProxy, str]]:
    """Stand before a console inside the block; the second is where pages reach it."""
    relay = TcpProxy(made.address.removeprefix("http://"))
    await relay.listen()
    try:
        yield relay, relay.url.replace("nats://", "http://")
    finally:
        await relay.cut()


async def log_in(page: Page, token: str) -> None:
    """Show a token to the page that asks for one."""
    await page.get_by_label("Token").fill(token)
    await page.keyboard.press("Enter")


async def go_to(page: Page, section: str) -> None:
    """Choose a section."""
    await page.get_by_role("link", name=section, exact=True).click()
