use super::*;
use crate::abi::enums::Direction;
use crate::context::direction::DirectionState;
use crate::context::stored_properties::{StoreError, StoredProperties};
use crate::context::stream_data::StreamData;
use crate::services::clock::Clock;
use crate::types::attributes::{Attributes, Facts};

fn of_stream(stream: &StreamData, path: &[u8]) -> Option<Vec<u8>> {
    super::of_stream(stream, &Clock::default(), path)
}

fn state() -> StreamData {
    let attributes = Attributes {
        source: Some(("::1".into(), 4711)),
        protocol: "HTTP/1.1",
        ..Attributes::default()
    };
    let mut state = StreamData::new(attributes, 0, None);
    let fields: [(&[u8], &[u8]); 5] = [
        (b":path", b"/a?b=c#d"),
        (b":method", b"GET"),
        (b"x-a", b"1"),
        (b"x-b", b"1"),
        (b"x-b", b"2"),
    ];
    *state.direction(Direction::Request) =
        DirectionState { headers: fields.into_iter().collect(), ..DirectionState::default() };
    state
}

fn answered(fields: &[(&[u8], &[u8])]) -> StreamData {
    let mut state = state();
    let headers = fields.iter().copied().collect();
    *state.direction(Direction::Response) =
        DirectionState { headers, begun: true, ..DirectionState::default() };
    state
}

fn text(path: &[u8]) -> Option<String> {
    of_stream(&state(), path).map(|value| String::from_utf8(value).unwrap())
}

fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

#[test]
fn a_path_is_split_as_envoy_splits_it() {
    assert_eq!(text(b"request\0path").as_deref(), Some("/a?b=c#d"));
    assert_eq!(text(b"request\0url_path").as_deref(), Some("/a"));
    assert_eq!(text(b"request\0query").as_deref(), Some("b=c"));
    assert_eq!(text(b"request\0headers\0X-A").as_deref(), Some("1"));
    assert_eq!(text(b"request\0headers\0x-b").as_deref(), Some("1,2"));
    assert_eq!(text(b"request\0path\0x"), None);
}

#[test]
fn a_zero_byte_at_the_end_counts_for_nothing() {
    assert_eq!(trimmed(b"request\0"), b"request");
    assert_eq!(of_stream(&state(), b"request"), Some(vec![0; 4]));
}

#[test]
fn addresses_have_their_port() {
    assert_eq!(text(b"source\0address").as_deref(), Some("[::1]:4711"));
    assert_eq!(of_stream(&state(), b"source\0port"), Some(number(4711)));
    assert_eq!(text(b"destination\0address"), None);
    assert_eq!(text(b"upstream\0address"), None);
}

#[test]
fn what_a_policy_stored_comes_first() {
    let mut state = state();
    let path = b"request\0path".to_vec();
    assert_eq!(state.properties.store(path, b"mine".to_vec(), false), Ok(()));
    assert_eq!(of_stream(&state, b"request\0path"), Some(b"mine".to_vec()));
    assert_eq!(of_stream(&state, b"filter_state\0wasm.request\0path"), Some(b"mine".to_vec()));
    assert_eq!(of_stream(&state, b"unknown"), None);
}

#[test]
fn what_is_read_only_keeps_its_first_value() {
    let mut stored = StoredProperties::default();
    assert_eq!(stored.store(b"a".to_vec(), b"1".to_vec(), true), Ok(()));
    assert_eq!(stored.store(b"a".to_vec(), b"2".to_vec(), true), Err(StoreError::ReadOnly));
    assert_eq!(stored.find(b"a"), Some(&b"1"[..]));
}

#[test]
fn a_response_has_a_reason() {
    assert_eq!(of_stream(&state(), b"response\0code_details"), None);
    let mut state = answered(&[(b":status", b"503")]);
    assert_eq!(of_stream(&state, b"response\0code_details"), Some(b"via_upstream".to_vec()));
    assert_eq!(of_stream(&state, b"response\0flags"), Some(number(0)));
    state.info.details = Some("no_healthy_upstream".into());
    assert_eq!(of_stream(&state, b"response\0flags"), Some(number(2)));
}

#[test]
fn a_grpc_status_is_said_or_follows_from_the_code() {
    let status = |fields: &[(&[u8], &[u8])]| of_stream(&answered(fields), b"response\0grpc_status");
    assert_eq!(status(&[(b":status", b"200"), (b"grpc-status", b"5")]), Some(number(5)));
    assert_eq!(status(&[(b":status", b"503")]), Some(number(14)));
    assert_eq!(status(&[(b":status", b"200")]), Some(number(2)));
    assert_eq!(of_stream(&state(), b"response\0grpc_status"), None);
}

#[test]
fn of_a_connection_without_tls_it_is_known_that_it_has_none() {
    let mut state = state();
    assert_eq!(of_stream(&state, b"connection\0mtls"), Some(vec![0]));
    assert_eq!(of_stream(&state, b"connection\0tls_version"), None);
    state.attributes.secure = true;
    assert_eq!(of_stream(&state, b"connection\0mtls"), None);
    let mut facts = Facts::default();
    assert!(facts.add("connection.mtls", "true") && facts.add("connection.tls_version", "TLSv1.3"));
    state.attributes.facts = Some(facts.into());
    assert_eq!(of_stream(&state, b"connection\0mtls"), Some(vec![1]));
    assert_eq!(of_stream(&state, b"connection\0tls_version"), Some(b"TLSv1.3".to_vec()));
}

#[test]
fn a_property_from_outside_is_found_by_its_name_alone() {
    let mut facts = Facts::default();
    assert!(!facts.add("connection.unheard_of", "x"));
    assert!(facts.is_empty());
    for name in Facts::NAMES {
        assert!(facts.add(name, "true"), "{name}");
    }
    let mut state = state();
    state.attributes.facts = Some(facts.into());
    for name in Facts::NAMES {
        let path = name.replace('.', "\0");
        let expected = if *name == "connection.mtls" { vec![1] } else { b"true".to_vec() };
        assert_eq!(of_stream(&state, path.as_bytes()), Some(expected), "{name}");
    }
}

#[test]
fn what_a_policy_stores_takes_precedence_over_a_property_from_outside() {
    let mut state = state();
    let mut facts = Facts::default();
    assert!(facts.add("wasmgate.user", "outer"));
    state.attributes.facts = Some(facts.into());
    assert_eq!(of_stream(&state, super::USER), Some(b"outer".to_vec()));
    state.properties.store(super::USER.to_vec(), b"inner".to_vec(), false).unwrap();
    assert_eq!(of_stream(&state, super::USER), Some(b"inner".to_vec()));
}
