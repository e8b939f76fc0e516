//! Reading, comparing and writing amounts.

use super::*;

fn decimal(text: &str) -> Decimal<'_> {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn canonical(text: &str) -> String {
    let mut out = Vec::new();
    decimal(text).write(&mut out);
    let written = String::from_utf8(out.clone()).unwrap();
    // The value says the same as the text it was read from.
    out.clear();
    decimal(text).without_text().write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), written);
    written
}

fn written(parts: Parts) -> String {
    let mut buffer = [0; MAX_TEXT];
    let end = MAX_TEXT - parts.put(Pen::new(&mut buffer)).unwrap().left();
    String::from_utf8(buffer.get(..end).unwrap().to_vec()).unwrap()
}

#[test]
fn amounts_are_written_without_superfluous_zeros() {
    for (text, expected) in [
        ("0", "0"),
        ("0.00000000", "0"),
        ("-0.00", "0"),
        ("10.00000000", "10"),
        ("0.10264410", "0.1026441"),
        ("1234567890.12345678", "1234567890.12345678"),
        ("12345678901.12345678", "12345678901.12345678"),
        ("007", "7"),
        ("00.50", "0.5"),
        ("-1.50", "-1.5"),
        ("100", "100"),
        ("0.000001", "0.000001"),
        ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
        ("000000000000000000001.0000000000000000000000000", "1"),
    ] {
        assert_eq!(canonical(text), expected);
    }
}

#[test]
fn products_are_rounded_half_to_even() {
    let product = |left, right, units| {
        let mut out = Vec::new();
        decimal(left).rounded_product(&decimal(right), units)?.write(&mut out);
        Some(String::from_utf8(out).unwrap())
    };
    assert_eq!(product("129.7", "0.0851119", 1).as_deref(), Some("11.03901343"));
    assert_eq!(product("1", "1.62", 100).as_deref(), Some("162"));
    assert_eq!(product("0", "181.36", 1).as_deref(), Some("0"));
    assert_eq!(product("0.00000001", "0.000000005", 1).as_deref(), Some("0"));
    assert_eq!(product("0.00000001", "0.000000015", 1).as_deref(), Some("0.0000000000000002"));
    assert_eq!(product("999999999999999999", "1", 1).as_deref(), Some("999999999999999999"));
    assert_eq!(product("999999999999999999", "1", 100), None);
    let finest = "123456789012345678.123456789012345678";
    assert_eq!(product(finest, finest, 100), None);
    assert_eq!(product(finest, "0.000001", 1).as_deref(), Some("123456789012.345678123456789"));
}

#[test]
fn what_is_no_decimal_is_refused() {
    for text in ["", "-", ".", "1.", ".5", "+1", "1e5", "1.2.3", " 1", "1 ", "0x1", "1.0000000a", "١", "--1"]
    {
        assert_eq!(Decimal::parse(text.as_bytes()).unwrap_err(), NoDecimal::Syntax, "{text}");
    }
    for text in ["1234567890123456789", "0.0000000000000000001", "-1000000000000000000.5"] {
        assert_eq!(Decimal::parse(text.as_bytes()).unwrap_err(), NoDecimal::Absurd, "{text}");
    }
}

#[test]
fn amounts_compare_by_value() {
    assert!(decimal("1.5").cmp_magnitude(&decimal("1.50000000")).is_eq());
    assert!(decimal("2").cmp_magnitude(&decimal("1.99999999")).is_gt());
    let (large, small) = ("999999999999999999", "999999999999999998.999999999999999999");
    assert!(decimal(large).cmp_magnitude(&decimal(small)).is_gt());
    assert!(decimal("0.4").sum_is_less(&decimal("0.09999999"), &decimal("0.5")));
    assert!(!decimal("0.4").sum_is_less(&decimal("0.1"), &decimal("0.5")));
}

#[test]
fn a_product_may_be_rounded_at_its_own_decimals() {
    let is_product = |quote, price, quantity| decimal(quote).is_product(&decimal(price), &decimal(quantity));
    assert!(is_product("12800.00000000", "64000.00000000", "0.20000000"));
    assert!(!is_product("12800.00000001", "64000.00000000", "0.20000000"));
    assert!(is_product("0.33333333", "0.66666667", "0.50000000"));
    assert!(is_product("0.33333334", "0.66666667", "0.50000000"));
    assert!(!is_product("0.33333335", "0.66666667", "0.50000000"));
    // At fewer than six decimals the venue does not round.
    assert!(!is_product("12", "6.0001", "2"));
    assert!(is_product("12.0002", "6.0001", "2"));
    // Beyond 128 bits.
    let nines = "999999999999999999.999999999999999999";
    assert!(!is_product("1", nines, nines));
    assert!(is_product(nines, nines, "1.000000000000000000"));
}

#[test]
fn products_are_exact_or_absurd() {
    let product = |price, quantity| decimal(price).product(&decimal(quantity)).map(written);
    assert_eq!(product("150.04", "7").as_deref(), Some("1050.28"));
    assert_eq!(product("0.50", "0.20000000").as_deref(), Some("0.1"));
    assert_eq!(product("0.000000001", "0.000000001").as_deref(), Some("0.000000000000000001"));
    assert_eq!(product("0.000000001", "0.0000000001"), None);
    assert_eq!(product("0.000000005", "0.0000000002").as_deref(), Some("0.000000000000000001"));
    assert_eq!(product("999999999999999999", "1").as_deref(), Some("999999999999999999"));
    assert_eq!(product("500000000000000000", "2"), None);
    assert_eq!(product("999999999999999999.999999999999999999", "999999999999999999"), None);
    assert_eq!(product("0", "5").as_deref(), Some("0"));
}

#[test]
fn averages_are_rounded_half_to_even() {
    let average = |quote, quantity| decimal(quote).average(&decimal(quantity)).map(written);
    assert_eq!(average("600", "4").as_deref(), Some("150"));
    assert_eq!(average("2", "3").as_deref(), Some("0.6666666666666667"));
    // Of two amounts as the venue pads them, and of others.
    assert_eq!(average("0.00000001", "8000000.00000000").as_deref(), Some("0.0000000000000012"));
    assert_eq!(average("0.00000003", "8000000.00000000").as_deref(), Some("0.0000000000000038"));
    assert_eq!(average("0.00000001", "200000000.00000000").as_deref(), Some("0"));
    assert_eq!(average("0.00000001", "40000000.00000000").as_deref(), Some("0.0000000000000002"));
    assert_eq!(average("0.00000003", "200000000.00000000").as_deref(), Some("0.0000000000000002"));
    assert_eq!(average("299999999.99999999", "300000000.00000000").as_deref(), Some("1"));
    assert_eq!(average("1999999999.99999999", "2000000000.00000000").as_deref(), Some("1"));
    assert_eq!(average("0.00000001", "512.00000000").as_deref(), Some("0.0000000000195312"));
    assert_eq!(average("0.00000003", "512.00000000").as_deref(), Some("0.0000000000585938"));
    assert_eq!(average("511.99999999", "512.00000000").as_deref(), Some("0.9999999999804688"));
    assert_eq!(average("5.00000000", "3000.00000000").as_deref(), Some("0.0016666666666667"));
    assert_eq!(average("0.0000000000000009", "6").as_deref(), Some("0.0000000000000002"));
    assert_eq!(average("0.0000000000000015", "6").as_deref(), Some("0.0000000000000002"));
    assert_eq!(average("0.000000000000000001", "999999999999999999").as_deref(), Some("0"));
    assert_eq!(average("999999999999999999.999999999999999999", "1").as_deref(), None);
    assert_eq!(average("999999999999999999", "1").as_deref(), Some("999999999999999999"));
    assert_eq!(average("1", "0.000000000000000001").as_deref(), None);
}
