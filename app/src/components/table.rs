//! Tables with sortable headers as plain links (O7).

use leptos::prelude::*;

use super::Plain as _;

/// Which way a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Not by this column.
    None,
    /// From the lowest.
    Ascending,
    /// From the highest.
    Descending,
}

impl Sort {
    const fn aria(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

/// The head of a column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its label.
    pub label: String,
    /// Where a press on the label leads (the same list sorted by this column), and how the list
    /// is sorted by it now; `None` where it cannot be sorted.
    pub sort: Option<(String, Sort)>,
    /// Figures, aligned at the end.
    pub numeric: bool,
}

impl Column {
    /// A column that cannot be sorted.
    #[must_use]
    pub fn plain(label: impl Into<String>) -> Self {
        Self { label: label.into(), sort: None, numeric: false }
    }

    /// A column whose label sorts.
    #[must_use]
    pub fn sortable(label: impl Into<String>, href: impl Into<String>, now: Sort) -> Self {
        Self { label: label.into(), sort: Some((href.into(), now)), numeric: false }
    }

    /// The same with figures in it.
    #[must_use]
    pub fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }
}

/// A table whose rows become cards on narrow screens: each cell then stands on a line of its own
/// behind its column's label. The heads of columns that sort stay in sight, in a line above the cards.
/// The first cell of a row is its header.
#[component]
pub fn DataTable(
    /// What it shows, for screen readers.
    #[prop(into)]
    caption: String,
    /// The heads.
    columns: Vec<Column>,
    /// The rows, each as long as `columns`.
    rows: Vec<Vec<AnyView>>,
) -> AnyView {
    let numeric: Vec<bool> = columns.iter().map(|column| column.numeric).collect();
    let sorts = columns.iter().any(|column| column.sort.is_some());
    let labels: Vec<String> = columns.iter().map(|column| column.label.clone()).collect();
    let heads = columns.into_iter().map(head).collect_view();
    let rows = rows
        .into_iter()
        .map(|cells| {
            let cells = cells
                .into_iter()
                .enumerate()
                .map(|(at, cell)| {
                    let class = numeric.get(at).copied().unwrap_or_default().then_some("numeric");
                    if at == 0 {
                        view! { <th scope="row" role="rowheader" class=class>{cell}</th> }.plain()
                    } else {
                        let label = labels.get(at).cloned().unwrap_or_default();
                        view! { <td role="cell" class=class data-label=label>{cell}</td> }.plain()
                    }
                })
                .collect_view();
            view! { <tr role="row">{cells}</tr> }
        })
        .collect_view();
    let name = caption.clone();
    view! {
        <div class=if sorts { "table-scroll table-stack table-sorts" } else { "table-scroll table-stack" } tabindex="0" role="region" aria-label=name>
            // The roles are said, because a row that is drawn as a card is no table's row any more.
            <table class="table" role="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">{heads}</tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
    .plain()
}

fn head(column: Column) -> AnyView {
    let class = column.numeric.then_some("numeric");
    match column.sort {
        None => view! { <th scope="col" role="columnheader" class=class>{column.label}</th> }.plain(),
        Some((href, now)) => {
            let arrow = match now {
                Sort::None => "↕",
                Sort::Ascending => "↑",
                Sort::Descending => "↓",
            };
            view! {
                <th scope="col" role="columnheader" class=class aria-sort=now.aria()>
                    <a class="sort" href=href>
                        {column.label}
                        <span class="sort-arrow" aria-hidden="true">{arrow}</span>
                    </a>
                </th>
            }
            .plain()
        }
    }
}
