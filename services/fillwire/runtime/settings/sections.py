"""What all sections of the settings are made of: their base, and the numbers, names and addresses in them."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from fillwire.runtime.settings.addresses import (
    broker_addresses,
    database_address,
    rest_address,
    websocket_address,
)
from fillwire.runtime.settings.documents import exchange_name

LIVE: Final = "live"  # the environment that is meant where none is named
LEAST_SECRET: Final = 16  # characters


def _not_bool(value: Any) -> Any:
    # Python would take true for 1.
    if isinstance(value, bool):
        raise ValueError(f"expected a number, found {str(value).lower()}")  # noqa: TRY004 - pydantic reports ValueError
    return value


Integer = Annotated[int, BeforeValidator(_not_bool)]
Count = Annotated[Integer, Field(ge=0)]
Milliseconds = Annotated[Integer, Field(ge=1, le=86_400_000)]
Number = Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)]
Host = Annotated[str, Field(min_length=1, max_length=255)]
Port = Annotated[Integer, Field(ge=0, le=65_535)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
ExchangeName = Annotated[Name, AfterValidator(exchange_name)]
WebSocketUrl = Annotated[str, AfterValidator(websocket_address)]
RestUrl = Annotated[str, AfterValidator(rest_address)]
BrokerUrl = Annotated[str, AfterValidator(broker_addresses)]
DatabaseUrl = Annotated[str, AfterValidator(database_address)]


class Section(BaseModel):
    """A part of the settings: frozen, and strict about the keys it knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
