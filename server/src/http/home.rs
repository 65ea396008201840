//! (being written)

/// The landing page.
pub async fn show() -> &'static str {
    "Lanyard\n"
}
