//! The pages: one file each.

pub mod library;
pub mod models;
pub mod not_found;
pub mod workbench;

pub use library::Library;
pub use models::Models;
pub use not_found::NotFound;
pub use workbench::Workbench;

/// Says the page's HTTP status, where there is a response to say it in.
fn set_status(code: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) =
        (leptos::prelude::use_context::<leptos_axum::ResponseOptions>(), axum::http::StatusCode::from_u16(code))
    {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _the_browser_has_no_response = code;
}
