//! The sign-ins of the last days: columns as SVG made by the server, a summary in words, and the
//! figures as a table (O13).

use leptos::prelude::*;

use super::{counted, grouped};
use crate::{
    api::clinic::Day,
    components::{Column, DataTable, Disclosure},
};

/// Where the tallest column ends and all begin, in SVG units from the top.
const TOP: u64 = 20;
const BASE: u64 = 128;
/// Height of the whole picture, with the line of dates.
const HEIGHT: u64 = 150;

/// What is to be seen in the chart, in a sentence or two.
pub(super) fn summary(days: &[Day]) -> String {
    let sign_ins: u64 = days.iter().map(|day| day.sign_ins).sum();
    let failures: u64 = days.iter().map(|day| day.failures).sum();
    let wrong = match failures {
        0 => "No wrong passwords.".to_owned(),
        many => format!("{}.", counted(many, "wrong password", "wrong passwords")),
    };
    // Of equal days the latest.
    let busiest = days.iter().max_by_key(|day| day.sign_ins).filter(|day| day.sign_ins > 0);
    match busiest {
        None => format!("No sign-ins in the last {} days. {wrong}", days.len()),
        Some(day) => format!(
            "{} in the last {} days, most on {} ({}). {wrong}",
            counted(sign_ins, "sign-in", "sign-ins"),
            days.len(),
            day.label,
            grouped(day.sign_ins)
        ),
    }
}

/// The chart with its summary and table. The picture is hidden from screen readers: the others
/// say the same.
pub(super) fn chart(days: Vec<Day>) -> AnyView {
    let most = days.iter().map(|day| day.sign_ins.max(day.failures)).max().unwrap_or(0);
    let drawn = days.iter().enumerate().map(|(at, day)| columns(at, days.len(), day, most.max(1))).collect_view();
    let dates = dates(&days);
    let said = summary(&days);
    let rows = days
        .into_iter()
        .rev()
        .map(|day| vec![day.label.into_any(), day.sign_ins.to_string().into_any(), day.failures.to_string().into_any()])
        .collect();
    let heads = vec![
        Column::plain("Day (UTC)"),
        Column::plain("Sign-ins").numeric(),
        Column::plain("Wrong passwords").numeric(),
    ];
    view! {
        <figure class="chart">
            <figcaption>
                <span class="chart-title">"Sign-ins"</span>
                <span class="chart-summary">{said}</span>
            </figcaption>
            <svg class="columns" width="100%" height=HEIGHT.to_string() aria-hidden="true" focusable="false">
                <line class="columns-line" x1="0" x2="100%" y1=TOP.to_string() y2=TOP.to_string() />
                <text class="columns-label" x="0" y=(TOP - 6).to_string()>{most.to_string()}</text>
                <line class="columns-base" x1="0" x2="100%" y1=BASE.to_string() y2=BASE.to_string() />
                {drawn}
                {dates}
            </svg>
            <p class="legend" aria-hidden="true">
                <svg width="12" height="12" focusable="false"><rect class="columns-good" width="12" height="12" rx="2" /></svg>
                "Sign-ins"
                <svg width="12" height="12" focusable="false"><rect class="columns-bad" width="12" height="12" rx="2" /></svg>
                "Wrong passwords"
            </p>
            <Disclosure summary="Show the figures">
                <DataTable caption="Sign-ins by day" columns=heads rows=rows />
            </Disclosure>
        </figure>
    }
    .into_any()
}

/// A length or place in tenths of a percent, as SVG takes it.
fn percent(tenths: usize) -> String {
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// A day's two columns: sign-ins, and beside it the narrower one of wrong passwords.
fn columns(at: usize, of: usize, day: &Day, most: u64) -> AnyView {
    let pitch = 1000 / of.max(1);
    let left = at * 1000 / of.max(1);
    let column = |value: u64, from: usize, width: usize, class: &'static str| {
        // What happened at all is seen, were it a thousandth of the tallest.
        let height = (value.saturating_mul(BASE - TOP) / most).max(u64::from(value > 0) * 2);
        (height > 0).then(|| {
            view! {
                <rect
                    class=class
                    x=percent(left + pitch * from / 100)
                    y=(BASE - height).to_string()
                    width=percent(pitch * width / 100)
                    height=height.to_string()
                    rx="2"
                />
            }
        })
    };
    view! {
        {column(day.sign_ins, 12, 46, "columns-good")}
        {column(day.failures, 62, 22, "columns-bad")}
    }
    .into_any()
}

/// The first, the middle and the last date: more do not fit on a phone.
fn dates(days: &[Day]) -> AnyView {
    let last = days.len().saturating_sub(1);
    let places = [(0, "0", "start"), (days.len() / 2, "50%", "start"), (last, "100%", "end")];
    places
        .into_iter()
        .filter_map(|(at, x, anchor)| Some((days.get(at)?.label.clone(), x, anchor)))
        .map(|(label, x, anchor)| {
            view! { <text class="columns-label" x=x y=(HEIGHT - 4).to_string() text-anchor=anchor>{label}</text> }
        })
        .collect_view()
        .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(label: &str, sign_ins: u64, failures: u64) -> Day {
        Day { label: label.into(), sign_ins, failures }
    }

    #[test]
    fn o13_the_chart_says_in_words_what_it_draws() {
        let days = [day("1 Jul", 3, 0), day("2 Jul", 1_200, 1), day("3 Jul", 0, 0)];
        assert_eq!(summary(&days), "1,203 sign-ins in the last 3 days, most on 2 Jul (1,200). 1 wrong password.");
        assert_eq!(summary(&[day("1 Jul", 0, 0)]), "No sign-ins in the last 1 days. No wrong passwords.");
    }

    #[test]
    fn o13_columns_stay_within_the_picture_and_small_counts_are_seen() {
        let days = [day("1 Jul", 1_000_000_000, 1), day("2 Jul", 0, 500_000_000)];
        let html = chart(days.to_vec()).to_html();
        let attribute = |part: &str, name: &str| {
            let from = part.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
            part[from..].split('"').next().unwrap().parse::<u64>().unwrap()
        };
        let drawn: Vec<_> = html.split("<rect").skip(1).filter(|part| part.contains(" y=")).collect();
        let heights: Vec<_> = drawn.iter().map(|part| attribute(part, "height")).collect();
        assert_eq!(heights, [BASE - TOP, 2, (BASE - TOP) / 2], "{html}");
        assert!(drawn.iter().all(|part| attribute(part, "y") >= TOP), "{html}");
    }
}
