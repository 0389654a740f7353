//! HTTP streams: what a policy asks of its stream. All of it happens after the callback returned.

use crate::abi::{Direction, Status};
use crate::effects::LocalResponse;
use crate::filter_chain::grpc;
use crate::guest::{Answer, Fault, Guest};
use crate::headers::is_field;
use crate::instances::outbox;
use crate::stream_state::{self, Asked};
use crate::{HeaderMap, LogLevel, pairs};

/// Bytes of the details of a local response that are kept.
const DETAILS: usize = 1024;

/// What a field costs that is left out, with the line that says so.
const LEFT_OUT_UNITS: u64 = 256;

/// `proxy_continue_stream`.
pub(super) fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Answer {
    match stream {
        0 => resume(guest, Direction::Request),
        1 => resume(guest, Direction::Response),
        2 | 3 => Ok(()),
        _ => Err(Status::BadArgument.into()),
    }
}

pub(super) fn resume(guest: &mut Guest<'_>, direction: Direction) -> Answer {
    ask(guest, Asked::Continue(direction));
    Ok(())
}

/// `proxy_close_stream`: the client's connection is cut.
pub(super) fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Answer {
    if stream > 3 {
        return Err(Status::BadArgument.into());
    }
    ask(guest, Asked::Reset);
    Ok(())
}

/// `proxy_send_local_response`. Fields that would break the response are left out with a warning,
/// because the guest's SDK cannot bear a refusal here; a body that is too long becomes a 500.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn send_local_response(
    guest: &mut Guest<'_>,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc_status: i32,
) -> Answer {
    let details = guest.read_some(details, details_size, DETAILS)?;
    guest.check(body, body_size)?;
    let fits = body_size as usize <= guest.env.core.spec.limits.body;
    let body = guest.read(body, if fits { body_size } else { 0 })?;
    let given = response_fields(guest, headers, headers_size)?;
    let mut headers = HeaderMap::with_capacity(given.len() + 1, given.byte_len() + 16);
    for (name, value) in given.iter() {
        if is_field(name, value) {
            headers.push(name, value);
        } else {
            guest.charge(LEFT_OUT_UNITS)?;
            let text = format!("left out of its response: `{}`", name.escape_ascii());
            guest.env.log(LogLevel::Warn, text);
        }
    }
    if grpc_status >= 0 && answers_a_grpc_call(guest) {
        headers.push(b"grpc-status", grpc_status.to_string().as_bytes());
    }
    // As Envoy does: a browser would guess otherwise.
    if !body.is_empty() && headers.get(b"content-type").is_none() {
        headers.push(b"content-type", b"text/plain");
    }
    let details = String::from_utf8_lossy(&details);
    if !details.is_empty() {
        guest.env.log(LogLevel::Debug, format!("answered {status}: {details}"));
    }
    let status = u16::try_from(status).ok().filter(|status| (200..=599).contains(status));
    let details = details.replace(char::is_whitespace, "_").into();
    let response = if fits {
        LocalResponse { status: status.unwrap_or(500), headers, body, details }
    } else {
        let text = "answered 500 in place of its response: its limit `body` allows no more bytes";
        guest.env.log(LogLevel::Error, text.into());
        LocalResponse { status: 500, details, ..LocalResponse::default() }
    };
    ask(guest, Asked::Respond(response));
    Ok(())
}

fn answers_a_grpc_call(guest: &Guest<'_>) -> bool {
    let stream = guest.env.stream();
    let called = |key| stream_state::with(key, |state| grpc::is_call(state.request_headers()));
    stream.and_then(|(key, _)| called(key)).unwrap_or(false)
}

fn response_fields(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<HeaderMap, Fault> {
    guest.check(at, size)?;
    if size as usize > guest.env.core.spec.limits.pairs() {
        let text = "left the fields out of its response: its limits `headers` and `header_bytes` \
                    allow no more";
        guest.env.log(LogLevel::Warn, text.into());
        return Ok(HeaderMap::new());
    }
    let serialized = guest.read(at, size)?;
    // Each byte is looked at.
    guest.charge(serialized.len() as u64)?;
    Ok(pairs::decode(&serialized).unwrap_or_default())
}

/// `proxy_inject_encoded_data_to_filter_chain` of Higress.
pub(super) fn inject(guest: &mut Guest<'_>, body: u32, size: u32, end: u32) -> Answer {
    guest.check(body, size)?;
    if size as usize > guest.env.core.spec.limits.body {
        return Err(cannot_send_on(guest));
    }
    let data = guest.read(body, size)?;
    send_on(guest, data, end != 0)
}

/// Body bytes of the response for the policies after this one, with the headers before them if those
/// wait here. With `end` the response is whole, and what the upstream still sends of it goes no
/// further.
pub(crate) fn send_on(guest: &mut Guest<'_>, data: Vec<u8>, end: bool) -> Answer {
    let limit = guest.env.core.spec.limits.body;
    let (key, position) = guest.env.stream().ok_or(Status::BadArgument)?;
    let noted = stream_state::with(key, |state| state.inject(position, data, end, limit));
    if noted != Some(true) {
        return Err(cannot_send_on(guest));
    }
    outbox(|out| out.wake.push(key));
    Ok(())
}

fn cannot_send_on(guest: &mut Guest<'_>) -> Fault {
    let text = "could not send on a part of a response: it has not come, its end has gone on, or \
                its limit `body` allows no more";
    guest.refuse(Status::BadArgument, text)
}

/// Notes what is asked; what is asked already is not asked twice.
fn ask(guest: &mut Guest<'_>, asked: Asked) {
    let Some((key, position)) = guest.env.stream() else {
        guest.env.log(LogLevel::Warn, "asked something of a stream outside of any stream".into());
        return;
    };
    let noted = stream_state::with(key, |state| {
        let known =
            state.asked.iter().any(|(who, known)| *who == position && known.is_like(&asked));
        if !known {
            state.asked.push((position, asked));
        }
        !known
    });
    if noted == Some(true) {
        outbox(|out| out.wake.push(key));
    }
}
