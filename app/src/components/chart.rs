//! Bar charts as SVG made by the server, with a summary in words and the figures as a table (O13).

use leptos::prelude::*;

use super::MaybeText;
use super::Plain as _;

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How many.
    pub value: u64,
    /// The list behind it.
    pub href: Option<String>,
}

/// Height of one bar with its gap, in SVG units.
const PITCH: usize = 28;

/// Horizontal bars. The picture is hidden from screen readers: the summary and the table say the
/// same.
#[component]
pub fn BarChart(
    /// What is shown.
    #[prop(into)]
    title: String,
    /// What is to be seen in it, in a sentence.
    #[prop(into)]
    summary: String,
    /// The bars from the top.
    bars: Vec<Bar>,
    /// Head of the table's first column.
    #[prop(optional, into)]
    label_head: MaybeText,
) -> AnyView {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let height = bars.len() * PITCH;
    let drawn = bars.iter().enumerate().map(|(at, bar)| drawn_bar(at, bar, most)).collect_view();
    let rows = bars.into_iter().map(row).collect_view();
    let label_head = label_head.0.unwrap_or_else(|| "What".to_owned());
    view! {
        <figure class="chart">
            <figcaption>
                <span class="chart-title">{title}</span>
                <span class="chart-summary">{summary}</span>
            </figcaption>
            <svg class="chart-bars" width="100%" height=height.to_string() aria-hidden="true" focusable="false">
                {drawn}
            </svg>
            <details class="disclosure">
                <summary>"Show the figures"</summary>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{label_head}</th>
                            <th scope="col" class="numeric">"Count"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </details>
        </figure>
    }
    .plain()
}

/// The label takes the first 40 %, the bar at most 48 %, the figure the rest.
fn drawn_bar(at: usize, bar: &Bar, most: u64) -> AnyView {
    let tenths = bar.value.saturating_mul(480) / most;
    let width = format!("{}.{}%", tenths / 10, tenths % 10);
    let end = format!("{}.{}%", 40 + tenths / 10, tenths % 10);
    let top = at * PITCH;
    let baseline = (top + 17).to_string();
    view! {
        <text class="chart-label" x="0" y=baseline.clone()>{bar.label.clone()}</text>
        <rect class="chart-bar" x="40%" y=(top + 3).to_string() width=width height=(PITCH - 8).to_string() rx="3" />
        <text class="chart-value" x=end y=baseline dx="6">{bar.value.to_string()}</text>
    }
    .plain()
}

fn row(bar: Bar) -> AnyView {
    let label = match bar.href {
        Some(href) => view! { <a href=href>{bar.label}</a> }.plain(),
        None => bar.label.plain(),
    };
    view! {
        <tr>
            <th scope="row">{label}</th>
            <td class="numeric">{bar.value.to_string()}</td>
        </tr>
    }
    .plain()
}
