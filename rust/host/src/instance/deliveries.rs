//! The callbacks that bring the answers of callouts. All of them run in the root context: the SDKs
//! find the stream that asked, and make it the effective one.

use crate::context::callouts::Ended;
use crate::context::delivery::{AnswerCallback, Delivery};
use crate::instance::Instance;
use crate::types::callout::CalloutAnswer;
use crate::types::error::Error;
use crate::wasm::border::call::GuestFunction;

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
        match self.calls().cancelled(ended) {
            Some(delivery) => self.tell(ended.root, ended.number, delivery),
            None => Ok(()),
        }
    }

    fn tell(&mut self, root: u32, number: u32, delivery: Delivery) -> Result<(), Error> {
        let fuel = self.fuel();
        let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (callback, code) = (delivery.callback, delivery.code);
        let (fields, body) = (size(delivery.headers.len()), size(delivery.body.len()));
        let trailers = size(delivery.trailers.len());
        self.calls().delivery = Some(Box::new(delivery));
        let exports = &self.exports;
        let three = |function: Option<GuestFunction<3, 0>>, last| {
            function.map(|function| function.with([root, number, last]))
        };
        let call = match callback {
            AnswerCallback::Http => {
                exports.http_call_response.map(|f| f.with([root, number, fields, body, trailers]))
            }
            AnswerCallback::Redis => {
                exports.redis_response.map(|f| f.with([root, number, code, body]))
            }
            AnswerCallback::GrpcMetadata => three(exports.grpc_metadata, fields),
            AnswerCallback::GrpcMessage => three(exports.grpc_message, body),
            AnswerCallback::GrpcTrailers => three(exports.grpc_trailers, fields),
            AnswerCallback::GrpcClose => three(exports.grpc_close, code),
            AnswerCallback::Foreign => three(exports.foreign_function, body),
        };
        let outcome = self.run(name(callback), root, fuel, call).map(drop);
        self.calls().delivery = None;
        outcome
    }
}

fn name(callback: AnswerCallback) -> &'static str {
    match callback {
        AnswerCallback::Http => "proxy_on_http_call_response",
        AnswerCallback::GrpcMetadata => "proxy_on_grpc_receive_initial_metadata",
        AnswerCallback::GrpcMessage => "proxy_on_grpc_receive",
        AnswerCallback::GrpcTrailers => "proxy_on_grpc_receive_trailing_metadata",
        AnswerCallback::GrpcClose => "proxy_on_grpc_close",
        AnswerCallback::Redis => "proxy_on_redis_call_response",
        AnswerCallback::Foreign => "proxy_on_foreign_function",
    }
}
