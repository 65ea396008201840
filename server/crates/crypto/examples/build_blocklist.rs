//! Makes `data/common-passwords.bin` from lists of passwords, one a line; see `data/README.md`.
//!
//! `build_blocklist OUTPUT TOP OTHERS...`: `TOP` is ordered by frequency. All of `OTHERS`, the
//! first 100,000 of `TOP` and everything of 15 characters or more go in; then what has 8 or more,
//! in order of frequency, until the list is full.

use std::{collections::BTreeSet, error::Error, fs};

use lanyard_crypto::blocklist::fingerprint;
use lanyard_domain::password::{MIN_SINGLE_FACTOR, MIN_WITH_MFA};

const FULL: usize = 240_000;
const ALWAYS: usize = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [output, top, others @ ..] = &args[..] else {
        return Err("usage: build_blocklist OUTPUT TOP OTHERS...".into());
    };
    let top = fs::read_to_string(top)?;
    let others = others.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?.join("\n");
    let length = |line: &str| line.chars().count();

    let always = top.lines().take(ALWAYS);
    let long = top.lines().filter(|line| length(line) >= MIN_SINGLE_FACTOR);
    let possible = top.lines().filter(|line| length(line) >= MIN_WITH_MFA);
    let mut list = BTreeSet::new();
    for line in others.lines().chain(always).chain(long).chain(possible) {
        if list.len() >= FULL {
            break;
        }
        if !line.is_empty() {
            list.insert(fingerprint(&line.to_lowercase()));
        }
    }
    fs::write(output, list.iter().flatten().copied().collect::<Vec<u8>>())?;
    println!("{}: {} entries", output, list.len());
    Ok(())
}
