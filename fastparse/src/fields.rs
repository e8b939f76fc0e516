//! The fields of one object: a fixed slot per key that some venue frame uses, so that reading one is a look-up.

use crate::scanner::Token;

/// One slot per ASCII character, for keys of one letter; longer keys use those of the control characters, and from
/// 128 on those that no character has.
const SLOTS: usize = 256;

/// Number of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    const EVENT: Self = Self(11);
    const DATA: Self = Self(14);
    const ORDER: Self = Self(204);

    /// The slot of a key of one letter.
    #[inline]
    #[must_use]
    pub const fn of_letter(letter: u8) -> Self {
        Self(letter)
    }

    /// The slot of a key, `None` for a key that no frame we read has.
    #[must_use]
    #[allow(clippy::too_many_lines)] // a table
    pub const fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            [letter @ (b'A'..=b'Z' | b'a'..=b'z')] => Self(*letter),
            b"Cs" => Self(1),
            b"pl" => Self(2),
            b"pL" => Self(3),
            b"pY" => Self(4),
            b"uS" => Self(5),
            b"gP" => Self(6),
            b"gOT" => Self(7),
            b"gOV" => Self(8),
            b"gp" => Self(9),
            b"eR" => Self(10),
            b"event" => Self::EVENT,
            b"subscriptionId" => Self(12),
            b"stream" => Self(13),
            b"data" => Self::DATA,
            b"id" => Self(15),
            b"status" => Self(16),
            b"result" => Self(17),
            b"error" => Self(18),
            b"rateLimits" => Self(19),
            b"type" => Self(161),
            b"timestamp" => Self(162),
            b"order_id" => Self(166),
            b"product_id" => Self(167),
            b"order_type" => Self(171),
            b"stop_price" => Self(174),
            b"cancel_reason" => Self(180),
            b"message" => Self(183),
            b"reason" => Self(184),
            b"price" => Self(208),
            b"side" => Self(215),
            b"time" => Self(20),
            b"sequence" => Self(21),
            b"profile_id" => Self(22),
            b"user_id" => Self(23),
            b"size" => Self(24),
            b"client_oid" => Self(25),
            b"client-oid" => Self(26),
            b"funds" => Self(27),
            b"remaining_size" => Self(28),
            b"trade_id" => Self(29),
            b"maker_order_id" => Self(30),
            b"taker_order_id" => Self(31),
            b"maker_user_id" => Self(128),
            b"taker_user_id" => Self(129),
            b"maker_profile_id" => Self(130),
            b"taker_profile_id" => Self(131),
            b"maker_fee_rate" => Self(132),
            b"taker_fee_rate" => Self(133),
            b"old_size" => Self(134),
            b"new_size" => Self(135),
            b"old_price" => Self(136),
            b"new_price" => Self(137),
            b"old_funds" => Self(138),
            b"new_funds" => Self(139),
            b"stop_type" => Self(140),
            b"channels" => Self(141),
            b"account_id" => Self(142),
            b"currency" => Self(143),
            b"holds" => Self(144),
            b"available" => Self(145),
            b"updated" => Self(146),
            b"last_trade_id" => Self(147),
            b"name" => Self(148),
            b"product_ids" => Self(149),
            b"action" => Self(200),
            b"error_message" => Self(201),
            b"streams" => Self(203),
            b"order" => Self::ORDER,
            b"at" => Self(205),
            b"execution_id" => Self(207),
            b"qty" => Self(209),
            b"legs" => Self(210),
            b"client_order_id" => Self(212),
            b"symbol" => Self(213),
            b"asset_class" => Self(214),
            b"order_class" => Self(218),
            b"time_in_force" => Self(219),
            b"limit_price" => Self(220),
            b"notional" => Self(222),
            b"filled_qty" => Self(223),
            b"filled_avg_price" => Self(224),
            b"filled_at" => Self(225),
            b"canceled_at" => Self(226),
            b"expired_at" => Self(227),
            b"failed_at" => Self(228),
            b"replaced_at" => Self(229),
            b"updated_at" => Self(230),
            // Nothing is read of these of Alpaca's, but a key with a slot is found double without a search.
            b"created_at" => Self(231),
            b"submitted_at" => Self(232),
            b"cancel_requested_at" => Self(233),
            b"replaced_by" => Self(234),
            b"replaces" => Self(235),
            b"asset_id" => Self(236),
            b"position_intent" => Self(237),
            b"extended_hours" => Self(238),
            b"trail_percent" => Self(239),
            b"trail_price" => Self(240),
            b"hwm" => Self(241),
            b"expires_at" => Self(242),
            b"subtag" => Self(243),
            b"source" => Self(244),
            b"ratio_qty" => Self(245),
            b"event_id" => Self(246),
            b"position_qty" => Self(247),
            b"position_qtys" => Self(248),
            b"swap_rate" => Self(249),
            b"settle_date" => Self(250),
            b"previous_execution_id" => Self(251),
            b"commission" => Self(252),
            b"channel" => Self(160),
            b"sequence_num" => Self(163),
            b"events" => Self(164),
            b"orders" => Self(165),
            b"cumulative_quantity" => Self(168),
            b"order_side" => Self(170),
            b"leaves_quantity" => Self(175),
            b"avg_price" => Self(176),
            b"filled_value" => Self(177),
            b"trigger_status" => Self(178),
            b"creation_time" => Self(179),
            b"reject_reason" => Self(181),
            b"reject_Reason" => Self(182),
            b"heartbeat_counter" => Self(185),
            b"subscriptions" => Self(186),
            b"completion_percentage" => Self(197),
            b"contract_expiry_type" => Self(198),
            b"number_of_fills" => Self(199),
            b"outstanding_hold_amount" => Self(202),
            b"post_only" => Self(206),
            b"product_type" => Self(211),
            b"retail_portfolio_id" => Self(216),
            b"risk_managed_by" => Self(217),
            b"total_fees" => Self(221),
            b"total_value_after_fees" => Self(253),
            b"end_time" => Self(254),
            b"start_time" => Self(255),
            b"ap" => Self(32),
            b"sp" => Self(33),
            b"wt" => Self(34),
            b"ot" => Self(35),
            b"ps" => Self(36),
            b"cp" => Self(37),
            b"rp" => Self(38),
            b"pP" => Self(39),
            b"si" => Self(40),
            b"ss" => Self(41),
            b"st" => Self(42),
            b"pm" => Self(43),
            b"gtd" => Self(44),
            b"er" => Self(45),
            b"AP" => Self(46),
            b"cr" => Self(47),
            b"ia" => Self(48),
            b"aid" => Self(49),
            b"caid" => Self(50),
            b"ai" => Self(51),
            b"rm" => Self(52),
            b"or" => Self(53),
            b"wb" => Self(54),
            b"cw" => Self(55),
            b"pa" => Self(56),
            b"ep" => Self(57),
            b"mp" => Self(58),
            b"mm" => Self(59),
            b"ac" => Self(60),
            _ => return None,
        })
    }

    const fn index(self) -> usize {
        self.0 as usize % SLOTS
    }
}

/// Which slots the keys of an object have taken.
#[derive(Clone, Copy, Default)]
pub struct Taken([u64; SLOTS / 64]);

impl Taken {
    /// Notes a key; returns whether its slot was free.
    #[inline]
    pub fn take(&mut self, slot: Slot) -> bool {
        let Some(word) = self.0.get_mut(slot.index() / 64) else { return false };
        let bit = 1 << (slot.index() % 64);
        let is_free = *word & bit == 0;
        *word |= bit;
        is_free
    }
}

/// A field that a frame may have.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The venue's key.
    pub key: &'static str,
    /// What the key means, in the words of the trade.
    pub noun: &'static str,
    slot: Slot,
}

impl Field {
    /// A field; its key must have a slot.
    ///
    /// # Panics
    ///
    /// In the compiler, which evaluates the constants that fields are: the key has no slot.
    #[must_use]
    pub const fn new(key: &'static str, noun: &'static str) -> Self {
        let slot = Slot::of(key.as_bytes());
        assert!(slot.is_some(), "give the key a slot");
        Self { key, noun, slot: if let Some(slot) = slot { slot } else { Slot(0) } }
    }
}

#[derive(Clone, Copy)]
struct Place {
    /// Round in which the token was set.
    round: u32,
    token: Token,
}

/// Where the values of one object stand. Kept between frames: a new round empties all slots at once.
pub struct Fields {
    places: [Place; SLOTS],
    round: u32,
    start: usize,
    end: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { places: [Place { round: 0, token: Token::NOTHING }; SLOTS], round: 0, start: 0, end: 0 }
    }
}

impl Fields {
    /// Whether the slot is that of a key whose object is read along with the one that holds it: of `event` and `data` in
    /// the outermost object, of `order` in the one within.
    #[inline]
    #[must_use]
    pub fn is_wrapper(slot: Option<Slot>, depth: u32) -> bool {
        match depth {
            1 => slot == Some(Slot::EVENT) || slot == Some(Slot::DATA),
            2 => slot == Some(Slot::ORDER),
            _ => false,
        }
    }

    /// Forgets the object of the frame before.
    pub fn clear(&mut self) {
        self.begin(0);
        self.end = 0;
    }

    /// Notes where the object begins.
    pub fn begin(&mut self, start: usize) {
        if self.round == u32::MAX {
            *self = Self::default(); // rounds begin anew, and no place may know them from before
        }
        self.round += 1;
        self.start = start;
        self.end = start + 1;
    }

    /// Notes where the object ended.
    pub fn finish(&mut self, end: usize) {
        self.end = end;
    }

    /// Whether an object has been read since the last `clear`.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        self.end != 0
    }

    /// Offset of the object's opening brace.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// Offset of the object's closing brace: where one knows that a field is missing.
    #[must_use]
    pub const fn closing(&self) -> usize {
        self.end.saturating_sub(1)
    }

    /// Keeps a value; returns whether the slot was free.
    #[inline]
    pub fn set(&mut self, slot: Slot, token: Token) -> bool {
        let Some(place) = self.places.get_mut(slot.index()) else { return false };
        if place.round == self.round {
            return false;
        }
        *place = Place { round: self.round, token };
        true
    }

    /// The value of a field, `None` if the object has none; `null` counts as a value here.
    #[inline]
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<Token> {
        self.places.get(field.slot.index()).filter(|place| place.round == self.round).map(|place| place.token)
    }
}
