"""Who asks: the key, the signature and the time of a signed request."""

import re

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.parameters import Parameters, to_microseconds
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.venue import BinanceVenue
from fillwire.simulator.exchange.accounts import ApiKey

_KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
_RECEIVE_WINDOW = re.compile(r"[0-9]+(?:\.[0-9]{1,3})?")
_DEFAULT_WINDOW_US = 5_000_000
_MAX_WINDOW_US = 60_000_000
_MAX_AHEAD_US = 1_000_000


def find_key(venue: BinanceVenue, api_key: str) -> ApiKey:
    """Return the key; refuses text that cannot be one, and unknown or revoked keys."""
    key = venue.keys.get(api_key)
    if key is None:
        raise refusals.key_rejected() if _KEY_FORMAT.fullmatch(api_key) else refusals.key_format_invalid()
    if key.is_revoked:
        raise refusals.key_rejected()
    return key


def check_signature(venue: BinanceVenue, key: ApiKey, payload: bytes, signature: str | None) -> None:
    """Refuse a request without signature, or with a wrong one."""
    if not signature:
        raise refusals.missing("signature")
    if not venue.verifiers[key.api_key].verify(payload, signature):
        raise refusals.signature_invalid()


def read_receive_window_us(params: Parameters) -> int:
    """Return for how long the request is valid, in microseconds."""
    text = params.optional("recvWindow")
    if text is None:
        return _DEFAULT_WINDOW_US
    if not _RECEIVE_WINDOW.fullmatch(text):
        raise refusals.invalid("recvWindow")
    whole, _, fraction = text.partition(".")
    window_us = int(whole) * 1_000 + int(fraction.ljust(3, "0"))
    if window_us > _MAX_WINDOW_US:
        raise Refusal(-1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000.")
    return window_us


def check_time(venue: BinanceVenue, params: Parameters) -> None:
    """Refuse a request from the future, or one older than its window."""
    window_us = read_receive_window_us(params)
    text = params.required("timestamp")
    if not text.isdecimal():
        raise Refusal(
            -1100, "Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'."
        )
    sent_us = to_microseconds(int(text))
    now_us = venue.clock.now_us()
    if sent_us >= now_us + _MAX_AHEAD_US:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_us - sent_us > window_us:
        raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
