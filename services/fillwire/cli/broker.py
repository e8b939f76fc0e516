"""The broker as the settings and the command line name it: what every command that talks to it does first."""

from functools import partial

from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.tls import TlsFiles
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import escape_token
from fillwire.runtime.settings import Settings, current
from fillwire.runtime.settings.addresses import broker_addresses

CONNECT_DEADLINE_S = 10.0


def with_nats(settings: Settings, url: str | None) -> Settings:
    """Return the settings with the broker's address of the command line, if it names one.

    Raises:
        ConfigError: it is no address that the settings would take.
    """
    if url is None:
        return settings
    try:
        broker_addresses(url)
    except ValueError as error:
        raise ConfigError(f"--nats: {error}") from None
    return settings.model_copy(update={"nats": settings.nats.model_copy(update={"url": url})})


async def connect(
    settings: Settings, *, name: str, inbox: str, deadline_s: float = CONNECT_DEADLINE_S
) -> Bus:
    """Return a connection to the broker.

    Args:
        settings: say where it is and who we are.
        name: of the connection, in the broker's monitoring.
        inbox: who we are in the subjects of answers, so that permissions can tell us from others.
        deadline_s: until then the broker may still be starting, in seconds.

    Raises:
        BrokerError: no broker answered, or it refuses the credentials.
        ConfigError: an address or credentials that cannot be used.
    """
    nats = settings.nats
    files = TlsFiles(authorities=nats.ca_file, certificate=nats.cert_file, key=nats.key_file)
    return await Bus.connect(
        nats.url,
        name=name,
        credentials=Credentials(
            user=None if nats.user is None else partial(current, nats.user),
            password=None if nats.password is None else partial(current, nats.password),
            credentials_path=nats.credentials_file,
            nkey_seed_path=nats.nkey_file,
            tls_files=None if files == TlsFiles() else files,
            api_prefix=nats.api_prefix,
        ),
        inbox_prefix=f"_INBOX_{escape_token(inbox)}",
        deadline_s=deadline_s,
        partitions=nats.partitions,
    )
