//! Requests: what reaches the upstream, and what is answered instead.

use std::time::Duration;

use wasmgate_host::{Body, Head};

use super::*;
use crate::http::framing::BodyFraming;

#[test]
fn a_request_reaches_the_upstream_byte_for_byte() {
    let fields = [("X-Dup", "1"), ("X-Dup", "2"), ("X_User", "admin"), ("Connection", "close")];
    let (exchange, effects) = open(&router(&[]), "GET", "/echo/a%2Fb?b=%20+x&c", &fields);
    assert_eq!((Head::Unchanged, true), (effects.request.head, effects.request.end));
    let expected = "GET /echo/a%2Fb?b=%20+x&c HTTP/1.1\r\n\
                    host: api.example\r\n\
                    x-dup: 1\r\n\
                    x-dup: 2\r\n\
                    x-forwarded-for: 192.0.2.7\r\n\
                    x-forwarded-proto: http\r\n\
                    x-forwarded-host: api.example\r\n\
                    x-forwarded-port: 80\r\n\
                    via: 1.1 wasmgate\r\n\r\n";
    assert_eq!(expected, head_of(&exchange));
}

#[test]
fn requests_take_turns_at_the_endpoints() {
    let router = router(&[]);
    let endpoint = |_| get(&router, "/echo/").0.upstream().unwrap().endpoint;
    assert_eq!(vec![0, 1, 0], (0..3).map(endpoint).collect::<Vec<_>>());
}

#[test]
fn the_prefix_is_replaced_on_the_way_out() {
    let (exchange, _) = get(&router(&[]), "/v1/a%2Fb?x");
    let upstream = exchange.upstream().unwrap();
    assert_eq!(b"/a%2Fb?x", upstream.target());
    assert_eq!(Some(Duration::from_secs(5)), upstream.timeout);
}

#[test]
fn what_a_policy_makes_of_the_path_goes_on_and_the_route_stays() {
    let (exchange, _) = get(&router(&[(REQUEST, MOVE_PATH)]), "/v1/x");
    let upstream = exchange.upstream().unwrap();
    assert_eq!(b"/moved?b=%20", upstream.target());
    assert_eq!(0, upstream.cluster);
}

#[test]
fn a_policy_can_have_the_route_chosen_again() {
    let router = router(&[(REQUEST, MOVE_ROUTE)]);
    let (exchange, effects) = get(&router, "/v1/x");
    assert_eq!(":status: 503", status_of(&exchange, &effects), "the cluster of /down/ is empty");
}

#[test]
fn a_route_chosen_again_may_be_the_same() {
    let (exchange, _) = get(&router(&[(REQUEST, CLEAR_ROUTE)]), "/v1/a");
    assert_eq!(b"/a", exchange.upstream().unwrap().target());
}

#[test]
fn without_a_route_for_what_a_policy_made_of_it_a_request_is_not_found() {
    let calls = format!("{MOVE_PATH} {CLEAR_ROUTE}");
    let (exchange, effects) = get(&router(&[(REQUEST, &calls)]), "/v1/x");
    assert_eq!(":status: 404", status_of(&exchange, &effects));
}

#[test]
fn policies_see_the_endpoint_that_was_chosen() {
    let router = router(&[("proxy_on_response_body", TELL_UPSTREAM)]);
    let (mut exchange, _) = get(&router, "/echo/");
    exchange.on_response_headers(ResponseReader::new(200), false).unwrap();
    let effects = exchange.on_response_body(b"x", true).unwrap();
    assert_eq!(Body::Bytes(b"127.0.0.1:9001".to_vec()), effects.response.body);
}

#[test]
fn a_policy_cannot_break_the_request_line() {
    let (exchange, effects) = get(&router(&[(REQUEST, BREAK_PATH)]), "/echo/x");
    assert_eq!(":status: 500", status_of(&exchange, &effects));
    assert!(exchange.upstream().is_none());
}

#[test]
fn client_copies_of_stripped_headers_do_not_arrive() {
    let router = router(&[(REQUEST, "")]);
    let (exchange, _) = open(&router, "GET", "/echo/", &[("X-Auth-User", "admin")]);
    assert!(!head_of(&exchange).contains("x-auth-user"));
}

#[test]
fn a_body_keeps_its_length() {
    let router = router(&[]);
    let (mut exchange, _) = open(&router, "POST", "/echo/", &[("content-length", "5")]);
    assert_eq!(BodyFraming::Length(5), exchange.upstream().unwrap().framing);
    let effects = exchange.on_request_body(b"hello", true).unwrap();
    assert_eq!((Body::Same, true), (effects.request.body, effects.request.end));
}

#[test]
fn a_body_of_unknown_length_is_chunked() {
    let fields = [("transfer-encoding", "chunked")];
    let (exchange, _) = open(&router(&[]), "POST", "/echo/", &fields);
    assert_eq!(BodyFraming::Chunked, exchange.upstream().unwrap().framing);
    assert!(head_of(&exchange).ends_with("transfer-encoding: chunked\r\n\r\n"));
}

#[test]
fn a_body_that_was_replaced_before_the_head_left_gets_a_new_length() {
    let calls =
        [(REQUEST, FIRST_WAITS_FOR_SECOND), ("proxy_on_request_body", REPLACE_REQUEST_BODY)];
    let router = router(&calls);
    let (mut exchange, _) = open(&router, "POST", "/echo/", &[("content-length", "9")]);
    exchange.on_request_body(b"1234", false).unwrap();
    let effects = exchange.on_request_body(b"56789", true).unwrap();
    assert_eq!((Head::Held, Body::Nothing), (effects.request.head, effects.request.body));
    let (_second, effects) = get(&router, "/echo/");
    assert_eq!(vec![exchange.id()], effects.wake);
    let effects = exchange.resume().unwrap();
    assert_eq!(Body::Bytes(b"hello".to_vec()), effects.request.body);
    assert_eq!(BodyFraming::Length(5), exchange.upstream().unwrap().framing);
}

#[test]
fn a_part_of_a_body_that_waited_with_the_head_goes_on_in_chunks() {
    let router = router(&[(REQUEST, FIRST_WAITS_FOR_SECOND)]);
    let (mut exchange, _) = open(&router, "POST", "/echo/", &[("content-length", "9")]);
    exchange.on_request_body(b"1234", false).unwrap();
    get(&router, "/echo/");
    exchange.resume().unwrap();
    assert_eq!(BodyFraming::Chunked, exchange.upstream().unwrap().framing);
}

#[test]
fn a_body_that_outgrows_its_length_is_answered_500() {
    let calls = [("proxy_on_request_body", REPLACE_REQUEST_BODY)];
    let (mut exchange, _) = open(&router(&calls), "POST", "/echo/", &[("content-length", "3")]);
    let effects = exchange.on_request_body(b"abc", true).unwrap();
    assert_eq!(":status: 500", status_of(&exchange, &effects));
    assert_eq!(Body::Nothing, effects.request.body);
}

#[test]
fn a_body_over_the_limit_is_answered_413_and_goes_no_further() {
    let fields = [("transfer-encoding", "chunked")];
    let (mut exchange, _) = open(&router(&[]), "POST", "/echo/", &fields);
    assert_eq!(Body::Same, exchange.on_request_body(&[0; 20], false).unwrap().request.body);
    let effects = exchange.on_request_body(b"x", false).unwrap();
    assert_eq!(":status: 413", status_of(&exchange, &effects));
    let effects = exchange.on_request_body(b"x", true).unwrap();
    assert_eq!((Body::Nothing, false), (effects.request.body, effects.reset));
}

#[test]
fn requests_without_a_place_to_go_are_answered_with_problem_json() {
    let router = router(&[]);
    for (target, status, detail) in [
        ("/nowhere", 404, "no route is for this request"),
        ("/down/", 503, "no upstream can take the request"),
        ("/echo/%2e%2e/admin", 400, "the path has a dot segment"),
    ] {
        let (exchange, effects) = get(&router, target);
        assert_eq!(format!(":status: {status}"), status_of(&exchange, &effects));
        let Body::Bytes(body) = effects.response.body else { panic!("{target} has no body") };
        assert!(String::from_utf8(body.clone()).unwrap().contains(detail));
        let fields = [
            "content-type: application/problem+json".to_owned(),
            format!("content-length: {}", body.len()),
        ];
        assert_eq!(fields.as_slice(), &answer_of(&exchange)[1..]);
    }
}

#[test]
fn an_endpoint_that_comes_back_is_used_again() {
    let router = router(&[]);
    (0..2).for_each(|endpoint| router.clusters()[0].set_available(endpoint, false));
    let (exchange, effects) = get(&router, "/echo/");
    assert_eq!(":status: 503", status_of(&exchange, &effects));
    router.clusters()[0].set_available(1, true);
    assert_eq!(1, get(&router, "/echo/").0.upstream().unwrap().endpoint);
}

#[test]
fn a_policy_answers_in_place_of_the_upstream() {
    let (exchange, effects) = get(&router(&[(REQUEST, ANSWER_403)]), "/echo/");
    assert_eq!(":status: 403", status_of(&exchange, &effects));
    assert_eq!(
        (Body::Bytes(b"hello".to_vec()), true),
        (effects.response.body, effects.response.end)
    );
    assert_eq!(
        ":status: 403, content-type: text/plain, content-length: 5",
        answer_of(&exchange).join(", ")
    );
}

#[test]
fn an_exchange_keeps_its_router() {
    let router = router(&[]);
    let (exchange, _) = get(&router, "/echo/");
    let kept = Arc::downgrade(&router);
    drop(router);
    assert!(kept.upgrade().is_some());
    drop(exchange);
    assert!(kept.upgrade().is_none());
}
