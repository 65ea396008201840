//! What a transition works with: the facts, the tools, what it wants done, and the proofs of the
//! journey that outlive their stage.

use super::{
    CodeProof, CodePurpose, Effect, Facts, Header, Next, Refusal, Stage, Tools,
    code::{self, Checked},
};
use crate::{
    assurance::{Demand, Method},
    clock::Timestamp,
    passkey::Ceremony,
    phone::PhoneNumber,
};

/// Destinations to which one journey may ask for codes: nobody needs many, and it keeps a journey
/// from being used to send mail to the world.
const MAX_DESTINATIONS: usize = 10;

/// Everything a transition works with.
pub(crate) struct Context<'a, 'b> {
    pub(super) header: &'a Header,
    pub(super) facts: &'a Facts,
    pub(super) tools: &'a mut Tools<'b>,
    pub(super) demand: Demand,
    pub(super) effects: Vec<Effect>,
    pub(super) spent: &'a mut Vec<code::Mac>,
    pub(super) aside: &'a mut Vec<CodeProof>,
    /// The ceremony that an authenticator may answer; whoever answers takes it.
    pub(super) ceremony: Option<Ceremony>,
}

/// Whether a code goes out when a code page is entered.
pub(super) enum Send {
    /// A new one.
    Now,
    /// None: the last one is on its way since a few seconds, and it lives.
    Underway,
}

impl Context<'_, '_> {
    pub(super) const fn now(&self) -> Timestamp {
        self.facts.now
    }

    pub(super) fn tell(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Until when no text or call goes out, whoever it is for (A14).
    pub(super) fn barred(&self) -> Option<Timestamp> {
        self.facts.phone_barred_until.filter(|until| *until > self.now())
    }

    /// Whether texts and calls go to numbers of this country at all (A14).
    ///
    /// # Errors
    /// [`Refusal::PhoneUnserved`].
    pub(super) fn serves(&self, number: &PhoneNumber) -> Checked {
        if self.facts.phones_unserved.contains(number) { Err(Refusal::PhoneUnserved) } else { Ok(()) }
    }

    /// Whether a text or call may go out to `number` for `proof` now.
    ///
    /// # Errors
    /// Locked, too soon, or too many to this number, from this network or in this tenant; a country
    /// that is not served.
    pub(super) fn may_send_phone(&self, number: &PhoneNumber, proof: &mut CodeProof, method: Method) -> Checked {
        self.serves(number)?;
        proof.may_resend(self.now(), &self.facts.phone_sends, Some(method))?;
        self.barred().map_or(Ok(()), |from| Err(Refusal::TooManySends { from }))
    }

    /// Keeps a proof for when its destination is asked for again.
    pub(super) fn set_aside(&mut self, proof: CodeProof) {
        if !proof.is_untouched() {
            self.aside.push(proof);
        }
    }

    /// From `stage` to `to`, and what was proved or tried at `stage` is kept.
    pub(super) fn leave(&mut self, stage: Stage, to: Stage) -> Stage {
        if let Some(proof) = stage.into_proof() {
            self.set_aside(proof);
        }
        to
    }

    /// From `stage` to where `next` leads, or nowhere if it was refused.
    pub(super) fn go(&mut self, stage: Stage, next: Checked<Stage>) -> Next {
        match next {
            Ok(to) => Ok(self.leave(stage, to)),
            Err(refusal) => Err((stage, refusal)),
        }
    }

    /// The proof for a destination: the one that was set aside, or a new one. Wrong tries, locks
    /// and living codes are not shed by going back and forth (N11).
    pub(super) fn proof(&mut self, purpose: CodePurpose, destination: &str) -> CodeProof {
        match self.aside.iter().position(|proof| proof.is_for(purpose, destination)) {
            Some(at) => self.aside.swap_remove(at),
            None => CodeProof::new(purpose, destination.to_owned()),
        }
    }

    /// The proof for a destination that a person typed, and whether a code may go there.
    ///
    /// # Errors
    /// Locked, too many sends, or too many destinations; the proof is kept.
    pub(super) fn enter(
        &mut self,
        purpose: CodePurpose,
        destination: &str,
        history: &[Timestamp],
        by: Option<Method>,
    ) -> Checked<(CodeProof, Send)> {
        let mut proof = self.proof(purpose, destination);
        if proof.is_untouched() && self.aside.len() >= MAX_DESTINATIONS {
            return Err(Refusal::TooManySends { from: self.header.expires_at });
        }
        match proof.may_resend(self.now(), history, by) {
            Ok(()) => Ok((proof, Send::Now)),
            Err(Refusal::ResendTooSoon { .. }) => Ok((proof, Send::Underway)),
            Err(refusal) => {
                self.set_aside(proof);
                Err(refusal)
            }
        }
    }
}
