"""What every simulated venue has: orders, matching, accounts, clock, faults, control API and server; no venue's JSON.

`server.Simulator` is one port with the control API below `/sim/` (`control`) and the venue's own routes. Behind it stand `core.Core`
(faults, publisher, connections) and `venue.Venue` (markets, accounts, keys, clock, and the `engine` that all orders go through).
The engine acts in steps and returns events (`reports`) of whoever is concerned; `publisher` tells them to the account's
subscriptions, and `faults` stand between a connection and its socket.

A further simulator is a folder beside this one and a line in `registry`. It supplies

- `demo.py`: a `Demo`, the accounts and symbols it is started with;
- a subclass of `Venue` if it names orders otherwise (`ids`), takes other commissions or counts limits;
- a subclass of `Subscription` whose `tell` makes frames of an event, and one of `Connection` for what a connection keeps;
- a `Session`: what the frames of a client do, first of all log in and subscribe;
- its REST routes, which ask the engine, publish the events it returns, and turn `Refused` into the venue's words;
- a `Tampering`: how its frames are told apart and spoilt;
- a subclass of `Simulator` that puts them together, with `Control` extended where the venue can do more.

Requests ask `faults` themselves: `request_error` before they act, `lost_response` and `event_first` after, `login_refused` and
`connection_refused` where they let somebody in. Amounts are integers of 10^-8 (`units`), times microseconds of the venue's clock.
"""
