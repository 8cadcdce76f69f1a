//! The page (Leptos) and the typed server functions.

pub mod extraction;
