//! The callbacks that bring the answers of callouts. All of them run in the root context: the SDKs
//! find the stream that asked, and make it the effective one.

use crate::context::callouts::Ended;
use crate::context::delivery::{Delivery, Told};
use crate::guest::exports::Exports;
use crate::instance::Instance;
use crate::types::callout::CalloutAnswer;
use crate::types::error::Error;

impl Instance {
    /// Tells the guest the answer of the callout that it knows by `number`; whether that is over.
    pub(crate) fn deliver(&mut self, number: u32, answer: CalloutAnswer) -> Result<bool, Error> {
        let accepted = self.calls().accept(number, answer);
        let Some((root, delivery, over)) = accepted else { return Ok(false) };
        self.tell(root, number, delivery)?;
        Ok(over)
    }

    /// Tells the guest that a callout was cancelled, for its SDK to forget it.
    pub(super) fn tell_cancelled(&mut self, ended: Ended) -> Result<(), Error> {
        match self.calls().told(ended) {
            Some(delivery) => self.tell(ended.root, ended.number, delivery),
            None => Ok(()),
        }
    }

    fn tell(&mut self, root: u32, number: u32, delivery: Delivery) -> Result<(), Error> {
        let fuel = self.fuel();
        let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (told, code) = (delivery.told, delivery.code);
        let (fields, body) = (size(delivery.headers.len()), size(delivery.body.len()));
        let trailers = size(delivery.trailers.len());
        self.calls().delivery = Some(Box::new(delivery));
        let outcome = self.run(name(told), root, fuel, |exports: &Exports, store| {
            let (callback, last) = match told {
                Told::Http => {
                    let callback = exports.http_call_response.as_ref();
                    return callback
                        .map_or(Ok(()), |f| f.call(store, root, number, fields, body, trailers));
                }
                Told::Redis => {
                    let callback = exports.redis_response.as_ref();
                    return callback.map_or(Ok(()), |f| f.call(store, root, number, code, body));
                }
                Told::GrpcMetadata => (&exports.grpc_metadata, fields),
                Told::GrpcMessage => (&exports.grpc_message, body),
                Told::GrpcTrailers => (&exports.grpc_trailers, fields),
                Told::GrpcClose => (&exports.grpc_close, code),
                Told::Foreign => (&exports.foreign_function, body),
            };
            callback.as_ref().map_or(Ok(()), |f| f.call(store, root, number, last))
        });
        self.calls().delivery = None;
        outcome
    }
}

fn name(told: Told) -> &'static str {
    match told {
        Told::Http => "proxy_on_http_call_response",
        Told::GrpcMetadata => "proxy_on_grpc_receive_initial_metadata",
        Told::GrpcMessage => "proxy_on_grpc_receive",
        Told::GrpcTrailers => "proxy_on_grpc_receive_trailing_metadata",
        Told::GrpcClose => "proxy_on_grpc_close",
        Told::Redis => "proxy_on_redis_call_response",
        Told::Foreign => "proxy_on_foreign_function",
    }
}
