//! The callbacks that bring the answers of callouts. All of them run in the root context: the SDKs
//! find the stream that asked, and make it the effective one.

use crate::abi::answers::AnswerArguments;
use crate::context::callouts::Ended;
use crate::context::delivery::Delivery;
use crate::instance::Instance;
use crate::types::callout::CalloutAnswer;
use crate::types::error::Error;

impl Instance {
    /// Delivers the response of the callout with the guest's `number`; returns whether the callout has ended.
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
        let (fuel, callback) = (self.fuel(), delivery.callback);
        let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let arguments = AnswerArguments {
            fields: size(delivery.headers.len()),
            body: size(delivery.body.len()),
            trailers: size(delivery.trailers.len()),
            code: delivery.code,
        };
        self.calls().delivery = Some(Box::new(delivery));
        let call = self.exports.answers.with(callback, (root, number), arguments);
        let outcome = self.run(callback.export(), root, fuel, call).map(drop);
        self.calls().delivery = None;
        outcome
    }
}
