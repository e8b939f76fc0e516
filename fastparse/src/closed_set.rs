//! Closed sets of a venue's words.

/// Declares an enum of the venue's words with our word for each.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident {
        $first:ident $first_venue:literal $first_ours:literal;
        $($variant:ident $venue:literal $ours:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $first, $($variant,)+ }

        impl $name {
            /// The venue's words, for messages.
            pub const EXPECTED: &'static str = concat!("expected one of ", $first_venue, $(", ", $venue,)+);

            /// Reads the venue's word.
            pub fn of(venue: &str) -> Option<Self> {
                match venue {
                    $first_venue => Some(Self::$first),
                    $($venue => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Passes one of the venue's words and the quote behind it.
            #[allow(dead_code, clippy::inline_always)] // asked of the sets of an order report only
            #[inline(always)] // as the methods of the cursor
            pub fn scan(cursor: &mut $crate::cursor::Cursor<'_>) -> Option<Self> {
                if cursor.pass(concat!($first_venue, "\"")).is_some() {
                    return Some(Self::$first);
                }
                $(if cursor.pass(concat!($venue, "\"")).is_some() {
                    return Some(Self::$variant);
                })+
                None
            }

            /// The venue's word.
            #[allow(dead_code)] // asked of some of the sets only
            pub const fn verbatim(self) -> &'static str {
                match self { Self::$first => $first_venue, $(Self::$variant => $venue,)+ }
            }

            /// Our word.
            #[allow(dead_code)] // as above
            pub const fn as_str(self) -> &'static str {
                match self { Self::$first => $first_ours, $(Self::$variant => $ours,)+ }
            }
        }
    };
}

pub(crate) use closed_set;
