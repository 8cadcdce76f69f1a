//! The browser's own abilities, in one place. Call these in event handlers and effects only: the server has none.

use futures::channel::oneshot;
use leptos::prelude::{document, set_timeout, window};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, Element, File, FileList, HtmlDocument, ResizeObserver};

use crate::i18n::{COOKIE, Lang};

/// Keeps a choice for a year.
pub fn set_cookie(name: &str, value: &str) {
    if let Ok(document) = document().dyn_into::<HtmlDocument>() {
        // A browser that refuses cookies forgets the choice; nothing else depends on it.
        let _refused = document.set_cookie(&format!("{name}={value}; path=/; max-age=31536000; samesite=lax"));
    }
}

/// A cookie of this page.
pub fn cookie(name: &str) -> Option<String> {
    let all = document().dyn_into::<HtmlDocument>().ok()?.cookie().ok()?;
    let mut pairs = all.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Sets an attribute of `<html>`.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _invalid_name = root.set_attribute(name, value);
    }
}

/// An attribute of `<html>`.
pub fn root_attribute(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// The language the page starts with: what the server wrote, or for a static page the cookie and the browser's own.
pub fn initial_lang() -> Lang {
    let written = if cfg!(feature = "csr") { cookie(COOKIE) } else { root_attribute("lang") };
    let own = || window().navigator().language().as_deref().and_then(Lang::from_tag);
    written.as_deref().and_then(Lang::from_tag).or_else(own).unwrap_or_default()
}

/// Whether the page looks dark now: the switch, else the system.
pub fn is_dark() -> bool {
    match root_attribute("data-theme").as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|query| query.matches()),
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Waits without blocking.
pub async fn sleep(milliseconds: u32) {
    let (done, wait) = oneshot::channel::<()>();
    let _no_timer = set_timeout(move || drop(done), std::time::Duration::from_millis(u64::from(milliseconds)));
    // Woken by the sender being dropped: the error *is* the signal.
    let _dropped = wait.await;
}

/// An address under which this page's `<video>` plays a local file.
pub fn object_url(file: &File) -> Option<String> {
    web_sys::Url::create_object_url_with_blob(file).ok()
}

/// Gives an address of [`object_url`] back.
pub fn revoke_object_url(url: &str) {
    let _unknown = web_sys::Url::revoke_object_url(url);
}

/// Files of a drop or a paste.
pub fn transferred(data: Option<DataTransfer>) -> Vec<File> {
    data.and_then(|data| data.files()).map(listed).unwrap_or_default()
}

/// A list of files as a vector.
pub fn listed(files: FileList) -> Vec<File> {
    (0..files.length()).filter_map(|i| files.get(i)).collect()
}

/// All bytes of a file; nothing when it can no longer be read.
pub async fn bytes(file: &File) -> Option<Vec<u8>> {
    let buffer = JsFuture::from(file.array_buffer()).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// Bytes `[from, to)` of a file; nothing when it can no longer be read.
pub async fn slice(file: &File, from: u64, to: u64) -> Option<Vec<u8>> {
    let part = file.slice_with_f64_and_f64(from as f64, to as f64).ok()?;
    let buffer = JsFuture::from(part.array_buffer()).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// The bundled clip, as if it had been dropped.
pub async fn sample() -> Result<File, JsValue> {
    let response: web_sys::Response = JsFuture::from(window().fetch_with_str("/sample.mp4")).await?.dyn_into()?;
    if !response.ok() {
        return Err(JsValue::from_f64(f64::from(response.status())));
    }
    let blob = JsFuture::from(response.blob()?).await?;
    let options = web_sys::FilePropertyBag::new();
    options.set_type("video/mp4");
    File::new_with_blob_sequence_and_options(&js_sys::Array::of1(&blob), "sample.mp4", &options)
}

/// Puts text on the clipboard; false where the browser refuses (insecure pages have none).
pub async fn copy(text: &str) -> bool {
    let navigator: JsValue = window().navigator().into();
    if js_sys::Reflect::get(&navigator, &"clipboard".into()).map_or(true, |clipboard| clipboard.is_undefined()) {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// Whether the user asked for less motion.
pub fn prefers_still() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// Pixels as a float, whichever number web-sys gives: with its unstable interfaces (WebCodecs needs them) some integers
/// become floats.
pub fn pixels(value: impl Into<f64>) -> f64 {
    value.into()
}

/// Calls back before the next paint. A page that is not shown paints nothing and is not called.
pub fn next_frame(call: impl FnOnce() + 'static) {
    let _no_window = leptos::prelude::request_animation_frame(call);
}

/// Watches an element's size until it is dropped.
pub struct SizeWatch {
    observer: ResizeObserver,
    _call: Closure<dyn FnMut()>,
}

impl Drop for SizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Calls back when an element has its first size, and whenever that changes.
pub fn watch_size(element: &Element, call: impl FnMut() + 'static) -> Option<SizeWatch> {
    let call: Closure<dyn FnMut()> = Closure::new(call);
    let observer = ResizeObserver::new(call.as_ref().unchecked_ref()).ok()?;
    observer.observe(element);
    Some(SizeWatch { observer, _call: call })
}
