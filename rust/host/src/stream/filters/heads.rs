//! Checks of heads that policies changed, before they are forwarded: they must be valid heads of HTTP.

use crate::abi::enums::Direction;
use crate::types::fields::{Role, is_authority, is_origin_form, is_token, role};
use crate::types::headers::HeaderMap;

/// True for a request's head that can be written: a method (RFC 9110 §9.1), a target in origin-form
/// or `*` (RFC 9112 §3.2), and an authority that is one, or empty. What a client sent is for the layer
/// above to judge, which may also ask for more.
pub(super) fn is_request(head: &HeaderMap) -> bool {
    let (Some(method), Some(_)) = (head.get(b":method"), head.get(b":path")) else { return false };
    head.iter_unmarked().all(|(name, value)| match name {
        b":method" => is_token(value),
        b":path" if value == b"*" => method == b"OPTIONS",
        b":path" => is_origin_form(value),
        b":authority" => value.is_empty() || is_authority(value),
        _ => true,
    })
}

/// True for a response's head with a final status that clients understand, or with the 101 that it
/// came with: the layer above has asked for another protocol then, and marked the head.
pub(super) fn is_response(head: &HeaderMap) -> bool {
    match head.get(b":status").unwrap_or_default() {
        b"101" => head.iter_marked().any(|(name, _, as_it_came)| name == b":status" && as_it_came),
        [b'2'..=b'5', tens, ones] => tens.is_ascii_digit() && ones.is_ascii_digit(),
        _ => false,
    }
}

/// Takes out what policies wrote about the connection and the framing of a message, which the writer
/// of the message says (RFC 9110 §7.6.1, RFC 9112 §6). What came with the message stays.
pub(super) fn mend(head: &mut HeaderMap, direction: Direction) {
    let digits =
        |value: &[u8]| (1..20).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let one_number = |head: &HeaderMap| {
        let mut lengths = head.get_all(b"content-length");
        lengths.next().is_some_and(digits) && lengths.next().is_none()
    };
    let stays = |head: &HeaderMap, name: &[u8]| match role(name) {
        Role::ContentLength => one_number(head),
        Role::TransferEncoding => false,
        Role::Connection | Role::ConnectionSpecific | Role::Te => direction == Direction::Request,
        _ => true,
    };
    // Most policies write nothing of the kind: then nothing is copied.
    if !head.iter_unmarked().all(|(name, _)| stays(head, name)) {
        let fields = head.iter_marked();
        let kept = fields.filter(|(name, _, as_it_came)| *as_it_came || stays(head, name));
        *head = kept.map(|(name, value, _)| (name, value)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, authority: &str) -> bool {
        let fields = [(":method", method), (":path", path), (":authority", authority)];
        is_request(&fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect())
    }

    #[test]
    fn a_request_has_a_method_a_target_and_maybe_an_authority() {
        assert!(request("GET", "/a?b", "a.example:80"));
        assert!(request("OPTIONS", "*", ""));
        for (method, path, authority) in [
            ("", "/", "a"),
            ("GET /x", "/", "a"),
            ("GET,PUT", "/", "a"),
            ("GET", "", "a"),
            ("GET", "x", "a"),
            ("GET", "*", "a"),
            ("GET", "http://a/", "a"),
            ("GET", "/a b", "a"),
            ("GET", "/a#b", "a"),
            ("GET", "/", "a/b"),
            ("GET", "/", "user@a"),
            ("GET", "/", "a b"),
        ] {
            assert!(!request(method, path, authority), "{method:?} {path:?} {authority:?}");
        }
        assert!(!is_request(&HeaderMap::new()));
    }

    #[test]
    fn what_a_client_sent_is_not_judged() {
        let fields: [(&[u8], &[u8]); 3] =
            [(b":method", b"GET"), (b":path", b""), (b":authority", b"a b")];
        let mut head: HeaderMap = fields.into_iter().collect();
        head.mark();
        head.push(b"x", b"y");
        assert!(is_request(&head));
        head.set(b":path", b"");
        assert!(!is_request(&head));
    }

    #[test]
    fn what_policies_write_about_the_connection_is_taken_out() {
        let mut head: HeaderMap =
            [(&b"connection"[..], &b"close"[..]), (b"content-length", b"6")].into_iter().collect();
        head.mark();
        for (name, value) in [
            (&b"transfer-encoding"[..], &b"gzip"[..]),
            (b"upgrade", b"h2c"),
            (b"content-length", b"7"),
            (b"x", b"y"),
        ] {
            head.push(name, value);
        }
        let names =
            |head: &HeaderMap| head.iter().map(|(_, value)| value.to_vec()).collect::<Vec<_>>();
        let mut request = head.clone();
        mend(&mut request, Direction::Request);
        assert_eq!(names(&request), [&b"close"[..], b"6", b"h2c", b"y"]);
        mend(&mut head, Direction::Response);
        assert_eq!(names(&head), [&b"close"[..], b"6", b"y"]);
    }

    #[test]
    fn a_length_of_a_policy_is_one_number() {
        for (value, kept) in
            [("5", true), ("", false), ("abc", false), ("-1", false), ("3, 3", false)]
        {
            let mut head: HeaderMap =
                [(&b"content-length"[..], value.as_bytes())].into_iter().collect();
            mend(&mut head, Direction::Response);
            assert_eq!(kept, head.len() == 1, "{value:?}");
        }
    }

    #[test]
    fn a_status_has_three_digits_and_ends_the_exchange() {
        let response = |status: &str| {
            is_response(&[(&b":status"[..], status.as_bytes())].into_iter().collect())
        };
        assert!(["200", "204", "304", "599"].into_iter().all(response));
        let others = ["", "20", "2000", "abc", "+204", "100", "101", "199", "600", "200,404"];
        assert!(!others.into_iter().any(response));
        assert!(!is_response(&HeaderMap::new()));
    }

    #[test]
    fn another_protocol_is_not_a_policys_to_begin() {
        let mut head: HeaderMap = [(&b":status"[..], &b"101"[..])].into_iter().collect();
        assert!(!is_response(&head));
        head.mark();
        head.push(b"x", b"y");
        assert!(is_response(&head));
        head.set(b":status", b"102");
        assert!(!is_response(&head));
    }
}
