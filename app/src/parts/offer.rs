//! What the browser cannot decode is offered to the server: how much would be sent, and what becomes of it.

use leptos::prelude::*;
use timeline::models::show_bytes;

use super::trouble::TroubleText;
use crate::i18n::{fill, t, use_i18n};
use crate::state::ingests::{Ingests, Offer};

/// The offer, while there is one.
#[component]
pub fn ServerOffer() -> impl IntoView {
    let ingests = Ingests::expect();
    let i18n = use_i18n();
    move || {
        let Offer { file, why, keeps_files } = ingests.offer.get()?;
        let size = show_bytes(file.size() as u64);
        let note = t(if keeps_files { |m| m.offer_kept } else { |m| m.offer_deleted });
        Some(view! {
            <section class="offer" data-testid="offer" aria-label=t(|m| m.offer_title)>
                <TroubleText trouble=why />
                <p class="fine">{note}</p>
                <div class="row">
                    <button class="button primary" type="button" data-testid="offer-accept" on:click=move |_| ingests.accept_offer()>
                        {move || fill(i18n.say().offer_accept, &[&size])}
                    </button>
                    <button class="button" type="button" data-testid="offer-refuse" on:click=move |_| ingests.offer.set(None)>
                        {t(|m| m.offer_refuse)}
                    </button>
                </div>
            </section>
        })
    }
}
