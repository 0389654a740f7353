//! Claims: what a payload grants, and which one is refused for what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jwt_auth::claims::{self, Grant};
use jwt_auth::refusal::Refusal;
use jwt_settings::encoding::Encoding;
use jwt_settings::rules::Rules;
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000_000;

fn rules() -> Rules {
    Rules { user_claim: "sub".to_owned(), ..Rules::default() }
}

fn grant(rules: &Rules, mut claims: Value) -> Result<Grant, Refusal> {
    let defaults = json!({"sub": "ada", "exp": 2000});
    for (name, value) in defaults.as_object().unwrap() {
        if claims.get(name).is_none() {
            claims[name] = value.clone();
        }
    }
    claims::grant(rules, claims.to_string().as_bytes())
}

#[test]
fn a_token_is_valid_from_nbf_until_before_exp() {
    let grant = grant(&rules(), json!({"nbf": 1000})).unwrap();
    assert_eq!(grant.check_time(1000 * SECOND - 1), Err(Refusal::NotYetValid));
    assert_eq!(grant.check_time(1000 * SECOND), Ok(()));
    assert_eq!(grant.check_time(2000 * SECOND - 1), Ok(()));
    assert_eq!(grant.check_time(2000 * SECOND), Err(Refusal::Expired));
}

#[test]
fn leeway_widens_both_ends() {
    let rules = Rules { leeway: 30 * SECOND, ..rules() };
    let grant = grant(&rules, json!({"nbf": 1000})).unwrap();
    assert_eq!((grant.from, grant.until), (970 * SECOND, 2030 * SECOND));
}

#[test]
fn times_may_have_a_fraction() {
    let grant = grant(&rules(), json!({"exp": 2000.5})).unwrap();
    assert_eq!(grant.until, 2_000_500_000_000);
}

#[test]
fn times_out_of_range_end_at_the_range() {
    let until = |exp: Value| grant(&rules(), json!({ "exp": exp })).map(|grant| grant.until);
    assert_eq!(until(json!(1e300)), Ok(u64::MAX));
    assert_eq!(until(json!(u64::MAX)), Ok(u64::MAX));
    assert_eq!(until(json!(-5)), Ok(0));
}

#[test]
fn times_that_are_no_numbers_are_refused() {
    for time in [json!("2000"), json!(null), json!([2000]), json!(true)] {
        assert_eq!(grant(&rules(), json!({ "exp": time })), Err(Refusal::Claims), "{time}");
        assert_eq!(grant(&rules(), json!({ "nbf": time })), Err(Refusal::Claims), "{time}");
    }
}

#[test]
fn exp_is_required() {
    assert_eq!(claims::grant(&rules(), br#"{"sub":"ada"}"#), Err(Refusal::NoExpiry));
}

#[test]
fn payloads_that_are_no_objects_are_refused() {
    for payload in
        ["", "foo", "[]", "null", r#"{"exp":1,"exp":2000,"sub":"ada"}"#, "{\"exp\":1e999}"]
    {
        assert_eq!(claims::grant(&rules(), payload.as_bytes()), Err(Refusal::Claims), "{payload}");
    }
}

#[test]
fn one_of_the_configured_issuers_is_needed() {
    let rules = Rules { issuers: vec!["a".into(), "b".into()], ..rules() };
    assert!(grant(&rules, json!({"iss": "b"})).is_ok());
    for claims in [json!({"iss": "c"}), json!({"iss": ["a"]}), json!({})] {
        assert_eq!(grant(&rules, claims), Err(Refusal::Issuer));
    }
}

#[test]
fn one_of_the_configured_audiences_is_needed() {
    let rules = Rules { audiences: vec!["a".into(), "b".into()], ..rules() };
    for audience in [json!("b"), json!(["x", "a"])] {
        assert!(grant(&rules, json!({ "aud": audience })).is_ok());
    }
    for claims in [json!({"aud": "c"}), json!({"aud": []}), json!({"aud": [1]}), json!({})] {
        assert_eq!(grant(&rules, claims), Err(Refusal::Audience));
    }
}

#[test]
fn a_token_for_an_audience_is_refused_where_none_is_configured() {
    assert_eq!(grant(&rules(), json!({"aud": "orders"})), Err(Refusal::Audience));
}

#[test]
fn a_number_may_name_the_user() {
    assert_eq!(grant(&rules(), json!({"sub": 42})).map(|grant| grant.user), Ok(b"42".to_vec()));
}

#[test]
fn users_that_cannot_stand_in_a_header_are_refused() {
    for user in
        [json!(""), json!("a\r\nx-b: c"), json!("a\0"), json!(" a"), json!(null), json!(["a"])]
    {
        assert_eq!(grant(&rules(), json!({ "sub": user })), Err(Refusal::User), "{user}");
    }
}

#[test]
fn claims_become_header_values_in_order() {
    let claims = ["tier", "roles", "admin", "absent", "level"].map(str::to_owned).to_vec();
    let rules = Rules { header_claims: claims, ..rules() };
    let claims = json!({"tier": "gold", "roles": ["a,b", "c"], "admin": true, "level": 3});
    let expected = [Some("gold"), Some(r#"["a,b","c"]"#), Some("true"), None, Some("3")];
    let expected = expected.map(|value| value.map(|value| value.as_bytes().to_vec()));
    assert_eq!(grant(&rules, claims).map(|grant| grant.headers), Ok(expected.to_vec()));
}

#[test]
fn a_claim_that_cannot_stand_in_a_header_is_refused() {
    let rules = Rules { header_claims: vec!["tier".into()], ..rules() };
    assert_eq!(grant(&rules, json!({"tier": "a\nb"})), Err(Refusal::HeaderClaim));
}

fn user(written: &str) -> Result<String, Refusal> {
    let payload = format!(r#"{{"exp":2000,"sub":{written}}}"#);
    claims::grant(&rules(), payload.as_bytes()).map(|grant| String::from_utf8(grant.user).unwrap())
}

fn header(written: &str) -> Result<String, Refusal> {
    let rules = Rules { header_claims: vec!["id".into()], ..rules() };
    let payload = format!(r#"{{"exp":2000,"sub":"ada","id":{written}}}"#);
    let mut headers = claims::grant(&rules, payload.as_bytes())?.headers;
    Ok(headers.remove(0).map_or_else(String::new, |value| String::from_utf8(value).unwrap()))
}

/// Numbers of which some are equal to a float, to an integer of 64 bits, or to each other.
const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "0.0",
    "-0.0",
    "0e0",
    "1",
    "-1",
    "1.0",
    "1.00",
    "1e0",
    "1E0",
    "1e+0",
    "100",
    "1e2",
    "9007199254740992",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551617",
    "98765432109876543210",
    "98765432109876543299",
    "1e400",
    "1e401",
    "-98765432109876543210",
];

#[test]
fn a_number_is_its_digits_or_is_refused() {
    for number in NUMBERS {
        let is_whole =
            number != "-0" && number.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
        let expected = if is_whole { Ok(number.to_owned()) } else { Err(Refusal::User) };
        assert_eq!(user(number), expected);
        assert_eq!(header(number), Ok(number.to_owned()));
        for nested in [format!("[{number}]"), format!(r#"{{"a":[{number}]}}"#)] {
            assert_eq!(header(&nested), Ok(nested));
        }
    }
}

#[test]
fn two_users_never_become_one() {
    let mut written: Vec<String> =
        ["ada", "Ada", "ADA", "ada2", "a da", "a  da", "é", "e\u{301}", "a\u{200b}"]
            .map(|text| json!(text).to_string())
            .to_vec();
    for space in [" ", "\t", "\n", "\u{a0}", "\u{85}", "\u{3000}", "\u{2028}", "\u{2003}"] {
        written.extend(
            [format!("{space}ada"), format!("ada{space}")].map(|text| json!(text).to_string()),
        );
    }
    written.extend(NUMBERS.map(str::to_owned));
    let mut seen = std::collections::BTreeMap::new();
    for one in &written {
        if let Ok(user) = user(one) {
            assert_eq!(seen.insert(user.clone(), one), None, "{one} and another are both {user}");
            // What strips white space behind the gateway sees the same user.
            assert_eq!(user.trim(), user, "{one}");
        }
    }
    assert!(seen.len() > 15, "{}", seen.len());
}

#[test]
fn what_two_readers_would_read_differently_is_refused() {
    for (payload, expected) in [
        (r#"{"exp":2000,"sub":"a","sub":"b"}"#, Refusal::Claims),
        (r#"{"exp":2000,"sub":"a","\u0073ub":"b"}"#, Refusal::Claims),
        (r#"{"exp":2000,"sub":"\ud800"}"#, Refusal::User),
        (r#"{"exp":2000,"sub":"a\udfff"}"#, Refusal::User),
        (r#"{"exp":2000,"sub":"ada","id":{"a":1,"a":2}}"#, Refusal::HeaderClaim),
        (r#"{"exp":2000,"sub":"ada","id":["\ud800"]}"#, Refusal::HeaderClaim),
    ] {
        let rules = Rules { header_claims: vec!["id".into()], ..rules() };
        assert_eq!(claims::grant(&rules, payload.as_bytes()), Err(expected), "{payload}");
    }
}

#[test]
fn control_characters_reach_no_header_in_either_encoding() {
    for encoding in [Encoding::Utf8, Encoding::Percent] {
        let rules = Rules { header_claims: vec!["id".into()], encoding, ..rules() };
        for letter in (0..0xa0).filter_map(char::from_u32).filter(|letter| letter.is_control()) {
            let text = format!("a{letter}b");
            assert_eq!(grant(&rules, json!({ "sub": text })), Err(Refusal::User), "{letter:?}");
            assert_eq!(
                grant(&rules, json!({ "id": text })),
                Err(Refusal::HeaderClaim),
                "{letter:?}"
            );
        }
    }
}

#[test]
fn claims_can_be_percent_encoded() {
    let rules =
        Rules { header_claims: vec!["name".into()], encoding: Encoding::Percent, ..rules() };
    let claims = json!({"sub": "zoë", "name": ["Zoë", "100%"]});
    let grant = grant(&rules, claims).unwrap();
    assert_eq!(grant.user, "zoë".as_bytes());
    assert_eq!(grant.headers, [Some(br#"["Zo%C3%AB","100%25"]"#.to_vec())]);
}
