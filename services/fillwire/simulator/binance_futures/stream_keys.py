"""The requests about listenKeys: they carry an API key and no signature."""

from fillwire.simulator.binance.operations import Answer, Request
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance_futures.venue import FuturesVenue


def _venue(request: Request) -> FuturesVenue:
    venue = request.venue
    if not isinstance(venue, FuturesVenue):
        raise TypeError("expected a venue of futures")
    return venue


def issue(request: Request) -> Answer:
    """Give the account's key an hour, a new one if it has none."""
    return Answer(result={"listenKey": _venue(request).listen_keys.issue(request.signer).text})


def keep(request: Request) -> Answer:
    """Give the account's key another hour."""
    key = _venue(request).listen_keys.keep(request.signer)
    if key is None:
        raise Refusal(-1125, "This listenKey does not exist.")
    return Answer(result={"listenKey": key.text})


def close(request: Request) -> Answer:
    """End the account's key: all who listen with it hear nothing more."""
    key = _venue(request).listen_keys.end(request.signer)
    if key is not None:
        for subscription in list(request.signer.subscriptions):
            subscription.connection.unsubscribe(subscription)
    return Answer(result={})
