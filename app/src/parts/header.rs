//! The strip at the top of every page: the mark, the way back, language and light.

use leptos::prelude::*;
use leptos_router::components::A;

use super::icons::{self, Icon, Mark};
use crate::i18n::{Lang, t, use_i18n};
use crate::platform;

/// The strip at the top; `children` stand in its middle.
#[component]
pub fn Header(
    /// What this page is about.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let library = t(|m| m.library);
    view! {
        <a class="skip" href="#main">{t(|m| m.skip)}</a>
        <header class="top">
            <A href="/" attr:class="brand" attr:aria-label=move || format!("Timepin · {}", library())>
                <Mark />
                <span class="brand-name">"Timepin"</span>
            </A>
            <div class="top-middle">{children.map(|children| children())}</div>
            <div class="top-end">
                <A href="/models" attr:class="quiet" attr:data-testid="models-link">{t(|m| m.models)}</A>
                <LanguageSwitch />
                <ThemeSwitch />
            </div>
        </header>
    }
    .into_any()
}

#[component]
fn LanguageSwitch() -> impl IntoView {
    let i18n = use_i18n();
    let switch = move |_| {
        i18n.switch(match i18n.lang_now() {
            Lang::En => Lang::Zh,
            Lang::Zh => Lang::En,
        });
    };
    view! {
        <button class="quiet" type="button" data-testid="lang-switch" aria-label=t(|m| m.switch_language) on:click=switch>
            {t(|m| m.other_language)}
        </button>
    }
    .into_any()
}

#[component]
fn ThemeSwitch() -> impl IntoView {
    let switch = move |_| {
        let theme = if platform::is_dark() { "light" } else { "dark" };
        platform::set_root_attribute("data-theme", theme);
        platform::set_cookie("theme", theme);
    };
    view! {
        <button
            class="quiet square" type="button" data-testid="theme-switch"
            aria-label=t(|m| m.switch_theme) title=t(|m| m.switch_theme) on:click=switch
        >
            <Icon path=icons::CONTRAST />
        </button>
    }
    .into_any()
}
