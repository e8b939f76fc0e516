//! What can be wrong with a frame: a closed list of codes, each of one class.

use std::borrow::Cow;
use std::fmt;

/// How bad the defect is; decides what the gateway does about the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The frame cannot be decoded.
    Malformed,
    /// A value lies outside a closed set.
    Unknown,
    /// The frame contradicts itself or the venue's rules.
    Suspicious,
}

impl ErrorClass {
    /// The class as it stands in quarantine subjects and in `ErrorClass` on the Python side.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Suspicious => "suspicious",
        }
    }
}

/// Declares the codes once: variant, stable name, class, what it means.
macro_rules! error_codes {
    ($($variant:ident $name:literal $class:ident $meaning:literal;)+) => {
        /// The defect, by a stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl ErrorCode {
            /// Every code, in the order of `error_codes()`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable `snake_case` name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The class that the code belongs to.
            #[must_use]
            pub const fn class(self) -> ErrorClass {
                match self { $(Self::$variant => ErrorClass::$class,)+ }
            }
        }
    };
}

error_codes! {
    EmptyFrame "empty_frame" Malformed "Nothing but white space.";
    FrameTooLarge "frame_too_large" Malformed "More bytes than any frame of the venue has.";
    InvalidUtf8 "invalid_utf8" Malformed "The frame is no UTF-8.";
    InvalidJson "invalid_json" Malformed "The frame is no JSON, or ends too early.";
    TrailingData "trailing_data" Malformed "Something follows the JSON value.";
    NestingTooDeep "nesting_too_deep" Malformed "More levels of arrays and objects than any frame of the venue has.";
    UnpairedSurrogate "unpaired_surrogate" Malformed "A string holds half a character.";
    DuplicateKey "duplicate_key" Malformed "An object holds a key twice: which of the two was meant is unknowable.";
    NotAnObject "not_an_object" Malformed "The frame, or the event in it, is no JSON object.";
    MissingField "missing_field" Malformed "A mandatory field is absent or null.";
    WrongType "wrong_type" Malformed "A field has another JSON type than the venue documents.";
    InvalidDecimal "invalid_decimal" Malformed "An amount is not of the form -?digits[.digits].";
    InvalidMessagePack "invalid_message_pack" Malformed "The frame is no MessagePack, or holds what JSON cannot say.";
    InvalidTime "invalid_time" Malformed "A time is not written as RFC 3339, or names no instant.";
    UnknownEvent "unknown_event" Unknown "The event type is not one we know.";
    UnknownExecutionType "unknown_execution_type" Unknown "The execution type is not one we know.";
    UnknownStatus "unknown_status" Unknown "The order status is not one we know.";
    UnknownSide "unknown_side" Unknown "The side is neither buy nor sell.";
    UnknownOrderType "unknown_order_type" Unknown "The order type is not one we know.";
    UnknownTimeInForce "unknown_time_in_force" Unknown "The time in force is not one we know.";
    UnknownSymbol "unknown_symbol" Unknown "The symbol is not in the table of symbols.";
    AmbiguousResponse "ambiguous_response" Suspicious "A response carries both a result and an error.";
    AbsurdMagnitude "absurd_magnitude" Suspicious "A number is larger or finer than anything traded.";
    TimeOutOfRange "time_out_of_range" Suspicious "A time lies before the venue began or after now.";
    NegativeId "negative_id" Suspicious "An id is negative.";
    NegativeAmount "negative_amount" Suspicious "A quantity, price or commission is negative.";
    IllegalStatus "illegal_status" Suspicious "The execution type does not lead to this order status.";
    FillWithoutQuantity "fill_without_quantity" Suspicious "A trade of nothing.";
    FillWithoutPrice "fill_without_price" Suspicious "A trade at no price.";
    FillWithoutTradeId "fill_without_trade_id" Suspicious "A trade without trade id and allocation id.";
    FillOutsideTrade "fill_outside_trade" Suspicious "Last quantity, price or trade id on an event that is no trade.";
    LastExceedsCumulative "last_exceeds_cumulative" Suspicious "The last fill is larger than all fills together.";
    CumulativeDecreased "cumulative_decreased" Suspicious "Less was executed than an earlier frame has shown.";
    CumulativeExceedsQuantity "cumulative_exceeds_quantity" Suspicious "More was executed than ordered.";
    FilledShort "filled_short" Suspicious "The order is filled, but less was executed than ordered.";
    PartialFillComplete "partial_fill_complete" Suspicious "A partial fill leaves nothing to be filled.";
    QuoteMismatch "quote_mismatch" Suspicious "The last quote amount is not last price times last quantity.";
    SelfTrade "self_trade" Suspicious "One account on both sides of a trade, which the venue prevents.";
    TradeContradicted "trade_contradicted" Suspicious "A trade was told before, with another price or quantity.";
    LastExceedsCumulativeQuote "last_exceeds_cumulative_quote" Suspicious "The last quote amount exceeds all quote amounts together.";
    ExecutionBusted "execution_busted" Suspicious "The venue takes back an execution that it had reported.";
    ExecutionCorrected "execution_corrected" Suspicious "The venue changes an execution that it had reported.";
    OrderRestated "order_restated" Suspicious "The venue's staff changed the order by hand.";
}

/// A frame that should have parsed and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The defect.
    pub code: ErrorCode,
    /// The venue's name of the field, `None` where the frame as a whole is meant.
    pub field: Option<Cow<'static, str>>,
    /// Byte offset in the frame at which the defect was found.
    pub offset: usize,
    /// One sentence: what was found and what was expected. Bounded, whatever the frame holds.
    pub message: String,
    /// The venue's symbol, where it could still be read.
    pub symbol: Option<String>,
    /// The order's id, where it could still be read.
    pub order_id: Option<String>,
}

impl ParseError {
    /// A defect of the frame as a whole.
    #[must_use]
    pub fn of_frame(code: ErrorCode, offset: usize, message: String) -> Box<Self> {
        Box::new(Self { code, field: None, offset, message, symbol: None, order_id: None })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_grouped_by_class() {
        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert_eq!(ErrorCode::MissingField.class().as_str(), "malformed");
        assert_eq!(ErrorCode::UnknownSymbol.class().as_str(), "unknown");
        assert_eq!(ErrorCode::QuoteMismatch.class().as_str(), "suspicious");
    }
}
