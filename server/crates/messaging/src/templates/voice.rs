//! The sentences of a phone call in the languages it can speak (U16).

/// One language's sentences. `{tenant}` in the greeting is replaced by the name.
pub(super) struct Phrases {
    /// The tag of the provider's voice (BCP 47), for the `language` attribute.
    pub(super) language: &'static str,
    /// Who calls, and why.
    pub(super) greeting: &'static str,
    /// Spoken before the digits, the first time and then again.
    pub(super) lead: &'static str,
    /// Spoken before the repetitions.
    pub(super) again: &'static str,
    /// The end.
    pub(super) farewell: &'static str,
}

const ENGLISH: Phrases = Phrases {
    language: "en-US",
    greeting: "Hello. This is {tenant} with your code.",
    lead: "Your code is",
    again: "Again, your code is",
    farewell: "Don't share this code with anybody. Goodbye.",
};

const OTHERS: [Phrases; 3] = [
    Phrases {
        language: "es-ES",
        greeting: "Hola. Le llama {tenant} con su código.",
        lead: "Su código es",
        again: "Repito, su código es",
        farewell: "No comparta este código con nadie. Adiós.",
    },
    Phrases {
        language: "de-DE",
        greeting: "Guten Tag. Hier ist {tenant} mit Ihrem Code.",
        lead: "Ihr Code lautet",
        again: "Noch einmal, Ihr Code lautet",
        farewell: "Geben Sie diesen Code niemandem weiter. Auf Wiederhören.",
    },
    Phrases {
        language: "fr-FR",
        greeting: "Bonjour. Ici {tenant} avec votre code.",
        lead: "Votre code est",
        again: "Je répète, votre code est",
        farewell: "Ne donnez ce code à personne. Au revoir.",
    },
];

/// The sentences for a BCP 47 tag, by its primary subtag. A language without sentences is
/// answered in English with an English voice: a foreign voice reading English is worse.
pub(super) fn phrases(tag: &str) -> &'static Phrases {
    let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or("").to_ascii_lowercase();
    let wanted = primary(tag);
    OTHERS.iter().find(|p| primary(p.language) == wanted).unwrap_or(&ENGLISH)
}
