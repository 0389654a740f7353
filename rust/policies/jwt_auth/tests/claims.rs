//! Claims: what a payload grants, and which one is refused for what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jwt_auth::claims::{Grant, Rules};
use jwt_auth::refusal::Refusal;
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
    rules.grant(claims.to_string().as_bytes())
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
    assert_eq!(rules().grant(br#"{"sub":"ada"}"#), Err(Refusal::NoExpiry));
}

#[test]
fn payloads_that_are_no_objects_are_refused() {
    for payload in
        ["", "foo", "[]", "null", r#"{"exp":1,"exp":2000,"sub":"ada"}"#, "{\"exp\":1e999}"]
    {
        assert_eq!(rules().grant(payload.as_bytes()), Err(Refusal::Claims), "{payload}");
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
